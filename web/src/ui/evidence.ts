/**
 * Colours a face by the evidence for and against a class. Mirrors src/moue/drawing/evidence.py: the face keeps its
 * lightness; in OKLab, orange is for, blue against, gray neither.
 */

import type { RawImage } from '../recognition/pixels';

/** Minimum of the scale, in log-odds: a face with little evidence stays pale. */
const MIN_SCALE = 0.25;
const [FOR, AGAINST] = [52, 255].map((degrees) => (degrees * Math.PI) / 180) as [number, number];
const CHROMA = 0.17;
/** Range of lightness, because black and white cannot show a colour. */
const [DARK, BRIGHT] = [0.26, 0.87] as const;
const BAR_LIGHTNESS = 0.66;
/** Fraction of the scale from which evidence is outlined. */
const STRONG = 0.5;
const MARGIN = 3;
const GAMMA_STEPS = 16384;

type Grid = readonly (readonly number[])[];
type Rgba = Uint8ClampedArray<ArrayBuffer>;

/** The evidence that gets full colour: the strongest in the face, but at least `MIN_SCALE`. */
export function scaleOf(evidence: Grid): number {
  return Math.max(MIN_SCALE, ...evidence.flat().map(Math.abs));
}

/** A face in the colours of its evidence, RGBA. */
export function colorFace(face: RawImage, evidence: Grid, scale: number, shift: number): Rgba {
  const { width, height, data } = face;
  const share = stretched(evidence, width, height, shift);
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let place = 0; place < data.length; place += 1) {
    const lightness = DARK + ((BRIGHT - DARK) * data[place]!) / 255;
    paint(pixels, place, lightness, (share[place] = share[place]! / scale));
  }
  outline(pixels, share, width, height);
  return pixels;
}

/** The colour scale from against to for, one row of RGBA. */
export function colorBar(width: number): Rgba {
  const pixels = new Uint8ClampedArray(width * 4);
  for (let x = 0; x < width; x += 1) paint(pixels, x, BAR_LIGHTNESS, (2 * x) / (width - 1) - 1);
  return pixels;
}

// Björn Ottosson, https://bottosson.github.io/posts/oklab/ (public domain).
function paint(pixels: Uint8ClampedArray, place: number, lightness: number, share: number): void {
  const inside = Math.min(1, Math.max(-1, share));
  const chroma = CHROMA * Math.abs(inside);
  const hue = inside >= 0 ? FOR : AGAINST;
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  pixels[place * 4] = gamma(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short);
  pixels[place * 4 + 1] = gamma(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short);
  pixels[place * 4 + 2] = gamma(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short);
  pixels[place * 4 + 3] = 255;
}

let curve: Uint8Array | null = null;

/** sRGB of linear light, 0-255; looked up in a table, because a face has many pixels. */
function gamma(linear: number): number {
  curve ??= Uint8Array.from({ length: GAMMA_STEPS + 1 }, (_, step) => {
    const value = step / GAMMA_STEPS;
    return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
  });
  return curve[Math.round(GAMMA_STEPS * Math.min(1, Math.max(0, linear)))]!;
}

/** Values resized to a face and moved by `shift`, with repeated borders, as by Pillow's bicubic transform. */
function stretched(values: Grid, width: number, height: number, shift: number): Float32Array {
  const [rows, columns] = [values.length, values[0]!.length];
  const wide = Array.from({ length: rows + 2 * MARGIN }, (_, y) => {
    const row = values[within(y - MARGIN, rows)]!;
    const padded = Array.from({ length: columns + 2 * MARGIN }, (_, x) => row[within(x - MARGIN, columns)]!);
    return Float32Array.from({ length: width }, (_, x) => bicubic(padded, sample(x, width, columns, shift)));
  });
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const at = sample(y, height, rows, shift);
    const first = Math.floor(at) - 1;
    const four = [0, 1, 2, 3].map((k) => wide[within(first + k, wide.length)]!);
    const along = at - Math.floor(at);
    for (let x = 0; x < width; x += 1) {
      result[y * width + x] = cubic(four[0]![x]!, four[1]![x]!, four[2]![x]!, four[3]![x]!, along);
    }
  }
  return result;
}

function within(place: number, count: number): number {
  return Math.min(count - 1, Math.max(0, place));
}

/** The position of a pixel among the padded cells. */
function sample(pixel: number, size: number, count: number, shift: number): number {
  return ((pixel + 0.5) * count) / size + MARGIN - shift * count - 0.5;
}

function bicubic(values: readonly number[], at: number): number {
  const first = Math.floor(at) - 1;
  const [one, two, three, four] = [0, 1, 2, 3].map((k) => values[within(first + k, values.length)]!);
  return cubic(one!, two!, three!, four!, at - Math.floor(at));
}

function cubic(one: number, two: number, three: number, four: number, along: number): number {
  const [square, cube] = [2 * (one - two) + three - four, -one + two - three + four];
  return two + along * (three - one + along * (square + along * cube));
}

/** Draw a line around the parts where evidence for the class reaches half of the scale. */
function outline(pixels: Uint8ClampedArray, share: Float32Array, width: number, height: number): void {
  const by = Math.max(1, Math.round(Math.min(width, height) / 200));
  const steps = [-by, 0, by];
  const isStrong = (x: number, y: number) => share[within(y, height) * width + within(x, width)]! >= STRONG;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!isStrong(x, y) || steps.every((dy) => steps.every((dx) => isStrong(x + dx, y + dy)))) continue;
      pixels.fill(255, (y * width + x) * 4, (y * width + x) * 4 + 4);
    }
  }
}

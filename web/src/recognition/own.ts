/** moue's own face detector at several scales. Mirrors src/moue/faces/detectors/own.py. */

import { type Detector, type Face, type Point, keepHighest, merge, moved, overlap, sizeOf } from './face';
import { partsNear } from './near';
import type { Network } from './network';
import { type RawImage, toGray } from './pixels';
import { resizeView } from './resize';

const STRIDE = 8;
const UNIT = 32;
const SIZES: readonly [number, number] = [14, 75];
const STEP = 0.6;
const LARGEST_VIEW = 448;
const FINE_VIEW = 1088;
const FINE_ABOVE = 1000;
const MIN_VIEW = 160;
const LAST_VIEW = 40;
const ALIGN = 16;
const MAX_OVERLAP = 0.35;
const MIN_SIZE = 12;

/** Size of a known face in the view around it, in pixels. */
const NEAR_SIZE = 32;

export class OwnDetector implements Detector {
  readonly name = 'own';

  constructor(
    private readonly network: Network,
    private readonly threshold: number,
  ) {}

  /** The faces of an image, highest score first. */
  async detect(image: RawImage): Promise<Face[]> {
    const gray = toGray(image);
    const detections: Face[] = [];
    let view = gray;
    for (const scale of scales(gray.height, gray.width)) {
      // Each view is made from the previous, larger one.
      view = resizeView(view, gray.width * scale, gray.height * scale);
      for (const face of await this.detectView(view)) detections.push(moved(face, gray.width / view.width));
    }
    return largeEnough(merge(detections));
  }

  async detectNear(image: RawImage, faces: readonly Face[]): Promise<Face[]> {
    const detections: Face[] = [];
    for (const { part, left, top, size } of partsNear(image, faces)) {
      const scale = NEAR_SIZE / size;
      const view = resizeView(toGray(part), part.width * scale, part.height * scale);
      for (const face of await this.detectView(view)) detections.push(moved(face, part.width / view.width, left, top));
    }
    return largeEnough(merge(detections));
  }

  /** The faces of one gray view, in its pixels. */
  private async detectView(view: RawImage): Promise<Face[]> {
    const width = Math.ceil(view.width / ALIGN) * ALIGN;
    const height = Math.ceil(view.height / ALIGN) * ALIGN;
    const outputs = await this.network.run(padded(view, width, height), [1, height, width, 1]);
    const faces = decode(outputs, width / STRIDE, height / STRIDE, this.threshold);
    return keepHighest(faces, (face, other) => overlap(face, other)[0] > MAX_OVERLAP);
  }
}

function largeEnough(faces: Face[]): Face[] {
  return faces.filter((face) => sizeOf(face) >= MIN_SIZE);
}

function padded(view: RawImage, width: number, height: number): Float32Array {
  const input = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const row = Math.min(y, view.height - 1) * view.width;
    for (let x = 0; x < width; x += 1) input[y * width + x] = view.data[row + Math.min(x, view.width - 1)]!;
  }
  return input;
}

/** A face for each cell whose score reaches the threshold. */
export function decode(
  outputs: Readonly<Record<string, Float32Array>>,
  columns: number,
  rows: number,
  threshold: number,
): Face[] {
  const { score, box, landmarks } = outputs;
  if (!score || !box || !landmarks) throw new Error('the detector lacks an output');
  const faces: Face[] = [];
  // The threshold is compared as a 32-bit number, as in NumPy.
  const minScore = Math.fround(threshold);
  for (let cell = 0; cell < rows * columns; cell += 1) {
    if (!(score[cell]! >= minScore)) continue;
    const middle = [((cell % columns) + 0.5) * STRIDE, (Math.floor(cell / columns) + 0.5) * STRIDE] as const;
    const [width, height] = [side(box[cell * 4 + 2]!), side(box[cell * 4 + 3]!)];
    const size = Math.sqrt(width * height);
    if (size < SIZES[0] || size > SIZES[1]) continue;
    const [x, y] = [middle[0] + box[cell * 4]! * UNIT, middle[1] + box[cell * 4 + 1]! * UNIT];
    const points = Array.from({ length: 5 }, (_, k): Point => [
      landmarks[cell * 10 + 2 * k]! * UNIT + middle[0],
      landmarks[cell * 10 + 2 * k + 1]! * UNIT + middle[1],
    ]);
    faces.push({ x: x - width / 2, y: y - height / 2, width, height, landmarks: points, score: score[cell]! });
  }
  return faces;
}

function side(logarithm: number): number {
  return Math.exp(Math.min(4, Math.max(-4, logarithm))) * UNIT;
}

/** The scales at which an image of this size is searched, largest first. */
export function scales(height: number, width: number): number[] {
  const longest = Math.max(height, width);
  let scale = Math.min(1, LARGEST_VIEW / longest);
  if (longest < MIN_VIEW) scale = MIN_VIEW / longest;
  else if (longest > FINE_ABOVE) scale = FINE_VIEW / longest;
  const result = [scale];
  while (longest * scale * STEP >= LAST_VIEW) {
    scale *= STEP;
    result.push(scale);
  }
  return result;
}

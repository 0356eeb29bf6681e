/**
 * Resizing. Mirrors `resize` and `fit_gray` of src/moue/media/pixels.py, that is, Pillow's `Image.resize` with its
 * `reducing_gap` and `Image.reduce`, bit for bit: coefficients in 22-bit fixed point, rows first, then columns.
 */

import { type RawImage, roundHalfEven, toGray } from './pixels';

export type Filter = (x: number) => number;

/** Both filters reach one pixel of the smaller image on each side. */
const SUPPORT = 1;
const PRECISION_BITS = 22;
const REDUCING_GAP = 3;
const VIEW_GAP = 2;

export const bilinear: Filter = (x) => Math.max(0, 1 - Math.abs(x));

export const hamming: Filter = (x) => {
  const at = Math.abs(x) * Math.PI;
  if (at === 0) return 1;
  return Math.abs(x) >= 1 ? 0 : (Math.sin(at) / at) * (0.54 + 0.46 * Math.cos(at));
};

/** A face as the network's input: gray, (height, width). */
export function fitGray(image: RawImage, height: number, width: number): RawImage {
  if (image.width === width && image.height === height) return toGray(image);
  const smaller = image.height > height || image.width > width;
  return toGray(resize(image, width, height, smaller ? hamming : bilinear, REDUCING_GAP));
}

/** A view for a detector; sides are rounded to whole pixels, at least one. */
export function resizeView(image: RawImage, width: number, height: number): RawImage {
  const side = (length: number) => Math.max(1, roundHalfEven(length));
  return resize(image, side(width), side(height), bilinear, VIEW_GAP);
}

export function resize(image: RawImage, width: number, height: number, filter: Filter, gap: number): RawImage {
  if (image.width === width && image.height === height) return image;
  const across = Math.max(1, Math.trunc(image.width / width / gap));
  const down = Math.max(1, Math.trunc(image.height / height / gap));
  const start = across > 1 || down > 1 ? reduce(image, across, down) : image;
  // The last block of a reduced image may be partial, so the size in blocks is not always an integer.
  const [spanX, spanY] = [image.width / across, image.height / down];
  const rows = spanX === width ? start : alongRows(start, width, coefficients(start.width, spanX, width, filter));
  return spanY === height ? rows : alongColumns(rows, height, coefficients(rows.height, spanY, height, filter));
}

/** Average over blocks; those at the right and lower edges may be partial. */
export function reduce(image: RawImage, across: number, down: number): RawImage {
  const { channels, data } = image;
  const width = Math.ceil(image.width / across);
  const height = Math.ceil(image.height / down);
  const result = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    const bottom = Math.min(image.height, (y + 1) * down);
    for (let x = 0; x < width; x += 1) {
      const right = Math.min(image.width, (x + 1) * across);
      const count = (bottom - y * down) * (right - x * across);
      const factor = Math.floor(2 ** 24 / count);
      for (let c = 0; c < channels; c += 1) {
        let sum = count >> 1;
        for (let row = y * down; row < bottom; row += 1) {
          for (let column = x * across; column < right; column += 1) {
            sum += data[(row * image.width + column) * channels + c]!;
          }
        }
        result[(y * width + x) * channels + c] = Math.floor((sum * factor) / 2 ** 24);
      }
    }
  }
  return { width, height, channels, data: result };
}

interface Coefficients {
  /** For each output pixel, the first input pixel that it is made from. */
  readonly first: Int32Array;
  /** The number of input pixels. */
  readonly count: Int32Array;
  /** Their weights, `kernelSize` numbers for each output pixel. */
  readonly weights: Int32Array;
  readonly kernelSize: number;
}

function coefficients(size: number, span: number, target: number, filter: Filter): Coefficients {
  const scale = span / target;
  const stretch = Math.max(1, scale);
  const support = SUPPORT * stretch;
  const kernelSize = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(target);
  const count = new Int32Array(target);
  const weights = new Int32Array(target * kernelSize);
  for (let place = 0; place < target; place += 1) {
    const center = (place + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const high = Math.min(size, Math.trunc(center + support + 0.5));
    const parts: number[] = [];
    let total = 0;
    for (let x = low; x < high; x += 1) {
      const weight = filter((x - center + 0.5) * (1 / stretch));
      parts.push(weight);
      total += weight;
    }
    first[place] = low;
    count[place] = high - low;
    parts.forEach((weight, k) => {
      const share = (total === 0 ? weight : weight / total) * 2 ** PRECISION_BITS;
      weights[place * kernelSize + k] = Math.trunc(share + (share < 0 ? -0.5 : 0.5));
    });
  }
  return { first, count, weights, kernelSize };
}

function clipped(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function alongRows(image: RawImage, width: number, by: Coefficients): RawImage {
  const { height, channels, data } = image;
  const result = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    const row = y * image.width * channels;
    for (let x = 0; x < width; x += 1) {
      const start = row + by.first[x]! * channels;
      const weight = x * by.kernelSize;
      const count = by.count[x]!;
      for (let c = 0; c < channels; c += 1) {
        let sum = 1 << (PRECISION_BITS - 1);
        for (let k = 0; k < count; k += 1) sum += data[start + k * channels + c]! * by.weights[weight + k]!;
        result[(y * width + x) * channels + c] = clipped(sum);
      }
    }
  }
  return { width, height, channels, data: result };
}

function alongColumns(image: RawImage, height: number, by: Coefficients): RawImage {
  const { width, channels, data } = image;
  const row = width * channels;
  const result = new Uint8Array(row * height);
  for (let y = 0; y < height; y += 1) {
    const start = by.first[y]! * row;
    const weight = y * by.kernelSize;
    const count = by.count[y]!;
    for (let x = 0; x < row; x += 1) {
      let sum = 1 << (PRECISION_BITS - 1);
      for (let k = 0; k < count; k += 1) sum += data[start + k * row + x]! * by.weights[weight + k]!;
      result[y * row + x] = clipped(sum);
    }
  }
  return { width, height, channels, data: result };
}

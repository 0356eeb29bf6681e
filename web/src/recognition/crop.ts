/**
 * Crops a face out of an image, levelled by its landmarks. Mirrors src/moue/faces/crop.py, with Pillow's affine
 * transform and bilinear sampling.
 */

import type { Face } from './face';
import { type RawImage, cut } from './pixels';
import { fitGray, reduce } from './resize';
import type { InputSpec } from './spec';

const MAX_SAMPLES = 4;
const MAX_RELATIVE_SIZE = 4;
const MIN_EYE_LINE = 0.15;

/** Sizes of the square, relative to the fitted one, over which a prediction is averaged. */
export const VIEWS: readonly number[] = [1.0, 1.08, 0.92];

/** A rotated square in an image. */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly side: number;
  readonly angle: number;
}

export function cropFace(image: RawImage, face: Face, spec: InputSpec, zoom: number): RawImage {
  const frame = frameOf(face, spec, zoom);
  const { part, left, top } = cutOut(image, frame);
  const target = Math.max(spec.height, spec.width);
  const whole = Math.max(1, Math.trunc(frame.side / (MAX_SAMPLES * target)));
  const source = whole > 1 ? reduce(part, whole, whole) : part;
  const samples = Math.min(MAX_SAMPLES, Math.max(1, Math.ceil(frame.side / whole / target)));
  const { angle } = frame;
  const inside = { x: (frame.x - left) / whole, y: (frame.y - top) / whole, side: frame.side / whole, angle };
  return fitGray(sampled(source, inside, spec.width * samples, spec.height * samples), spec.height, spec.width);
}

/** Whether a face's box lies in the image and has a sensible size. */
export function isInside(face: Face, width: number, height: number): boolean {
  const outside = face.x >= width || face.y >= height || face.x + face.width <= 0 || face.y + face.height <= 0;
  return !outside && Math.max(face.width, face.height) <= MAX_RELATIVE_SIZE * Math.max(height, width);
}

function frameOf(face: Face, spec: InputSpec, zoom: number): Frame {
  const size = Math.sqrt(face.width * face.height);
  const angle = tilt(face, size);
  const down = spec.crop_shift * size;
  return {
    x: face.x + face.width / 2 - down * Math.sin(angle),
    y: face.y + face.height / 2 + down * Math.cos(angle),
    side: zoom * size * (1 + spec.crop_margin),
    angle,
  };
}

/** The angle of the line through the eyes and the mouth's corners. */
function tilt(face: Face, size: number): number {
  if (!face.landmarks) return 0;
  const [rightEye, leftEye, , rightMouth, leftMouth] = face.landmarks;
  const across = leftEye![0] - rightEye![0] + (leftMouth![0] - rightMouth![0]);
  const down = leftEye![1] - rightEye![1] + (leftMouth![1] - rightMouth![1]);
  // In profile both eyes are in almost the same place, so their line gives no angle.
  return Math.hypot(across, down) < 2 * MIN_EYE_LINE * size ? 0 : Math.atan2(down, across);
}

/** The upright part of the image that contains the square, its border repeated, and its upper left corner. */
function cutOut(image: RawImage, frame: Frame): { part: RawImage; left: number; top: number } {
  const half = (frame.side / 2) * (Math.abs(Math.cos(frame.angle)) + Math.abs(Math.sin(frame.angle))) + 2;
  const [left, top] = [Math.floor(frame.x - half), Math.floor(frame.y - half)];
  const [right, bottom] = [Math.ceil(frame.x + half), Math.ceil(frame.y + half)];
  const innerLeft = Math.min(Math.max(left, 0), image.width - 1);
  const innerTop = Math.min(Math.max(top, 0), image.height - 1);
  const innerRight = Math.max(Math.min(right, image.width), innerLeft + 1);
  const innerBottom = Math.max(Math.min(bottom, image.height), innerTop + 1);
  const inner = cut(image, innerLeft, innerTop, innerRight - innerLeft, innerBottom - innerTop);
  const before: [number, number] = [Math.max(0, innerLeft - left), Math.max(0, innerTop - top)];
  const after: [number, number] = [Math.max(0, right - innerRight), Math.max(0, bottom - innerBottom)];
  return { part: withBorder(inner, before, after), left: Math.min(left, innerLeft), top: Math.min(top, innerTop) };
}

function withBorder(image: RawImage, before: [number, number], after: [number, number]): RawImage {
  if (![...before, ...after].some((count) => count > 0)) return image;
  const { channels, data } = image;
  const width = before[0] + image.width + after[0];
  const height = before[1] + image.height + after[1];
  const result = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    const row = Math.min(Math.max(y - before[1], 0), image.height - 1) * image.width;
    for (let x = 0; x < width; x += 1) {
      const from = (row + Math.min(Math.max(x - before[0], 0), image.width - 1)) * channels;
      for (let c = 0; c < channels; c += 1) result[(y * width + x) * channels + c] = data[from + c]!;
    }
  }
  return { width, height, channels, data: result };
}

/** The square, upright, sampled at (height, width) pixels. */
function sampled(image: RawImage, frame: Frame, width: number, height: number): RawImage {
  const { channels, data } = image;
  const result = new Uint8Array(width * height * channels);
  const [across, down] = [frame.side / width, frame.side / height];
  const [cos, sin] = [Math.cos(frame.angle), Math.sin(frame.angle)];
  const [a, b, d, e] = [across * cos, -down * sin, across * sin, down * cos];
  const c = frame.x - (a * width) / 2 - (b * height) / 2;
  const f = frame.y - (d * width) / 2 - (e * height) / 2;
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const x = a * (column + 0.5) + b * (row + 0.5) + c;
      const y = d * (column + 0.5) + e * (row + 0.5) + f;
      // Pillow leaves pixels outside the image black.
      if (x < 0 || x >= image.width || y < 0 || y >= image.height) continue;
      const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
      const [dx, dy] = [x - 0.5 - left, y - 0.5 - top];
      const x0 = Math.max(0, left) * channels;
      const x1 = Math.min(image.width - 1, left + 1) * channels;
      const y0 = Math.max(0, top) * image.width * channels;
      const y1 = Math.min(image.height - 1, top + 1) * image.width * channels;
      for (let k = 0; k < channels; k += 1) {
        const upper = data[y0 + x0 + k]! * (1 - dx) + data[y0 + x1 + k]! * dx;
        const lower = data[y1 + x0 + k]! * (1 - dx) + data[y1 + x1 + k]! * dx;
        result[(row * width + column) * channels + k] = Math.trunc(upper * (1 - dy) + lower * dy);
      }
    }
  }
  return { width, height, channels, data: result };
}

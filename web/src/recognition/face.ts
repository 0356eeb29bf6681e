/** Faces, and the overlap of their boxes. Mirrors src/moue/faces/face.py and src/moue/faces/boxes.py. */

import type { RawImage } from './pixels';

export type Point = readonly [number, number];

/** One face, in pixels of the image; (0, 0) is the image's upper left corner. */
export interface Face {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Right eye, left eye, nose tip, right and left corner of the mouth; "right" is the person's. */
  readonly landmarks: readonly Point[] | null;
  readonly score: number;
}

/** Anything that finds faces. */
export interface Detector {
  /** The detector's name in the results. */
  readonly name: string;
  /** The faces of an image, highest score first. */
  detect(image: RawImage): Promise<Face[]>;
  /**
   * Detect only near the faces of a previous frame, in one small view around each. Used for videos and cameras, between
   * two full searches; Python has no such step.
   */
  detectNear(image: RawImage, faces: readonly Face[]): Promise<Face[]>;
}

export const MIN_IOU = 0.3;
const MIN_PART = 0.65;

/** A face's size: the square root of its box's area. */
export function sizeOf(face: Face): number {
  return Math.sqrt(face.width * face.height);
}

/** The boxes' intersection over their union, and over the smaller of the two. */
export function overlap(face: Face, other: Face): [number, number] {
  const width = Math.min(face.x + face.width, other.x + other.width) - Math.max(face.x, other.x);
  const height = Math.min(face.y + face.height, other.y + other.height) - Math.max(face.y, other.y);
  if (width <= 0 || height <= 0) return [0, 0];
  const shared = width * height;
  const one = face.width * face.height;
  const two = other.width * other.height;
  return [shared / (one + two - shared), shared / Math.min(one, two)];
}

/** One box for each face, highest score first. */
export function keepHighest(faces: readonly Face[], same: (face: Face, other: Face) => boolean): Face[] {
  const kept: Face[] = [];
  for (const face of [...faces].sort((one, other) => other.score - one.score)) {
    if (!kept.some((other) => same(face, other))) kept.push(face);
  }
  return kept;
}

/** One box for each face, from the boxes of several views. */
export function merge(faces: readonly Face[]): Face[] {
  return keepHighest(faces, (face, other) => {
    const [union, part] = overlap(face, other);
    return union > MIN_IOU || part > MIN_PART;
  });
}

/** The face in an image that is scaled by `scale` and then shifted. */
export function moved(face: Face, scale: number, dx = 0, dy = 0): Face {
  const landmarks = face.landmarks?.map(([x, y]): Point => [Math.fround(x * scale + dx), Math.fround(y * scale + dy)]);
  return {
    x: face.x * scale + dx,
    y: face.y * scale + dy,
    width: face.width * scale,
    height: face.height * scale,
    landmarks: landmarks ?? null,
    score: face.score,
  };
}

/** A face found after `quarterTurned(image, turns)`, in pixels of the upright (height, width) image. */
export function turnBack(face: Face, turns: number, height: number, width: number): Face {
  const back = ([x, y]: Point): Point => {
    if (turns === 1) return [width - y, x];
    if (turns === 2) return [width - x, height - y];
    return turns === 3 ? [y, height - x] : [x, y];
  };
  const [x1, y1] = back([face.x, face.y]);
  const [x2, y2] = back([face.x + face.width, face.y + face.height]);
  return {
    x: Math.min(x1, x2),
    y: Math.min(y1, y2),
    width: Math.abs(x2 - x1),
    height: Math.abs(y2 - y1),
    landmarks: face.landmarks?.map(back) ?? null,
    score: face.score,
  };
}

/** The parts of a picture around faces that were there a moment ago. */

import { type Face, sizeOf } from './face';
import { type Picture, cut } from './pixels';

/** How much larger a part is than its face. */
const NEAR = 2.2;

/** A smaller part shows no face. */
const LEAST_SIDE = 12;

export interface NearPart {
  readonly part: Picture;
  /** Where the part begins in the picture. */
  readonly left: number;
  readonly top: number;
  /** The face's size in pixels. */
  readonly size: number;
}

export function partsNear(picture: Picture, faces: readonly Face[]): NearPart[] {
  return faces.flatMap((face) => {
    const size = sizeOf(face);
    const half = (size * NEAR) / 2;
    const left = Math.max(0, Math.floor(face.x + face.width / 2 - half));
    const top = Math.max(0, Math.floor(face.y + face.height / 2 - half));
    const width = Math.min(picture.width, Math.ceil(face.x + face.width / 2 + half)) - left;
    const height = Math.min(picture.height, Math.ceil(face.y + face.height / 2 + half)) - top;
    if (Math.min(width, height) < LEAST_SIDE) return [];
    return [{ part: cut(picture, left, top, width, height), left, top, size }];
  });
}

/** The parts of an image around the faces of a previous frame. */

import { type Face, sizeOf } from './face';
import { type RawImage, cut } from './pixels';

/** How much larger a part is than its face. */
const NEAR = 2.2;

/** A smaller part is too small to show a face. */
const MIN_SIDE = 12;

export interface NearPart {
  readonly part: RawImage;
  /** Where the part begins in the image. */
  readonly left: number;
  readonly top: number;
  /** The face's size in pixels. */
  readonly size: number;
}

export function partsNear(image: RawImage, faces: readonly Face[]): NearPart[] {
  return faces.flatMap((face) => {
    const size = sizeOf(face);
    const half = (size * NEAR) / 2;
    const left = Math.max(0, Math.floor(face.x + face.width / 2 - half));
    const top = Math.max(0, Math.floor(face.y + face.height / 2 - half));
    const width = Math.min(image.width, Math.ceil(face.x + face.width / 2 + half)) - left;
    const height = Math.min(image.height, Math.ceil(face.y + face.height / 2 + half)) - top;
    if (Math.min(width, height) < MIN_SIDE) return [];
    return [{ part: cut(image, left, top, width, height), left, top, size }];
  });
}

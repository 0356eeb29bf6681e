/** Finds cuts from one scene of a video to another. Mirrors `CutFinder` of src/moue/recognition/cuts.py. */

import { type RawImage, toGray } from './pixels';
import { bilinear, resize } from './resize';

const SIDE = 24;
const SAME_SCENE = 0.5;
const FLAT = 3.0;
const SAME_LEVEL = 24.0;

export class CutFinder {
  private last: RawImage | null = null;

  /** Whether a new scene begins with this frame; false for the first one. */
  update(image: RawImage): boolean {
    const before = this.last;
    this.last = toGray(resize(image, SIDE, SIDE, bilinear, 2));
    return before !== null && !alike(before.data, this.last.data);
  }
}

function alike(one: Uint8Array, two: Uint8Array): boolean {
  const [meanOne, meanTwo] = [mean(one), mean(two)];
  const product = (a: Uint8Array, b: Uint8Array, low: number, high: number) =>
    a.reduce((sum, value, k) => sum + (value - low) * (b[k]! - high), 0) / a.length;
  const spread = [Math.sqrt(product(one, one, meanOne, meanOne)), Math.sqrt(product(two, two, meanTwo, meanTwo))];
  if (Math.min(...spread) < FLAT) {
    return Math.max(...spread) < 2 * FLAT && Math.abs(meanOne - meanTwo) < SAME_LEVEL;
  }
  return product(one, two, meanOne, meanTwo) / (spread[0]! * spread[1]!) >= SAME_SCENE;
}

function mean(values: Uint8Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

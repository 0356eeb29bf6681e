/** Tracks faces from frame to frame. Mirrors src/moue/recognition/tracking.py. */

import type { Box } from './analyze';
import { assign } from './assignment';

const KEEP_S = 1.0;
/** A slow device analyses few frames: there a face may be away for this many of them. */
const STEPS_KEPT = 3;
const REACH = 1.25;
const MAX_GROWTH = 2.0;
const MIN_LIKENESS = 0.05;

interface Track {
  readonly id: number;
  box: Box;
  seenS: number;
}

/** Numbers the faces of successive frames; a face that is away for more than a second returns as a new person. */
export class Tracker {
  private count = 0;
  private tracks: Track[] = [];
  private lastS = Infinity;

  /** Forget all faces: the next ones are new, as after a cut. */
  forget(): void {
    this.tracks = [];
  }

  /** The number of each face, from 1, in the order of `boxes`. */
  update(boxes: readonly Box[], timeS: number): number[] {
    const keepS = Math.max(KEEP_S, STEPS_KEPT * (timeS - this.lastS));
    this.lastS = timeS;
    this.tracks = this.tracks.filter((track) => timeS - track.seenS <= keepS);
    const order = boxes.map((_, k) => k).sort((one, two) => compare(boxes[one]!, boxes[two]!));
    const known = this.pairs(order.map((k) => boxes[k]!));
    const ids = new Array<number>(boxes.length).fill(0);
    order.forEach((k, place) => {
      let track = known.get(place);
      if (!track) {
        this.count += 1;
        track = { id: this.count, box: boxes[k]!, seenS: timeS };
        this.tracks.push(track);
      }
      track.box = boxes[k]!;
      track.seenS = timeS;
      ids[k] = track.id;
    });
    return ids;
  }

  private pairs(boxes: readonly Box[]): Map<number, Track> {
    if (boxes.length === 0 || this.tracks.length === 0) return new Map();
    const alike = this.tracks.map((track) =>
      boxes.map((box) => {
        const value = likeness(track.box, box);
        return value < MIN_LIKENESS ? 0 : value;
      }),
    );
    const good = assign(alike).filter(([row, column]) => alike[row]![column]! > 0);
    return new Map(good.map(([row, column]) => [column, this.tracks[row]!]));
  }
}

function compare(one: Box, two: Box): number {
  const place = one.findIndex((value, k) => value !== two[k]);
  return place < 0 ? 0 : one[place]! - two[place]!;
}

/** The likeness of two boxes, 0-2: their overlap plus the closeness of their centres. */
export function likeness(one: Box, two: Box): number {
  const width = Math.min(one[0] + one[2], two[0] + two[2]) - Math.max(one[0], two[0]);
  const height = Math.min(one[1] + one[3], two[1] + two[3]) - Math.max(one[1], two[1]);
  const shared = Math.max(0, width) * Math.max(0, height);
  const areas = [one[2] * one[3], two[2] * two[3]] as const;
  const [small, large] = [Math.min(...areas), Math.max(...areas)];
  const apart = Math.hypot(one[0] + one[2] / 2 - two[0] - two[2] / 2, one[1] + one[3] / 2 - two[1] - two[3] / 2);
  const near = Math.max(0, 1 - apart / Math.max(REACH * Math.sqrt(large), 1e-9));
  const grown = Math.sqrt(large / Math.max(small, 1e-9));
  return grown <= MAX_GROWTH ? shared / Math.max(areas[0] + areas[1] - shared, 1e-9) + near : 0;
}

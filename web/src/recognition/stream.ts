/**
 * From frames to people: numbers the faces and smooths their answers. Mirrors `Follower` of
 * src/moue/recognition/stream.py. The page looks at the whole frame now and then, and in between near the faces it knows.
 */

import { type Analyzer, type FaceResult, type Seen, faceOf, named } from './analyze';
import { CutFinder } from './cuts';
import type { Picture } from './pixels';
import { Smoother } from './smoothing';
import { Tracker } from './tracking';

export interface TrackedFace extends FaceResult {
  /** Number of the person, 1 or more. */
  readonly track_id: number;
  readonly raw_emotion: string;
  readonly raw_confidence: number;
}

export interface SeenFrame extends Omit<Seen, 'faces'> {
  readonly faces: readonly TrackedFace[];
  readonly time_s: number;
}

/** How often the whole frame is searched while faces are known. */
const SEARCH_EVERY_S = 0.5;

export class Follower {
  private readonly tracker = new Tracker();
  private readonly smoother = new Smoother();
  private readonly cuts = new CutFinder();
  private known: readonly FaceResult[] = [];
  private searchedS = -Infinity;

  constructor(private readonly analyzer: Analyzer) {}

  /** Everybody counts as new, and the whole frame is searched, as after a jump within a video. */
  forget(): void {
    this.tracker.forget();
    this.known = [];
    this.searchedS = -Infinity;
  }

  async add(picture: Picture, timeS: number): Promise<SeenFrame> {
    if (this.cuts.update(picture)) this.forget();
    const seen = await this.look(picture, timeS);
    this.known = seen.faces;
    const ids = this.tracker.update(seen.faces.map((face) => face.box), timeS);
    const smooth = this.smoother.update(seen.faces.map((face) => face.probabilities), ids, timeS);
    const faces = seen.faces.map((face, k): TrackedFace => ({
      ...face,
      ...named(smooth[k]!),
      track_id: ids[k]!,
      raw_emotion: face.emotion,
      raw_confidence: face.confidence,
    }));
    return { ...seen, faces, time_s: timeS };
  }

  private async look(picture: Picture, timeS: number): Promise<Seen> {
    if (this.known.length > 0 && timeS - this.searchedS < SEARCH_EVERY_S) {
      const near = await this.analyzer.analyze(picture, this.known.map(faceOf));
      // A face that is lost may only have moved far.
      if (near.faces.length >= this.known.length) return near;
    }
    this.searchedS = timeS;
    return this.analyzer.analyze(picture);
  }
}

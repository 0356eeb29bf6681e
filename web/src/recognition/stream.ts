/**
 * From frames to people: numbers the faces and smooths their predictions. Mirrors `Follower` of
 * src/moue/recognition/stream.py. The page searches the whole frame now and then, and otherwise only near known faces.
 */

import { type Analysis, type Analyzer, type FaceResult, faceOf, fieldsFrom } from './analyze';
import { CutFinder } from './cuts';
import type { RawImage } from './pixels';
import { Smoother } from './smoothing';
import { Tracker } from './tracking';

export interface TrackedFace extends FaceResult {
  /** Number of the person, from 1. */
  readonly track_id: number;
  readonly raw_emotion: string;
  readonly raw_confidence: number;
}

export interface FrameAnalysis extends Omit<Analysis, 'faces'> {
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

  /** Treat everybody as new and search the whole frame, as after a jump within a video. */
  forget(): void {
    this.tracker.forget();
    this.known = [];
    this.searchedS = -Infinity;
  }

  async add(image: RawImage, timeS: number): Promise<FrameAnalysis> {
    if (this.cuts.update(image)) this.forget();
    const analysis = await this.analyze(image, timeS);
    this.known = analysis.faces;
    const ids = this.tracker.update(analysis.faces.map((face) => face.box), timeS);
    const smooth = this.smoother.update(analysis.faces.map((face) => face.probabilities), ids, timeS);
    const faces = analysis.faces.map((face, k): TrackedFace => ({
      ...face,
      ...fieldsFrom(smooth[k]!),
      track_id: ids[k]!,
      raw_emotion: face.emotion,
      raw_confidence: face.confidence,
    }));
    return { ...analysis, faces, time_s: timeS };
  }

  private async analyze(image: RawImage, timeS: number): Promise<Analysis> {
    if (this.known.length > 0 && timeS - this.searchedS < SEARCH_EVERY_S) {
      const near = await this.analyzer.analyze(image, this.known.map(faceOf));
      // A missing face may just have moved far, so the whole frame is searched.
      if (near.faces.length >= this.known.length) return near;
    }
    this.searchedS = timeS;
    return this.analyzer.analyze(image);
  }
}

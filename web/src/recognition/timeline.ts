/** Each person's expressions over time, in bounded memory. Mirrors src/moue/recognition/timeline.py. */

import type { FrameAnalysis } from './stream';

const MAX_BINS = 600;
const FIRST_BIN_S = 0.1;
const MAX_PEOPLE = 64;

export interface Person {
  readonly id: number;
  readonly firstS: number;
  lastS: number;
  frames: number;
  /** For each stretch of time: the sums of the probabilities, in class order, and the number of frames. */
  bins: Map<number, number[]>;
}

export class Timeline {
  binS = FIRST_BIN_S;
  beginS: number | null = null;
  endS = 0;
  numFrames = 0;
  private readonly byId = new Map<number, Person>();

  constructor(readonly classNames: readonly string[]) {}

  /** Add the next frame. */
  add(frame: FrameAnalysis): void {
    this.beginS ??= frame.time_s;
    this.numFrames += 1;
    this.endS = Math.max(this.endS, frame.time_s);
    while (this.place(frame.time_s) >= MAX_BINS) this.halve();
    const place = this.place(frame.time_s);
    for (const face of frame.faces) {
      const fresh: Person = { id: face.track_id, firstS: frame.time_s, lastS: 0, frames: 0, bins: new Map() };
      const person = this.byId.get(face.track_id) ?? fresh;
      this.byId.set(person.id, person);
      person.lastS = frame.time_s;
      person.frames += 1;
      const sums = person.bins.get(place) ?? new Array<number>(this.classNames.length + 1).fill(0);
      this.classNames.forEach((name, k) => (sums[k]! += face.probabilities[name]!));
      sums[this.classNames.length]! += 1;
      person.bins.set(place, sums);
    }
    this.dropShortest(new Set(frame.faces.map((face) => face.track_id)));
  }

  people(): Person[] {
    return [...this.byId.values()].sort((one, two) => one.id - two.id);
  }

  /** The mean probability of each class over a person's frames, in class order. */
  mean(person: Person): number[] {
    const sums = new Array<number>(this.classNames.length + 1).fill(0);
    for (const bin of person.bins.values()) bin.forEach((value, k) => (sums[k]! += value));
    return this.classNames.map((_, k) => sums[k]! / Math.max(1, sums[this.classNames.length]!));
  }

  private place(timeS: number): number {
    return Math.max(0, Math.floor((timeS - (this.beginS ?? 0)) / this.binS));
  }

  private halve(): void {
    this.binS *= 2;
    for (const person of this.byId.values()) {
      const bins = new Map<number, number[]>();
      for (const [place, sums] of person.bins) {
        const other = bins.get(place >> 1);
        bins.set(place >> 1, other ? other.map((value, k) => value + sums[k]!) : sums);
      }
      person.bins = bins;
    }
  }

  /** If there are too many people, drop those seen in the fewest frames. */
  private dropShortest(present: ReadonlySet<number>): void {
    while (this.byId.size > Math.max(MAX_PEOPLE, present.size)) {
      const absent = this.people().filter((person) => !present.has(person.id));
      const shortest = absent.reduce((one, other) => (other.frames < one.frames ? other : one));
      this.byId.delete(shortest.id);
    }
  }
}

/** A time as minutes and seconds, or hours, minutes and seconds: "1:05", "2:00:00". */
export function minutes(seconds: number): string {
  const whole = Math.trunc(seconds);
  const [hours, rest] = [Math.trunc(whole / 3600), whole % 3600];
  const two = (value: number) => String(value).padStart(2, '0');
  const short = `${hours ? two(Math.trunc(rest / 60)) : Math.trunc(rest / 60)}:${two(rest % 60)}`;
  return hours ? `${hours}:${short}` : short;
}

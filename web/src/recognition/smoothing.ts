/** Averages probabilities over half a second against flicker. Mirrors src/moue/recognition/smoothing.py. */

type Probabilities = Readonly<Record<string, number>>;

const WINDOW_S = 0.5;
const ONE_MOMENT_S = 1e-9;

/** Averages each person's probabilities over time, not over frames, in the last `windowS` seconds. */
export class Smoother {
  private readonly past = new Map<number, { timeS: number; probabilities: Probabilities }[]>();

  constructor(private readonly windowS = WINDOW_S) {}

  /** The smoothed probabilities of each face, in the order of `faces`. */
  update(faces: readonly Probabilities[], ids: readonly number[], timeS: number): Probabilities[] {
    faces.forEach((probabilities, k) => {
      const known = this.past.get(ids[k]!) ?? [];
      known.push({ timeS, probabilities });
      this.past.set(ids[k]!, known);
    });
    const oldest = timeS - this.windowS - ONE_MOMENT_S;
    for (const [id, known] of this.past) {
      while (known.length > 0 && known[0]!.timeS < oldest) known.shift();
      if (known.length === 0) this.past.delete(id);
    }
    return faces.map((face, k) => this.mean(ids[k]!, face));
  }

  private mean(id: number, face: Probabilities): Probabilities {
    const past = this.past.get(id) ?? [];
    if (this.windowS === 0 || past.length <= 1) return face;
    const times = past.map((one) => one.timeS);
    let weights = times.map((time, k) => (times[k + 1] ?? time) - (times[k - 1] ?? time));
    let total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total < ONE_MOMENT_S) {
      weights = weights.map(() => 1);
      total = weights.length;
    }
    const mean = (name: string) =>
      past.reduce((sum, { probabilities }, k) => sum + weights[k]! * probabilities[name]!, 0) / total;
    return Object.fromEntries(Object.keys(face).map((name) => [name, mean(name)]));
  }
}

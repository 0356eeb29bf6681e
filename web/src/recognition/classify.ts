/** Naming the expression of faces. Mirrors src/moue/recognition/answers.py and `Classifier.answer`. */

import type { Network } from './network';
import type { Picture } from './pixels';
import type { ModelSpec } from './spec';

/** What is seen in one face: the mean over its views. */
export interface Answer {
  readonly probabilities: readonly number[];
  /** Probability that this is no face. */
  readonly notFace: number;
}

export class Classifier {
  constructor(
    private readonly network: Network,
    readonly spec: ModelSpec,
  ) {}

  async answer(faces: readonly (readonly Picture[])[]): Promise<Answer[]> {
    const views = faces.flat();
    if (views.length === 0) return [];
    const { height, width } = this.spec.input;
    const input = new Float32Array(views.length * height * width);
    views.forEach((view, k) => input.set(view.data, k * height * width));
    const { expression, not_face: notFace } = await this.network.run(input, [views.length, height, width, 1]);
    if (!expression || !notFace) throw new Error('the network lacks an output');
    const columns = this.spec.expression.class_names.length;
    let start = 0;
    return faces.map((face) => {
      const rows = face.map((_, k) => start + k);
      start += face.length;
      const mean = (value: (row: number) => number) => rows.reduce((sum, row) => sum + value(row), 0) / rows.length;
      const probabilities = Array.from({ length: columns }, (_, k) => mean((row) => expression[row * columns + k]!));
      return { probabilities, notFace: mean((row) => notFace[row]!) };
    });
  }
}

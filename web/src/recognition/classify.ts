/** Predicting the expression of faces. Mirrors src/moue/recognition/face_prediction.py. */

import type { Network } from './network';
import type { RawImage } from './pixels';
import type { ModelSpec } from './spec';

/** The prediction for one face: the mean over its views. */
export interface FacePrediction {
  readonly probabilities: readonly number[];
  /** Probability that this is not a face. */
  readonly notFace: number;
}

export class Classifier {
  constructor(
    private readonly network: Network,
    readonly spec: ModelSpec,
  ) {}

  /** @param faces The views of each face. */
  async predict(faces: readonly (readonly RawImage[])[]): Promise<FacePrediction[]> {
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

/** The JSON files beside the networks. Mirrors src/moue/classifier/spec.py as far as the page needs it. */

import type { FeatureSpec } from './features';

export interface InputSpec {
  readonly height: number;
  readonly width: number;
  readonly crop_margin: number;
  readonly crop_shift: number;
}

export interface ModelSpec {
  readonly name: string;
  readonly input: InputSpec;
  readonly expression: {
    readonly class_names: readonly string[];
    readonly not_face_above: number;
    /** For each head, a row for each class: the weights of the logarithms of the head's probabilities. */
    readonly weights: Readonly<Record<string, readonly (readonly number[])[]>>;
  };
  /** The features for class maps; only a network that average-pools its last features over the face has them. */
  readonly features?: FeatureSpec | null;
}

/** The model.json beside the page. Mirrors src/moue/page/model.py. */
export interface PageModel {
  readonly format: string;
  readonly name: string;
  /** The ONNX file, relative to the page; its name changes with its contents. */
  readonly file: string;
  readonly bytes: number;
  /** The colour of each class, as #rrggbb. */
  readonly colors: Readonly<Record<string, string>>;
  /** The model's test accuracy, 0-1; null if it is not known. */
  readonly accuracy: number | null;
  readonly spec: ModelSpec;
  /** The face detector, if it is not the one built into the page. Mirrors src/moue/page/detector.py. */
  readonly detector?: DetectorSpec;
}

export interface DetectorSpec {
  readonly name: string;
  /** The detector's ONNX file, relative to the page. */
  readonly file: string;
  readonly bytes: number;
  readonly score_threshold: number;
  readonly min_size: number;
}

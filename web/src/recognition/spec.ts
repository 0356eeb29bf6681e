/** What the JSON files beside the networks say. Mirrors src/moue/classifier/spec.py as far as the page needs it. */

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
    /** Of each head a row for each class: what the logarithms of its probabilities count. */
    readonly weights: Readonly<Record<string, readonly (readonly number[])[]>>;
  };
  /** What class maps are made from; only a network that averages its last features over the face has some. */
  readonly features?: FeatureSpec | null;
}

/** What model.json beside the page says of its network. Mirrors src/moue/page/model.py. */
export interface PageModel {
  readonly format: string;
  readonly name: string;
  /** Where the ONNX file is, relative to the page; its name changes with its contents. */
  readonly file: string;
  readonly bytes: number;
  /** The colour of each class, as #rrggbb. */
  readonly colors: Readonly<Record<string, string>>;
  /** How often the answer was right in the network's test; null where nobody knows. */
  readonly accuracy: number | null;
  readonly spec: ModelSpec;
  /** What finds the faces, where it is not the detector that is built into the page. Mirrors src/moue/page/detector.py. */
  readonly detector?: DetectorSpec;
}

export interface DetectorSpec {
  readonly name: string;
  /** Where its ONNX file is, as for the network. */
  readonly file: string;
  readonly bytes: number;
  readonly score_threshold: number;
  readonly min_size: number;
}

/** What the JSON files beside the networks say. Mirrors src/moue/classifier/spec.py as far as the page needs it. */

export interface InputSpec {
  readonly height: number;
  readonly width: number;
  readonly crop_margin: number;
  readonly crop_shift: number;
}

export interface ModelSpec {
  readonly name: string;
  readonly input: InputSpec;
  readonly expression: { readonly class_names: readonly string[]; readonly not_face_above: number };
}

export interface DetectorSpec {
  readonly name: string;
  readonly score_threshold: number;
}

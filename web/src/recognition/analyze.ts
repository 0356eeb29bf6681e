/** From pixels to named faces. Mirrors src/moue/recognition/analyzer.py and image_result.py. */

import type { Answer, Classifier } from './classify';
import { VIEWS, cropFace, isInside } from './crop';
import type { Detector, Face, Point } from './face';
import { type Picture, mirrored } from './pixels';
import { fitGray } from './resize';

export const UNSURE_BELOW = 0.5;

/** So small a picture in which no face is found is a face already cut out, as FER2013's 48x48 are. */
const LARGEST_CROP = 64;

export type Box = readonly [x: number, y: number, width: number, height: number];

export interface FaceResult {
  /** In pixels of the upright picture. */
  readonly box: Box;
  readonly emotion: string;
  readonly confidence: number;
  readonly probabilities: Readonly<Record<string, number>>;
  readonly unsure: boolean;
  readonly landmarks: readonly Point[] | null;
  readonly face_score: number;
}

export interface Seen {
  readonly width: number;
  readonly height: number;
  readonly detector: string;
  readonly faces: readonly FaceResult[];
  readonly message: string;
  readonly timings: { readonly detection_ms: number; readonly preprocess_ms: number; readonly inference_ms: number };
}

export class Analyzer {
  constructor(
    private readonly classifier: Classifier,
    private readonly detector: Detector,
  ) {}

  /**
   * Name the expression of each face.
   *
   * @param near Where faces were a moment ago, to look only there; leave it out to search the whole picture.
   */
  async analyze(picture: Picture, near?: readonly Face[]): Promise<Seen> {
    const start = performance.now();
    const found = near ? await this.detector.detectNear(picture, near) : await this.detector.detect(picture);
    const whole = found.length === 0 && !near && Math.max(picture.width, picture.height) <= LARGEST_CROP;
    const faces = whole ? [wholePicture(picture)] : found.filter((face) => isInside(face, picture.width, picture.height));
    const detected = performance.now();
    const crops = faces.map((face) => this.views(picture, face, whole));
    const cropped = performance.now();
    const answers = await this.classifier.answer(crops);
    const most = whole ? 1 : this.classifier.spec.expression.not_face_above;
    const results = faces.flatMap((face, k) => {
      const answer = answers[k]!;
      return answer.notFace <= most ? [this.result(face, answer)] : [];
    });
    return {
      width: picture.width,
      height: picture.height,
      detector: whole ? 'none' : this.detector.name,
      faces: results,
      message: whole
        ? 'no face was found; the image is so small that it counts as one face'
        : results.length > 0 ? '' : 'no face was found',
      timings: {
        detection_ms: detected - start,
        preprocess_ms: cropped - detected,
        inference_ms: performance.now() - cropped,
      },
    };
  }

  private views(picture: Picture, face: Face, whole: boolean): Picture[] {
    const { input } = this.classifier.spec;
    if (whole) return [fitGray(picture, input.height, input.width)];
    // Every other view is mirrored: an expression is the same in a mirror, the network's answer nearly so.
    return VIEWS.map((zoom, k) => {
      const crop = cropFace(picture, face, input, zoom);
      return k % 2 === 1 ? mirrored(crop) : crop;
    });
  }

  private result(face: Face, answer: Answer): FaceResult {
    const names = this.classifier.spec.expression.class_names;
    const probabilities = Object.fromEntries(names.map((name, k) => [name, answer.probabilities[k]!]));
    return {
      box: [face.x, face.y, face.width, face.height].map(hundredth) as unknown as Box,
      ...named(probabilities),
      landmarks: face.landmarks?.map(([x, y]): Point => [hundredth(x), hundredth(y)]) ?? null,
      face_score: Math.round(face.score * 1e4) / 1e4,
    };
  }
}

/** The class with the highest probability, and whether that is enough to be sure. */
export function named(probabilities: Readonly<Record<string, number>>) {
  const [emotion, confidence] = Object.entries(probabilities).reduce((best, one) => (one[1] > best[1] ? one : best));
  return { emotion, confidence, probabilities, unsure: confidence < UNSURE_BELOW };
}

/** The face that a result tells of, for looking near it in the next frame. */
export function faceOf(result: FaceResult): Face {
  const [x, y, width, height] = result.box;
  return { x, y, width, height, landmarks: result.landmarks, score: result.face_score };
}

function wholePicture(picture: Picture): Face {
  return { x: 0, y: 0, width: picture.width, height: picture.height, landmarks: null, score: 1 };
}

function hundredth(value: number): number {
  return Math.round(value * 100) / 100;
}

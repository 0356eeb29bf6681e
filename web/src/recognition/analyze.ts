/** From pixels to faces with their expressions. Mirrors src/moue/recognition/analyzer.py and image_result.py. */

import type { Classifier, FacePrediction } from './classify';
import { VIEWS, cropFace, isInside } from './crop';
import type { Detector, Face, Point } from './face';
import { type RawImage, mirrored } from './pixels';
import { fitGray } from './resize';

export const UNSURE_BELOW = 0.5;

/** If no face is found in an image this small, the image itself is a cropped face, as in FER2013 (48x48). */
const LARGEST_CROP = 64;

export type Box = readonly [x: number, y: number, width: number, height: number];

export interface FaceResult {
  /** In pixels of the upright image. */
  readonly box: Box;
  readonly emotion: string;
  readonly confidence: number;
  readonly probabilities: Readonly<Record<string, number>>;
  readonly unsure: boolean;
  readonly landmarks: readonly Point[] | null;
  readonly face_score: number;
}

export interface Analysis {
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
   * Predict the expression of each face.
   *
   * @param near The faces of a previous frame, to search only near them; leave it out to search the whole image.
   */
  async analyze(image: RawImage, near?: readonly Face[]): Promise<Analysis> {
    const start = performance.now();
    const detections = near ? await this.detector.detectNear(image, near) : await this.detector.detect(image);
    const whole = detections.length === 0 && !near && Math.max(image.width, image.height) <= LARGEST_CROP;
    const inside = detections.filter((face) => isInside(face, image.width, image.height));
    const faces = whole ? [wholeImage(image)] : inside;
    const detected = performance.now();
    const crops = faces.map((face) => this.views(image, face, whole));
    const cropped = performance.now();
    const predictions = await this.classifier.predict(crops);
    const maxNotFace = whole ? 1 : this.classifier.spec.expression.not_face_above;
    const results = faces.flatMap((face, k) => {
      const prediction = predictions[k]!;
      return prediction.notFace <= maxNotFace ? [this.result(face, prediction)] : [];
    });
    return {
      width: image.width,
      height: image.height,
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

  private views(image: RawImage, face: Face, whole: boolean): RawImage[] {
    const { input } = this.classifier.spec;
    if (whole) return [fitGray(image, input.height, input.width)];
    // Every other view is mirrored: that leaves the expression unchanged, and the model's output nearly so.
    return VIEWS.map((zoom, k) => {
      const crop = cropFace(image, face, input, zoom);
      return k % 2 === 1 ? mirrored(crop) : crop;
    });
  }

  private result(face: Face, prediction: FacePrediction): FaceResult {
    const names = this.classifier.spec.expression.class_names;
    const probabilities = Object.fromEntries(names.map((name, k) => [name, prediction.probabilities[k]!]));
    return {
      box: [face.x, face.y, face.width, face.height].map(hundredth) as unknown as Box,
      ...fieldsFrom(probabilities),
      landmarks: face.landmarks?.map(([x, y]): Point => [hundredth(x), hundredth(y)]) ?? null,
      face_score: Math.round(face.score * 1e4) / 1e4,
    };
  }
}

/** The class with the highest probability, and whether that probability counts as unsure. */
export function fieldsFrom(probabilities: Readonly<Record<string, number>>) {
  const [emotion, confidence] = Object.entries(probabilities).reduce((best, one) => (one[1] > best[1] ? one : best));
  return { emotion, confidence, probabilities, unsure: confidence < UNSURE_BELOW };
}

/** The face of a result, to search near it in the next frame. */
export function faceOf(result: FaceResult): Face {
  const [x, y, width, height] = result.box;
  return { x, y, width, height, landmarks: result.landmarks, score: result.face_score };
}

function wholeImage(image: RawImage): Face {
  return { x: 0, y: 0, width: image.width, height: image.height, landmarks: null, score: 1 };
}

function hundredth(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Which parts of a face its prediction is based on. Mirrors src/moue/recognition/explain.py. */

import { type FaceResult, faceOf } from './analyze';
import type { Classifier } from './classify';
import { VIEWS, cropFace } from './crop';
import { type FaceMap, classMaps, occlusionMaps } from './maps';
import type { Network } from './network';
import type { RawImage } from './pixels';
import { fitGray } from './resize';
import type { InputSpec } from './spec';

export interface Explanation {
  /** One map for each class, in class order. */
  readonly maps: readonly FaceMap[];
  /** How far the cells lie right of and below an even tiling of the face, as a fraction of its side. */
  readonly shift: number;
  /** The cropped face in gray, at a higher resolution than the network's input. */
  readonly pixels: RawImage;
}

export class Explainer {
  /** @param network Also outputs its features and layers, see `namesOf`; null if the model has none. */
  constructor(
    private readonly classifier: Classifier,
    private readonly network: Network | null,
  ) {}

  /**
   * Explain the first view of a face.
   *
   * @param whole Whether the whole image is the face.
   * @param size Side of the face that is returned for drawing, in pixels.
   */
  async explain(image: RawImage, face: FaceResult, whole: boolean, size: number): Promise<Explanation> {
    const { classifier, network } = this;
    const { input, features } = classifier.spec;
    const view = ({ height, width }: { height: number; width: number }) => {
      const wanted: InputSpec = { ...input, height, width };
      return whole ? fitGray(image, height, width) : cropFace(image, faceOf(face), wanted, VIEWS[0]!);
    };
    const pixels = view({ height: size, width: size });
    if (!features || !network) return { maps: await occlusionMaps(classifier, view(input)), shift: 0, pixels };
    const maps = await classMaps(network, classifier.spec, features, view(input));
    const { length } = maps[0]!.evidence;
    return { maps, shift: features.shift / Math.max(length, maps[0]!.evidence[0]!.length), pixels };
  }
}

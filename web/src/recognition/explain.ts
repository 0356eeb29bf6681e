/** What the answer about a face rests on. Mirrors src/moue/recognition/explain.py. */

import { type FaceResult, faceOf } from './analyze';
import type { Classifier } from './classify';
import { VIEWS, cropFace } from './crop';
import { type FaceMap, classMaps, occlusionMaps } from './maps';
import type { Network } from './network';
import type { Picture } from './pixels';
import { fitGray } from './resize';
import type { InputSpec } from './spec';

export interface Why {
  /** One map for each class, in their order. */
  readonly maps: readonly FaceMap[];
  /** How far the places lie right of and below an even tiling of the face, in parts of its side. */
  readonly shift: number;
  /** The face as it was cut out, gray, in more pixels than the network sees. */
  readonly pixels: Picture;
}

export class Explainer {
  /** @param network Gives its features and layers too, see `namesOf`; null where the network has none. */
  constructor(
    private readonly classifier: Classifier,
    private readonly network: Network | null,
  ) {}

  /**
   * Explain the first view of a face.
   *
   * @param whole Whether the picture is the face.
   * @param size Side of the face that is returned for drawing.
   */
  async explain(picture: Picture, face: FaceResult, whole: boolean, size: number): Promise<Why> {
    const { classifier, network } = this;
    const { input, features } = classifier.spec;
    const view = ({ height, width }: { height: number; width: number }) => {
      const wanted: InputSpec = { ...input, height, width };
      return whole ? fitGray(picture, height, width) : cropFace(picture, faceOf(face), wanted, VIEWS[0]!);
    };
    const pixels = view({ height: size, width: size });
    if (!features || !network) return { maps: await occlusionMaps(classifier, view(input)), shift: 0, pixels };
    const maps = await classMaps(network, classifier.spec, features, view(input));
    const { length } = maps[0]!.evidence;
    return { maps, shift: features.shift / Math.max(length, maps[0]!.evidence[0]!.length), pixels };
  }
}

/**
 * YuNet at several scales and rotations, so that it finds every face. Mirrors src/moue/faces/detectors/yunet.py, which
 * explains the views, the second look and the turns.
 */

import { type Detector, type Face, MIN_IOU, merge, moved, overlap, sizeOf, turnBack } from './face';
import { partsNear } from './near';
import type { Network } from './network';
import { type RawImage, cut, quarterTurned, roundHalfEven, toRgb } from './pixels';
import { resizeView } from './resize';
import type { DetectorSpec } from './spec';
import { YuNetNetwork } from './yunet_network';

const MIDDLE = 640;
const MIN_VIEW = 160;
const COARSE = 192;
const FINE = 1280;
const FINE_ABOVE = 800;
const FINE_SCALE = 0.5;
const TILE = 1536;
const OVERLAP = 160;
const MIDDLE_SIZES = [8, 420] as const;
const COARSE_SIZES = [40, 400] as const;
const FINE_SIZES = [8, 110] as const;
const CLEAR = 0.8;
const WORTH_A_LOOK = 0.7;
const MAX_LOOKS = 40;
const LOOK_SCORE = 0.3;
const LOOK_SIDE = 192;
const LOOK_SIZES = [48, 80] as const;
const DOUBTFUL = 0.87;
const TURN_VIEWS = [320, 640] as const;
const TURN_SCORE = 0.8;
const TURN_GAIN = 0.05;

/** Size of a known face in the view around it, in pixels. */
const NEAR_SIZE = 80;

export interface View {
  readonly scale: number;
  readonly sizes: readonly [number, number];
}

/** The views of an image of this size, largest first. */
export function plan(height: number, width: number): View[] {
  const longest = Math.max(height, width);
  const middle = longest > MIN_VIEW ? Math.min(1, MIDDLE / longest) : MIN_VIEW / longest;
  const views: View[] = [{ scale: middle, sizes: MIDDLE_SIZES }];
  if (longest > COARSE) views.push({ scale: COARSE / longest, sizes: COARSE_SIZES });
  if (longest > FINE_ABOVE) {
    views.unshift({ scale: Math.min(1, Math.max(FINE_SCALE, FINE / longest)), sizes: FINE_SIZES });
  }
  return views;
}

export class YuNet implements Detector {
  readonly name = 'yunet';
  private readonly network: YuNetNetwork;

  /** @param turns Whether to search the rotated image too if no face in the upright one is certain. */
  constructor(
    network: Network,
    private readonly spec: DetectorSpec,
    private readonly turns: boolean,
  ) {
    this.network = new YuNetNetwork(network);
  }

  async detect(image: RawImage): Promise<Face[]> {
    const rgb = toRgb(image);
    const faces = await this.detectUpright(rgb);
    const score = faces[0]?.score ?? 0;
    const turns = this.turns && score < DOUBTFUL ? await this.bestTurns(rgb, score) : 0;
    if (turns === 0) return faces;
    const turned = await this.detectUpright(quarterTurned(rgb, turns));
    return turned.map((face) => turnBack(face, turns, image.height, image.width));
  }

  async detectNear(image: RawImage, faces: readonly Face[]): Promise<Face[]> {
    const detections: Face[] = [];
    for (const { part, left, top, size } of partsNear(image, faces)) {
      const scale = NEAR_SIZE / size;
      const view = resizeView(toRgb(part), part.width * scale, part.height * scale);
      const detected = await this.network.faces(view, this.spec.score_threshold);
      detections.push(...detected.map((face) => moved(face, part.width / view.width, left, top)));
    }
    return merge(detections).filter((face) => sizeOf(face) >= this.spec.min_size);
  }

  private async detectUpright(image: RawImage): Promise<Face[]> {
    const { height, width } = image;
    const detections: Face[] = [];
    let view = image;
    for (const { scale, sizes } of plan(height, width)) {
      // Each view is made from the previous, larger one.
      view = resizeView(view, width * scale, height * scale);
      const exact = Math.max(view.width, view.height) / Math.max(width, height);
      const detected = (await this.tiled(view)).filter((face) => sizes[0] <= sizeOf(face) && sizeOf(face) <= sizes[1]);
      detections.push(...detected.map((face) => moved(face, 1 / exact)));
    }
    const merged = merge(detections).filter((face) => sizeOf(face) >= this.spec.min_size);
    const clear = merged.filter(({ score }) => score >= CLEAR);
    const checked: Face[] = [];
    for (const face of merged.slice(clear.length, clear.length + MAX_LOOKS)) {
      checked.push(await this.secondLook(image, face));
    }
    const sure = checked.filter(({ score }) => score >= this.spec.score_threshold);
    return [...clear, ...sure.sort((one, other) => other.score - one.score)];
  }

  /** The face; its score is averaged with its best score in a view of its own. */
  private async secondLook(image: RawImage, face: Face): Promise<Face> {
    let best = 0;
    for (const size of LOOK_SIZES) {
      const scale = size / sizeOf(face);
      const half = ((LOOK_SIDE / 2) * sizeOf(face)) / size;
      const [x, y] = [face.x + face.width / 2, face.y + face.height / 2];
      const [left, top] = [Math.max(0, Math.trunc(x - half)), Math.max(0, Math.trunc(y - half))];
      const right = Math.min(image.width, Math.max(left + 1, Math.trunc(x + half)));
      const bottom = Math.min(image.height, Math.max(top + 1, Math.trunc(y + half)));
      const part = cut(image, left, top, right - left, bottom - top);
      const detected = await this.network.faces(resizeView(part, part.width * scale, part.height * scale), LOOK_SCORE);
      const same = detected.filter((other) => overlap(face, moved(other, 1 / scale, left, top))[0] > MIN_IOU);
      best = Math.max(best, ...same.map(({ score }) => score));
    }
    return { ...face, score: (face.score + best) / 2 };
  }

  /** The faces of one view, in its pixels. */
  private async tiled(view: RawImage): Promise<Face[]> {
    const detections: Face[] = [];
    for (const [top, bottom] of tiles(view.height)) {
      for (const [left, right] of tiles(view.width)) {
        const tile = cut(view, left, top, right - left, bottom - top);
        const detected = await this.network.faces(tile, WORTH_A_LOOK * this.spec.score_threshold);
        // A face cut by an inner edge of this tile is complete in the neighbouring one.
        const isWhole = (face: Face) =>
          !(left && face.x < left + 2) &&
          !(top && face.y < top + 2) &&
          !(right < view.width && face.x + face.width > right - 2) &&
          !(bottom < view.height && face.y + face.height > bottom - 2);
        detections.push(...detected.map((face) => moved(face, 1, left, top)).filter(isWhole));
      }
    }
    return detections;
  }

  /** The number of counterclockwise quarter turns at which faces score clearly higher; 0 if there is none. */
  private async bestTurns(image: RawImage, score: number): Promise<number> {
    const { height, width } = image;
    let [best, chosen] = [Math.max(TURN_SCORE, score + TURN_GAIN), 0];
    for (const longest of score === 0 ? TURN_VIEWS : TURN_VIEWS.slice(0, 1)) {
      const scale = Math.min(1, longest / Math.max(height, width));
      const small = resizeView(image, width * scale, height * scale);
      for (const turns of [1, 3, 2]) {
        const [face] = await this.network.faces(quarterTurned(small, turns), TURN_SCORE);
        if (face && face.score > best) [best, chosen] = [face.score, turns];
      }
      if (chosen) break;
    }
    return chosen;
  }
}

/** Cut a side into overlapping parts of about equal length. */
export function tiles(length: number): [number, number][] {
  const count = Math.max(1, Math.ceil((length - OVERLAP) / (TILE - OVERLAP)));
  const step = (length - OVERLAP) / count;
  return Array.from({ length: count }, (_, part) => [
    roundHalfEven(step * part),
    Math.min(length, roundHalfEven(step * (part + 1)) + OVERLAP),
  ]);
}

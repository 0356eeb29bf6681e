/** YuNet's bare network: its answers decoded. Mirrors src/moue/faces/yunet_network.py. */

import { type Face, type Point, keepSurest, overlap } from './face';
import type { Network } from './network';
import type { Picture } from './pixels';

const STRIDES = [8, 16, 32] as const;
const ALIGN = 32;
const MOST_CANDIDATES = 5000;
const NMS_THRESHOLD = 0.3;

export class YuNetNetwork {
  constructor(private readonly network: Network) {}

  /** The faces of a picture in colours, at its own scale, the surest first. */
  async faces(picture: Picture, scoreThreshold: number): Promise<Face[]> {
    const width = Math.ceil(picture.width / ALIGN) * ALIGN;
    const height = Math.ceil(picture.height / ALIGN) * ALIGN;
    const answer = await this.network.run(blob(picture, width, height), [1, 3, height, width]);
    return suppress(decode(answer, width, scoreThreshold), NMS_THRESHOLD);
  }
}

/** Turn the network's answers for an input of that width into candidates, the surest first. */
export function decode(
  answer: Readonly<Record<string, Float32Array>>,
  width: number,
  scoreThreshold: number,
): Face[] {
  const faces: Face[] = [];
  // The threshold is compared with 32-bit numbers, as NumPy does.
  const least = Math.fround(scoreThreshold ** 2);
  for (const stride of STRIDES) {
    const [classes, objects, boxes, points] = ['cls', 'obj', 'bbox', 'kps'].map((kind) => answer[`${kind}_${stride}`]);
    if (!classes || !objects || !boxes || !points) throw new Error('the detector lacks an output');
    const columns = Math.floor(width / stride);
    for (let cell = 0; cell < classes.length; cell += 1) {
      const chance = Math.fround(clipped(classes[cell]!) * clipped(objects[cell]!));
      if (!(chance >= least)) continue;
      const [across, down] = [cell % columns, Math.floor(cell / columns)];
      const size = (k: number) => Math.exp(Math.min(boxes[cell * 4 + k]!, 20)) * stride;
      const [wide, high] = [size(2), size(3)];
      faces.push({
        x: (across + boxes[cell * 4]!) * stride - wide / 2,
        y: (down + boxes[cell * 4 + 1]!) * stride - high / 2,
        width: Math.max(wide, 1e-3),
        height: Math.max(high, 1e-3),
        landmarks: Array.from({ length: 5 }, (_, k): Point => [
          Math.fround((points[cell * 10 + 2 * k]! + across) * stride),
          Math.fround((points[cell * 10 + 2 * k + 1]! + down) * stride),
        ]),
        score: Math.fround(Math.sqrt(chance)),
      });
    }
  }
  return faces.sort((one, other) => other.score - one.score).slice(0, MOST_CANDIDATES);
}

/** Of two candidates that overlap by more than the threshold only the surer one stays. */
export function suppress(faces: readonly Face[], threshold: number): Face[] {
  return keepSurest(faces, (face, other) => overlap(face, other)[0] > threshold);
}

function clipped(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Blue, green, red, 0-255, one plane after the other, padded with black to the right and below. */
function blob(picture: Picture, width: number, height: number): Float32Array {
  const input = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c += 1) {
    for (let y = 0; y < picture.height; y += 1) {
      const from = y * picture.width * 3 + 2 - c;
      const to = (c * height + y) * width;
      for (let x = 0; x < picture.width; x += 1) input[to + x] = picture.data[from + x * 3]!;
    }
  }
  return input;
}

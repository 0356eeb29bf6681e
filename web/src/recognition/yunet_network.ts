/** YuNet's network and the decoding of its outputs. Mirrors src/moue/faces/yunet_network.py. */

import { type Face, type Point, keepHighest, overlap } from './face';
import type { Network } from './network';
import type { RawImage } from './pixels';

const STRIDES = [8, 16, 32] as const;
const ALIGN = 32;
const MAX_CANDIDATES = 5000;
const NMS_THRESHOLD = 0.3;

export class YuNetNetwork {
  constructor(private readonly network: Network) {}

  /** The faces of an RGB image, at its own scale, highest score first. */
  async faces(image: RawImage, scoreThreshold: number): Promise<Face[]> {
    const width = Math.ceil(image.width / ALIGN) * ALIGN;
    const height = Math.ceil(image.height / ALIGN) * ALIGN;
    const outputs = await this.network.run(blob(image, width, height), [1, 3, height, width]);
    return suppress(decode(outputs, width, scoreThreshold), NMS_THRESHOLD);
  }
}

/** Decode the network's outputs for an input of this width into candidates, highest score first. */
export function decode(
  outputs: Readonly<Record<string, Float32Array>>,
  width: number,
  scoreThreshold: number,
): Face[] {
  const faces: Face[] = [];
  // The threshold is compared as a 32-bit number, as in NumPy.
  const minProduct = Math.fround(scoreThreshold ** 2);
  for (const stride of STRIDES) {
    const [classes, objects, boxes, points] = ['cls', 'obj', 'bbox', 'kps'].map((kind) => outputs[`${kind}_${stride}`]);
    if (!classes || !objects || !boxes || !points) throw new Error('the detector lacks an output');
    const columns = Math.floor(width / stride);
    for (let cell = 0; cell < classes.length; cell += 1) {
      const product = Math.fround(clipped(classes[cell]!) * clipped(objects[cell]!));
      if (!(product >= minProduct)) continue;
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
        score: Math.fround(Math.sqrt(product)),
      });
    }
  }
  return faces.sort((one, other) => other.score - one.score).slice(0, MAX_CANDIDATES);
}

/** Non-maximum suppression: of two candidates whose IoU exceeds the threshold, keep the one with the higher score. */
export function suppress(faces: readonly Face[], threshold: number): Face[] {
  return keepHighest(faces, (face, other) => overlap(face, other)[0] > threshold);
}

function clipped(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Planes of blue, green and red, 0-255, padded with black on the right and below. */
function blob(image: RawImage, width: number, height: number): Float32Array {
  const input = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c += 1) {
    for (let y = 0; y < image.height; y += 1) {
      const from = y * image.width * 3 + 2 - c;
      const to = (c * height + y) * width;
      for (let x = 0; x < image.width; x += 1) input[to + x] = image.data[from + x * 3]!;
    }
  }
  return input;
}

/**
 * Images as plain bytes, and gray. Mirrors `to_gray` of src/moue/media/pixels.py: Rec. 601 luma in 15-bit fixed point.
 */

/** Pixels row by row, 0-255; three channels are red, green and blue. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

const RED = 9798;
const GREEN = 19235;
const BLUE = 3735;
const LUMA_BITS = 15;

/** The pixels of an opaque canvas, without alpha. */
export function fromCanvas(image: ImageData): RawImage {
  const { width, height, data } = image;
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + 1]!;
    rgb[to + 2] = data[from + 2]!;
  }
  return { width, height, channels: 3, data: rgb };
}

export function toGray(image: RawImage): RawImage {
  if (image.channels === 1) return image;
  const { width, height, data } = image;
  const gray = new Uint8Array(width * height);
  const half = 1 << (LUMA_BITS - 1);
  for (let from = 0, to = 0; to < gray.length; from += 3, to += 1) {
    gray[to] = (data[from]! * RED + data[from + 1]! * GREEN + data[from + 2]! * BLUE + half) >> LUMA_BITS;
  }
  return { width, height, channels: 1, data: gray };
}

/** Three channels; gray is copied to each. */
export function toRgb(image: RawImage): RawImage {
  if (image.channels === 3) return image;
  const rgb = new Uint8Array(image.data.length * 3);
  image.data.forEach((value, place) => rgb.fill(value, place * 3, place * 3 + 3));
  return { ...image, channels: 3, data: rgb };
}

/** Cut out a part that lies inside the image. */
export function cut(image: RawImage, left: number, top: number, width: number, height: number): RawImage {
  const { channels, data } = image;
  const part = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    const from = ((top + y) * image.width + left) * channels;
    part.set(data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, data: part };
}

export function mirrored(image: RawImage): RawImage {
  const { width, height, channels, data } = image;
  const turned = new Uint8Array(data.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let c = 0; c < channels; c += 1) {
        turned[(y * width + x) * channels + c] = data[(y * width + width - 1 - x) * channels + c]!;
      }
    }
  }
  return { width, height, channels, data: turned };
}

/** The image rotated counterclockwise by quarter turns. Mirrors `np.rot90`. */
export function quarterTurned(image: RawImage, turns: number): RawImage {
  if (turns === 0) return image;
  const { channels, data } = image;
  const [across, down] = [image.width, image.height];
  const [width, height] = turns === 2 ? [across, down] : [down, across];
  // Source index of the first pixel, and the offsets to its right and lower neighbours.
  const [first, right, below] =
    turns === 1
      ? ([across - 1, across, -1] as const)
      : turns === 2
        ? ([across * down - 1, -1, -across] as const)
        : ([across * (down - 1), -across, 1] as const);
  const result = new Uint8Array(data.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [from, to] = [(first + y * below + x * right) * channels, (y * width + x) * channels];
      for (let c = 0; c < channels; c += 1) result[to + c] = data[from + c]!;
    }
  }
  return { width, height, channels, data: result };
}

/** Round as Python's `round` does: halves to even. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

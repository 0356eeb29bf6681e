/**
 * Pictures as plain bytes, and gray. Mirrors `to_gray` of src/moue/media/pixels.py: Rec. 601 luma in 15-bit fixed point.
 */

/** Pixels row by row, 0-255; three channels are red, green, blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

const RED = 9798;
const GREEN = 19235;
const BLUE = 3735;
const LUMA_BITS = 15;

/** Drop the alpha of a canvas's pixels; the canvas was opaque. */
export function fromCanvas(image: ImageData): Picture {
  const { width, height, data } = image;
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + 1]!;
    rgb[to + 2] = data[from + 2]!;
  }
  return { width, height, channels: 3, data: rgb };
}

export function toGray(picture: Picture): Picture {
  if (picture.channels === 1) return picture;
  const { width, height, data } = picture;
  const gray = new Uint8Array(width * height);
  const half = 1 << (LUMA_BITS - 1);
  for (let from = 0, to = 0; to < gray.length; from += 3, to += 1) {
    gray[to] = (data[from]! * RED + data[from + 1]! * GREEN + data[from + 2]! * BLUE + half) >> LUMA_BITS;
  }
  return { width, height, channels: 1, data: gray };
}

/** Three channels; of gray the same gray. */
export function toRgb(picture: Picture): Picture {
  if (picture.channels === 3) return picture;
  const rgb = new Uint8Array(picture.data.length * 3);
  picture.data.forEach((value, place) => rgb.fill(value, place * 3, place * 3 + 3));
  return { ...picture, channels: 3, data: rgb };
}

/** Cut out a part that lies inside the picture. */
export function cut(picture: Picture, left: number, top: number, width: number, height: number): Picture {
  const { channels, data } = picture;
  const part = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    const from = ((top + y) * picture.width + left) * channels;
    part.set(data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, data: part };
}

export function mirrored(picture: Picture): Picture {
  const { width, height, channels, data } = picture;
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

/** The picture turned by so many quarters against the clock. Mirrors `np.rot90`. */
export function quarterTurned(picture: Picture, turns: number): Picture {
  if (turns === 0) return picture;
  const { channels, data } = picture;
  const [across, down] = [picture.width, picture.height];
  const [width, height] = turns === 2 ? [across, down] : [down, across];
  // Where the first pixel comes from, and how far on the next one to the right and the next one below are.
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

/** Rounding as Python's `round`: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Decoding images that nobody vouches for: pixels, or a status and a reason. Mirrors src/moue/media/decode.py; the
 * browser decodes, turns the image upright by EXIF, and reads colours without their profile.
 */

import { type Picture, fromCanvas } from '../recognition/pixels';
import { headerSize } from './header';

export const MAX_BYTES = 64 * 1024 * 1024;
export const MAX_PIXELS = 64_000_000;

const HEAD_BYTES = 256 * 1024;

/** What people have and browsers may not open: offset, signature, name. */
const FOREIGN: readonly (readonly [number, string, string])[] = [
  [4, 'ftyphei', 'a HEIC photograph'],
  [4, 'ftyphev', 'a HEIC photograph'],
  [4, 'ftypmif1', 'a HEIF photograph'],
  [0, '%PDF', 'a PDF'],
  [0, '8BPS', 'a Photoshop file'],
  [0, 'II*\0', 'a TIFF image'],
  [0, 'MM\0*', 'a TIFF image'],
  [8, 'AVI ', 'a video that browsers do not play'],
];

/** Why an image gives no pixels; `status` is one of those of `ImageResult`. */
export class Refused extends Error {
  constructor(
    readonly status: 'empty' | 'unreadable' | 'too_large' | 'unsupported',
    message: string,
    readonly width = 0,
    readonly height = 0,
  ) {
    super(message);
  }
}

/** The upright pixels of an image file. */
export async function decode(file: Blob): Promise<Picture> {
  if (file.size === 0) throw new Refused('empty', 'the file has no content');
  if (file.size > MAX_BYTES) throw new Refused('too_large', `${count(file.size)} bytes, the limit is ${count(MAX_BYTES)}`);
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const size = headerSize(head);
  if (size) refuseMany(...size);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, {
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
      colorSpaceConversion: 'none',
    });
  } catch {
    throw unreadable(head);
  }
  try {
    refuseMany(bitmap.width, bitmap.height);
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

let canvas: OffscreenCanvas | null = null;

/** The pixels of a bitmap, transparent ones on white. */
export function pixelsOf(bitmap: ImageBitmap): Picture {
  const { width, height } = bitmap;
  canvas ??= new OffscreenCanvas(width, height);
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  if (!pen) throw new Refused('unreadable', 'this browser gives no canvas for so large an image', width, height);
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  return fromCanvas(pen.getImageData(0, 0, width, height));
}

function refuseMany(width: number, height: number): void {
  if (width * height <= MAX_PIXELS) return;
  const message = `${width} x ${height} pixels, the limit is ${count(MAX_PIXELS)} in all`;
  throw new Refused('too_large', message, width, height);
}

function unreadable(head: Uint8Array): Refused {
  const text = String.fromCharCode(...head.subarray(0, 64));
  const known = FOREIGN.find(([offset, signature]) => text.startsWith(signature, offset));
  if (known) return new Refused('unsupported', `${known[2]}: convert it to JPEG or PNG first`);
  return new Refused('unreadable', headerSize(head) ? 'the image is damaged' : 'not an image that this browser can read');
}

function count(value: number): string {
  return value.toLocaleString('en');
}

/**
 * Decode untrusted images to pixels, or to a status and a reason. Mirrors src/moue/media/decode.py. The browser
 * decodes, applies the EXIF orientation and ignores colour profiles.
 */

import { type RawImage, fromCanvas } from '../recognition/pixels';
import { headerSize } from './header';

export const MAX_BYTES = 64 * 1024 * 1024;
export const MAX_PIXELS = 64_000_000;

const HEAD_BYTES = 256 * 1024;

/** Common formats that browsers may not open: offset, signature, name. */
const UNSUPPORTED: readonly (readonly [number, string, string])[] = [
  [4, 'ftyphei', 'a HEIC photograph'],
  [4, 'ftyphev', 'a HEIC photograph'],
  [4, 'ftypmif1', 'a HEIF photograph'],
  [0, '%PDF', 'a PDF'],
  [0, '8BPS', 'a Photoshop file'],
  [0, 'II*\0', 'a TIFF image'],
  [0, 'MM\0*', 'a TIFF image'],
  [8, 'AVI ', 'a video that browsers do not play'],
];

/** Why an image cannot be decoded; `status` is one of those of `ImageResult`. */
export class ImageError extends Error {
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
export async function decode(file: Blob): Promise<RawImage> {
  if (file.size === 0) throw new ImageError('empty', 'the file has no content');
  if (file.size > MAX_BYTES) {
    throw new ImageError('too_large', `${count(file.size)} bytes, the limit is ${count(MAX_BYTES)}`);
  }
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const size = headerSize(head);
  if (size) checkSize(...size);
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
    checkSize(bitmap.width, bitmap.height);
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

let canvas: OffscreenCanvas | null = null;

/** The pixels of a bitmap; transparent ones are drawn on white. */
export function pixelsOf(bitmap: ImageBitmap): RawImage {
  const { width, height } = bitmap;
  canvas ??= new OffscreenCanvas(width, height);
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  if (!pen) throw new ImageError('unreadable', 'this browser has no canvas for an image this large', width, height);
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  return fromCanvas(pen.getImageData(0, 0, width, height));
}

function checkSize(width: number, height: number): void {
  if (width * height <= MAX_PIXELS) return;
  const message = `${width} x ${height} pixels, the limit is ${count(MAX_PIXELS)} in all`;
  throw new ImageError('too_large', message, width, height);
}

function unreadable(head: Uint8Array): ImageError {
  const text = String.fromCharCode(...head.subarray(0, 64));
  const match = UNSUPPORTED.find(([offset, signature]) => text.startsWith(signature, offset));
  if (match) return new ImageError('unsupported', `${match[2]}: convert it to JPEG or PNG first`);
  const message = headerSize(head) ? 'the image is damaged' : 'not an image that this browser can read';
  return new ImageError('unreadable', message);
}

function count(value: number): string {
  return value.toLocaleString('en');
}

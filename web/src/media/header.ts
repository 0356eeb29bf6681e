/** The size stated in an image's header, so that a huge image is refused before it is decoded. */

/** Width and height, or null for any format other than PNG, JPEG, GIF, BMP and WebP. */
export function headerSize(head: Uint8Array): [number, number] | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  try {
    if (starts(head, '\x89PNG\r\n')) return [view.getUint32(16), view.getUint32(20)];
    if (starts(head, 'GIF8')) return [view.getUint16(6, true), view.getUint16(8, true)];
    if (starts(head, 'BM')) return [Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true))];
    if (starts(head, 'RIFF') && starts(head, 'WEBP', 8)) return webp(head, view);
    if (starts(head, '\xff\xd8')) return jpeg(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the header is truncated
  }
  return null;
}

function starts(head: Uint8Array, text: string, offset = 0): boolean {
  return [...text].every((letter, k) => head[offset + k] === letter.charCodeAt(0));
}

function webp(head: Uint8Array, view: DataView): [number, number] | null {
  if (starts(head, 'VP8X', 12)) {
    return [1 + (view.getUint32(24, true) & 0xffffff), 1 + (view.getUint32(26, true) >>> 8)];
  }
  if (starts(head, 'VP8 ', 12)) return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  if (!starts(head, 'VP8L', 12)) return null;
  const bits = view.getUint32(21, true);
  return [1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff)];
}

/** Walk from marker to marker up to the start of a frame. */
function jpeg(view: DataView): [number, number] | null {
  let at = 2;
  while (view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}

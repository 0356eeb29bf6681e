/** The image or video, with the boxes over it. */

import type { Result } from '../results/tables';
import { labelOf, drawFaces } from './draw';
import { byId } from './dom';

const LETTERS = 15;

export class Stage {
  private readonly frame = byId('frame');
  private readonly overlay = byId<HTMLCanvasElement>('overlay');
  private media: HTMLImageElement | HTMLVideoElement | null = null;
  private result: Result | null = null;
  private highlighted: number | null = null;
  private mirror = false;

  constructor() {
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  /** Put an image or a video on the stage. */
  show(media: HTMLImageElement | HTMLVideoElement, mirror = false): void {
    this.media?.remove();
    this.media = media;
    this.result = null;
    this.highlighted = null;
    this.frame.prepend(media);
    this.setMirror(mirror);
  }

  setMirror(mirror: boolean): void {
    this.mirror = mirror;
    this.media?.classList.toggle('mirrored', mirror);
    document.body.classList.toggle('mirror', mirror);
    this.draw();
  }

  update(result: Result | null): void {
    this.result = result;
    const label = result ? result.faces.map(labelOf).join(', ') || result.message : 'not analysed yet';
    this.overlay.setAttribute('aria-label', `${result?.file ?? 'Image'}: ${label}`);
    this.draw();
  }

  /** Make one face stand out, or none. */
  highlight(number: number | null): void {
    this.highlighted = number;
    this.draw();
  }

  private draw(): void {
    const { overlay, result } = this;
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = [this.frame.clientWidth, this.frame.clientHeight];
    [overlay.width, overlay.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const pen = overlay.getContext('2d');
    if (!pen || !result?.width) return;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const text = Math.max(11, Math.min(LETTERS, width / 28));
    drawFaces(pen, result, { scale: width / result.width, mirror: this.mirror, text, highlighted: this.highlighted });
  }

  /** The image with its boxes and labels, at the image's own size. */
  async annotated(): Promise<Blob | null> {
    const { media, result } = this;
    if (!media || !result?.width) return null;
    const zoom = Math.max(1, Math.ceil(480 / Math.max(result.width, result.height)));
    const canvas = new OffscreenCanvas(result.width * zoom, result.height * zoom);
    const pen = canvas.getContext('2d') as unknown as CanvasRenderingContext2D;
    pen.save();
    if (this.mirror) pen.setTransform(-1, 0, 0, 1, canvas.width, 0);
    pen.drawImage(media, 0, 0, canvas.width, canvas.height);
    pen.restore();
    const text = Math.max(14, Math.max(canvas.width, canvas.height) / 60);
    drawFaces(pen, result, { scale: zoom, mirror: this.mirror, text, highlighted: null });
    return canvas.convertToBlob({ type: 'image/png' });
  }
}

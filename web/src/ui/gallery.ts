/** Images: a single one or a whole folder. They are analysed one after the other, the one on the stage first. */

import type { Engine } from '../engine';
import type { NamedFile } from '../media/collect';
import type { Explanation } from '../recognition/explain';
import type { Result } from '../results/tables';
import { colorOf } from './classes';
import { announce, byId, el } from './dom';
import { labelOf } from './draw';
import { type FaceList, countOf } from './facelist';
import type { Stage } from './stage';

interface Item extends NamedFile {
  readonly button: HTMLButtonElement;
  result: Result | null;
}

const THUMB = 112;

export class Gallery {
  private items: Item[] = [];
  private shown = 0;
  /** Counts calls of `open`, so that results of an earlier one are dropped. */
  private opening = 0;
  private url = '';

  constructor(
    private readonly engine: Engine,
    private readonly stage: Stage,
    private readonly list: FaceList,
    private readonly changed: () => void,
  ) {}

  get results(): Result[] {
    return this.items.flatMap((item) => (item.result ? [item.result] : []));
  }

  get current(): Result | null {
    return this.items[this.shown]?.result ?? null;
  }

  async open(files: readonly NamedFile[]): Promise<void> {
    this.close();
    const opening = this.opening;
    const strip = byId('strip');
    this.items = files.map((named, k) => {
      const attributes = { type: 'button', class: 'cell', 'aria-label': named.name };
      const button = el('button', attributes, el('span', { class: 'dot' }));
      button.addEventListener('click', () => this.show(k));
      return { ...named, button, result: null };
    });
    strip.hidden = files.length < 2;
    strip.replaceChildren(...this.items.map((item) => item.button));
    this.show(0);
    for (let item = this.next(); item && opening === this.opening; item = this.next()) {
      const { status, analysis } = await this.engine.image(item.file);
      if (opening !== this.opening) return;
      item.result = { ...analysis, file: item.name, status };
      await this.mark(item);
      if (item === this.items[this.shown]) this.showResult();
      else this.showProgress();
      this.changed();
    }
    if (this.items.length > 1) announce(`All ${this.items.length} images have been analysed.`);
  }

  /** The explanations of all faces of the shown image. */
  async explanations(): Promise<Explanation[]> {
    const { file, result } = this.items[this.shown] ?? {};
    if (!file || !result) return [];
    const pending = result.faces.map((face) => this.engine.explain(file, face, result.detector === 'none', 1));
    return (await Promise.all(pending)).filter((explanation) => explanation !== null);
  }

  close(): void {
    this.opening += 1;
    this.items = [];
    this.shown = 0;
    URL.revokeObjectURL(this.url);
    byId('strip').hidden = true;
    byId('progress').textContent = '';
  }

  /** Show the next image (1) or the previous one (-1). */
  step(by: number): void {
    const place = this.shown + by;
    if (this.items[place]) this.show(place);
  }

  private next(): Item | undefined {
    const current = this.items[this.shown];
    return current && !current.result ? current : this.items.find((item) => !item.result);
  }

  private show(place: number): void {
    const item = this.items[place]!;
    this.items[this.shown]?.button.removeAttribute('aria-current');
    this.shown = place;
    item.button.setAttribute('aria-current', 'true');
    item.button.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(item.file);
    const image = el('img', { src: this.url, alt: '', class: 'media' });
    // The visitor may have moved on before the image has loaded.
    image.addEventListener('load', () => item === this.items[this.shown] && this.fill(item, image));
    image.addEventListener('error', () => image.classList.add('unreadable'));
    this.stage.show(image);
    this.list.clear(item.result ? '' : 'Looking…');
    byId('source-name').textContent = item.name;
    this.showResult();
    this.changed();
  }

  private showProgress(): void {
    const { length } = this.items;
    const done = this.items.filter((item) => item.result).length;
    const rest = done < length ? ` · ${done} analysed` : '';
    byId('progress').textContent = length > 1 ? `${this.shown + 1} of ${length}${rest}` : '';
  }

  private showResult(): void {
    this.showProgress();
    const item = this.items[this.shown]!;
    const { result } = item;
    if (!result) return;
    this.stage.update(result);
    this.fill(item, byId('frame').querySelector('img'));
    const problem = result.faces.length === 0 || result.detector === 'none' ? result.message : '';
    byId('message').textContent = problem ? `${problem[0]!.toUpperCase()}${problem.slice(1)}.` : '';
    announce(`${item.name}: ${countOf(result)}. ${result.faces.map(labelOf).join(', ')}`);
  }

  private fill({ file, result }: Item, image: HTMLImageElement | null): void {
    if (!result) return;
    const explain = (face: Result['faces'][number], size: number) => {
      return this.engine.explain(file, face, result.detector === 'none', size);
    };
    this.list.update(result, explain, image?.complete ? cutFrom(image, result) : undefined);
  }

  /** Show an image's thumbnail in the strip, and the colour of its highest-scoring face. */
  private async mark(item: Item): Promise<void> {
    const { result, button } = item;
    if (!result || this.items.length < 2) return;
    const face = result.faces[0];
    button.setAttribute('aria-label', `${item.name}: ${result.faces.map(labelOf).join(', ') || result.message}`);
    const dot = button.querySelector<HTMLElement>('.dot')!;
    dot.classList.add(face ? 'named' : result.status === 'no_face' ? 'none' : 'bad');
    if (face) dot.style.background = colorOf(face.emotion);
    if (!result.width) return;
    const high = result.height <= result.width;
    const small = high ? { resizeHeight: THUMB } : { resizeWidth: THUMB };
    const bitmap = await createImageBitmap(item.file, { ...small, resizeQuality: 'medium' }).catch(() => null);
    if (!bitmap) return;
    const canvas = el('canvas', { width: String(THUMB), height: String(THUMB), 'aria-hidden': 'true' });
    canvas.getContext('2d')?.drawImage(bitmap, (THUMB - bitmap.width) / 2, (THUMB - bitmap.height) / 2);
    bitmap.close();
    button.prepend(canvas);
  }
}

/** Returns a function that draws a face of an image into a small canvas. */
export function cutFrom(media: CanvasImageSource, result: Result) {
  return (face: Result['faces'][number], canvas: HTMLCanvasElement): void => {
    const pen = canvas.getContext('2d');
    if (!pen) return;
    const [x, y, width, height] = face.box;
    const side = Math.max(width, height) * 1.15;
    const natural = media instanceof HTMLImageElement ? media.naturalWidth : result.width;
    const scale = natural / result.width;
    const [left, top] = [x + width / 2 - side / 2, y + height / 2 - side / 2];
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(media, left * scale, top * scale, side * scale, side * scale, 0, 0, canvas.width, canvas.height);
  };
}

/** The cards beside the image: each face's class, whether it is unsure, the bars of all classes, and an explanation. */

import type { Result } from '../results/tables';
import { colorOf, faceIcon } from './classes';
import { byId, el, percent } from './dom';
import { type Choice, type Explain, ExplanationPanel } from './why';

type Face = Result['faces'][number];
type Thumb = (face: Face, canvas: HTMLCanvasElement) => void;

/** A model with more classes gets bars only for the most probable ones; the tables contain all. */
const MAX_BARS = 12;

export class FaceList {
  private readonly container = byId('faces');
  private readonly heading = byId('faces-heading');
  private cards: Card[] = [];
  /** By the person's number in a video, or the face's index in an image. */
  private readonly choices = new Map<number, Choice>();

  constructor(private readonly highlight: (number: number | null) => void) {}

  clear(text = ''): void {
    this.cards = [];
    this.choices.clear();
    this.container.replaceChildren();
    this.heading.textContent = text;
  }

  /**
   * @param explain Explains the prediction for a face.
   * @param thumb Draws a face into a small canvas; left out for videos.
   */
  update(result: Result, explain: Explain, thumb?: Thumb): void {
    const { faces } = result;
    this.heading.textContent = countOf(result);
    while (this.cards.length > faces.length) this.cards.pop()!.root.remove();
    while (this.cards.length < faces.length) {
      const card = new Card(this.cards.length, this.highlight);
      this.cards.push(card);
      this.container.append(card.root);
    }
    faces.forEach((face, k) => {
      const key = 'track_id' in face ? face.track_id : k;
      const choice = this.choices.get(key) ?? { open: false, emotion: '' };
      this.choices.set(key, choice);
      this.cards[k]!.update(face, faces.length, thumb);
      this.cards[k]!.updateExplanation(face, faces.length, choice, explain);
    });
  }

  /** The class to explain for each face of an image. */
  emotions(result: Result): string[] {
    return result.faces.map((face, k) => this.choices.get(k)?.emotion || face.emotion);
  }
}

export function countOf(result: Result): string {
  const count = result.faces.length;
  if (count > 0) return count === 1 ? 'One face' : `${count} faces`;
  return result.status === 'no_face' ? 'No face found' : 'Could not be read';
}

class Card {
  readonly root: HTMLLIElement;
  private readonly thumb = el('canvas', { width: '112', height: '112', class: 'thumb', 'aria-hidden': 'true' });
  private readonly icon = el('span', { class: 'icon' });
  private readonly name = el('h3');
  private readonly sure = el('p', { class: 'sure' });
  private readonly list = el('dl', { class: 'bars' });
  private readonly rest = el('p', { class: 'rest', hidden: '' });
  private readonly explanation = new ExplanationPanel();
  private readonly bars = new Map<string, { row: HTMLElement; bar: HTMLElement; value: HTMLElement }>();

  constructor(
    private readonly number: number,
    highlight: (number: number | null) => void,
  ) {
    const head = el('div', { class: 'card-head' }, this.thumb, el('div', {}, this.name, this.sure), this.icon);
    const { button, panel } = this.explanation;
    this.root = el('li', { class: 'card', tabindex: '0' }, head, this.list, this.rest, button, panel);
    for (const type of ['pointerenter', 'focus']) this.root.addEventListener(type, () => highlight(number));
    for (const type of ['pointerleave', 'blur']) this.root.addEventListener(type, () => highlight(null));
  }

  updateExplanation(face: Face, count: number, choice: Choice, explain: Explain): void {
    this.explanation.update(face, this.who(face, count), choice, explain);
  }

  update(face: Face, count: number, thumb?: Thumb): void {
    if (this.name.textContent !== face.emotion) {
      this.name.textContent = face.emotion;
      this.icon.replaceChildren(faceIcon(face.emotion));
    }
    const parts = [this.who(face, count), percent(face.confidence), face.unsure ? 'unsure' : ''].filter(Boolean);
    this.sure.replaceChildren(...parts.map((part) => el('span', part === 'unsure' ? { class: 'unsure' } : {}, part)));
    this.thumb.hidden = !thumb;
    thumb?.(face, this.thumb);
    this.showBars(face);
  }

  private showBars(face: Face): void {
    const all = Object.entries(face.probabilities);
    const few = all.length <= MAX_BARS;
    const shown = few ? all : [...all].sort((one, two) => two[1] - one[1]).slice(0, MAX_BARS - 1);
    for (const [name, value] of shown) this.bar(name, value, name === face.emotion);
    this.rest.hidden = few;
    if (few) return;
    const names = new Set(shown.map(([name]) => name));
    for (const [name, { row }] of this.bars) row.hidden = !names.has(name);
    this.list.append(...shown.map(([name]) => this.bars.get(name)!.row));
    const left = 1 - shown.reduce((sum, [, value]) => sum + value, 0);
    this.rest.textContent = `${all.length - shown.length} other classes together: ${percent(Math.max(0, left))}`;
  }

  private who(face: Face, count: number): string {
    if ('track_id' in face) return `Person ${face.track_id}`;
    return count > 1 ? `Face ${this.number + 1}` : '';
  }

  private bar(name: string, value: number, best: boolean): void {
    let entry = this.bars.get(name);
    if (!entry) {
      const [bar, shown] = [el('span', { class: 'bar' }), el('span', { class: 'value' })];
      bar.style.background = colorOf(name);
      const row = el('div', {}, el('dt', {}, name), el('dd', {}, el('span', { class: 'track' }, bar), shown));
      entry = { row, bar, value: shown };
      this.bars.set(name, entry);
      this.list.append(row);
    }
    entry.row.classList.toggle('best', best);
    entry.bar.style.width = `${Math.max(0.6, value * 100)}%`;
    entry.value.textContent = percent(value);
  }
}

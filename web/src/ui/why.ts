/** The "Why" button of a face's card and its panel: the face in the colours of its evidence, and a legend. */

import type { Explanation } from '../recognition/explain';
import type { FaceMap } from '../recognition/maps';
import type { Result } from '../results/tables';
import { announce, el, percent, toast } from './dom';
import { colorBar, colorFace, scaleOf } from './evidence';

type Face = Result['faces'][number];

/** Explains a face; resolves to null if its frame is no longer kept. */
export type Explain = (face: Face, size: number) => Promise<Explanation | null>;

/** The visitor's choice for one face, kept while cards change places. */
export interface Choice {
  open: boolean;
  /** The class to explain; empty for the predicted one. */
  emotion: string;
}

/** Side of the drawn face in pixels; smaller if it changes with every frame. */
const [LARGE, LIVE] = [640, 320] as const;
/** Fraction of the scale below which a cell is not mentioned. */
const FAINT = 0.1;

let count = 0;

export class ExplanationPanel {
  private readonly id = `why-${(count += 1)}`;
  private readonly label = el('span');
  readonly button = el(
    'button',
    { type: 'button', class: 'why-toggle', 'aria-controls': this.id, 'aria-expanded': 'false' },
    this.label,
  );
  private readonly select = el('select', { 'aria-label': 'Class to explain' });
  private readonly rivals = el('span');
  private readonly canvas = el('canvas', { role: 'img', width: '1', height: '1' });
  private readonly bar = el('canvas', { width: '255', height: '1', 'aria-hidden': 'true' });
  private readonly ends = [el('span'), el('span', {}, '0'), el('span')];
  private readonly sums = el('p');
  readonly panel = el(
    'div',
    { class: 'why', id: this.id, hidden: '' },
    el('p', { class: 'why-choice' }, this.select, this.rivals),
    this.canvas,
    el('div', { class: 'why-scale' }, this.bar, ...this.ends),
    this.sums,
    el('p', { class: 'faint' }, 'It shows where in the face the prediction comes from, not what the person feels.'),
  );
  private face: Face | null = null;
  private explain: Explain | null = null;
  private choice: Choice = { open: false, emotion: '' };
  private explained: { readonly face: Face; readonly explanation: Explanation } | null = null;
  private busy = false;
  /** Whether to announce the next explanation: only after a click or a choice, not for later frames. */
  private isRequested = false;

  constructor() {
    this.button.addEventListener('click', () => {
      this.choice.open = this.isRequested = !this.choice.open;
      this.show();
    });
    this.select.addEventListener('change', () => {
      this.choice.emotion = this.select.value;
      this.isRequested = true;
      this.show();
    });
    const pen = this.bar.getContext('2d');
    pen?.putImageData(new ImageData(colorBar(255), 255, 1), 0, 0);
  }

  /** @param who Names the face if there are several. */
  update(face: Face, who: string, choice: Choice, explain: Explain): void {
    [this.face, this.choice, this.explain] = [face, choice, explain];
    const label = `Why ${face.emotion}?`;
    if (this.label.textContent !== label) this.label.textContent = label;
    this.button.setAttribute('aria-label', who ? `${label} ${who}` : label);
    this.show();
  }

  private get emotion(): string {
    return this.choice.emotion || this.face!.emotion;
  }

  private show(): void {
    const { open } = this.choice;
    this.button.setAttribute('aria-expanded', String(open));
    this.panel.hidden = !open;
    if (!open || !this.face) return;
    this.fillSelect(this.face);
    if (this.explained?.face === this.face) this.paint();
    else void this.load();
  }

  private async load(): Promise<void> {
    const { face, explain } = this;
    if (this.busy || !face || !explain) return;
    this.busy = true;
    this.panel.setAttribute('aria-busy', 'true');
    try {
      const explanation = await explain(face, 'track_id' in face ? LIVE : LARGE);
      if (explanation) this.explained = { face, explanation };
    } catch {
      this.choice.open = false;
      toast('The explanation could not be computed.');
    } finally {
      this.busy = false;
      this.panel.removeAttribute('aria-busy');
    }
    // Meanwhile the card may show another face, or its panel may have been closed.
    if (this.face === face && this.explained?.face === face) this.show();
    else if (this.face !== face && this.choice.open) await this.load();
    else if (!this.choice.open) this.show();
  }

  private fillSelect(face: Face): void {
    const names = Object.keys(face.probabilities);
    if (this.select.options.length !== names.length) {
      this.select.replaceChildren(...names.map((name) => el('option', { value: name }, name)));
    }
    if (this.select.value !== this.emotion) this.select.value = this.emotion;
    const others = Object.entries(face.probabilities).filter(([name]) => name !== this.emotion);
    const strongest = others.sort((one, two) => two[1] - one[1]).slice(0, 2);
    const rivals = strongest.map(([name, value]) => `${name} ${small(value)}`).join(', ');
    this.rivals.textContent = `${small(face.probabilities[this.emotion]!)}, rather than ${rivals}`;
  }

  private paint(): void {
    const { maps, pixels: face, shift } = this.explained!.explanation;
    const map = maps.find(({ emotion }) => emotion === this.emotion)!;
    const scale = scaleOf(map.evidence);
    const { width, height } = face;
    [this.canvas.width, this.canvas.height] = [width, height];
    const pixels = colorFace(face, map.evidence, scale, shift);
    this.canvas.getContext('2d')?.putImageData(new ImageData(pixels, width, height), 0, 0);
    this.ends[0]!.textContent = `${signed(-scale)} against`;
    this.ends[2]!.textContent = `for ${signed(scale)}`;
    const summary = strongest(map, scale);
    this.canvas.setAttribute('aria-label', `The face in the colours of its evidence. ${summary}`);
    this.sums.textContent = `${meaning(map)} A line surrounds parts that reach half of the scale.`;
    if (this.isRequested) announce(`Why ${map.emotion}? ${summary}`);
    this.isRequested = false;
  }
}

function meaning({ emotion, evidence, log_odds: logOdds, constant, method }: FaceMap): string {
  const places = evidence.length * evidence[0]!.length;
  const colors = `orange is evidence for ${emotion}, blue for its rivals.`;
  if (method === 'occlusion') {
    const loss = `Log-odds that the prediction loses when one of ${places} places is covered`;
    return `${loss}: ${colors} They do not add up to the prediction.`;
  }
  const sums = `They add up to ${signed(logOdds - constant)}, plus ${signed(constant)} that belongs to no place.`;
  return `Log-odds at ${places} places of the face: ${colors} ${sums}`;
}

/** Where in the face the evidence is, in words. */
function strongest({ emotion, evidence }: FaceMap, scale: number): string {
  const flat = evidence.flat();
  const [most, least] = [Math.max(...flat), Math.min(...flat)];
  const at = (value: number) => zone(flat.indexOf(value), evidence.length, evidence[0]!.length);
  const parts = [
    most > FAINT * scale ? `Most for ${emotion}: ${at(most)}, ${signed(most)}.` : `No part is evidence for ${emotion}.`,
    least < -FAINT * scale ? `Most against it: ${at(least)}, ${signed(least)}.` : 'No part is evidence against it.',
  ];
  return parts.join(' ');
}

/** One of nine parts of a face, as the visitor sees it. */
function zone(place: number, rows: number, columns: number): string {
  const third = (index: number, number: number) => Math.floor((3 * (index + 0.5)) / number);
  const row = ['top', 'middle', 'bottom'][third(Math.floor(place / columns), rows)]!;
  const sides = document.body.classList.contains('mirror') ? ['right', 'centre', 'left'] : ['left', 'centre', 'right'];
  const column = sides[third(place % columns, columns)]!;
  return row === 'middle' && column === 'centre' ? 'centre' : `${row} ${column}`;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
}

function small(value: number): string {
  return (value < 0.005 ? '<1 %' : percent(value)).replace(' ', '\u00a0');
}

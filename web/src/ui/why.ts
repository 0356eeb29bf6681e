/** On a face's card: a button that says why, and what it opens: the face in the colours of its evidence, and a legend. */

import type { Why } from '../recognition/explain';
import type { FaceMap } from '../recognition/maps';
import type { Result } from '../results/tables';
import { announce, el, percent, toast } from './dom';
import { colorBar, colorFace, scaleOf } from './evidence';

type Face = Result['faces'][number];

/** Asks for the reasons; answers null where the face has gone by. */
export type Explain = (face: Face, size: number) => Promise<Why | null>;

/** What a person chose for one face, kept while cards change places. */
export interface Choice {
  open: boolean;
  /** The class to explain; empty for the one that the face is given. */
  emotion: string;
}

/** Side of the drawn face in pixels; less where a new one comes with every frame. */
const [LARGE, LIVE] = [640, 320] as const;
/** Parts of the scale below which a place is not worth naming. */
const FAINT = 0.1;

let count = 0;

export class WhyPart {
  private readonly id = `why-${(count += 1)}`;
  private readonly word = el('span');
  readonly button = el('button', { type: 'button', class: 'why-toggle', 'aria-controls': this.id, 'aria-expanded': 'false' }, this.word);
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
    el('p', { class: 'faint' }, 'It shows where in the face the answer comes from, not what the person feels.'),
  );
  private face: Face | null = null;
  private explain: Explain | null = null;
  private choice: Choice = { open: false, emotion: '' };
  private found: { readonly face: Face; readonly why: Why } | null = null;
  private busy = false;
  /** Whether the person has just asked, so that people who listen want to hear it; later frames only change the picture. */
  private isAsked = false;

  constructor() {
    this.button.addEventListener('click', () => {
      this.choice.open = this.isAsked = !this.choice.open;
      this.show();
    });
    this.select.addEventListener('change', () => {
      this.choice.emotion = this.select.value;
      this.isAsked = true;
      this.show();
    });
    const pen = this.bar.getContext('2d');
    pen?.putImageData(new ImageData(colorBar(255), 255, 1), 0, 0);
  }

  /** @param who Names the face where there are several. */
  update(face: Face, who: string, choice: Choice, explain: Explain): void {
    [this.face, this.choice, this.explain] = [face, choice, explain];
    const word = `Why ${face.emotion}?`;
    if (this.word.textContent !== word) this.word.textContent = word;
    this.button.setAttribute('aria-label', who ? `${word} ${who}` : word);
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
    if (this.found?.face === this.face) this.paint();
    else void this.ask();
  }

  private async ask(): Promise<void> {
    const { face, explain } = this;
    if (this.busy || !face || !explain) return;
    this.busy = true;
    this.panel.setAttribute('aria-busy', 'true');
    try {
      const why = await explain(face, 'track_id' in face ? LIVE : LARGE);
      if (why) this.found = { face, why };
    } catch {
      this.choice.open = false;
      toast('The explanation could not be computed.');
    } finally {
      this.busy = false;
      this.panel.removeAttribute('aria-busy');
    }
    // Meanwhile the card may show another face, or have been closed.
    if (this.face === face && this.found?.face === face) this.show();
    else if (this.face !== face && this.choice.open) await this.ask();
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
    const { why } = this.found!;
    const map = why.maps.find(({ emotion }) => emotion === this.emotion)!;
    const scale = scaleOf(map.evidence);
    const { width, height } = why.pixels;
    [this.canvas.width, this.canvas.height] = [width, height];
    const pixels = colorFace(why.pixels, map.evidence, scale, why.shift);
    this.canvas.getContext('2d')?.putImageData(new ImageData(pixels, width, height), 0, 0);
    this.ends[0]!.textContent = `${signed(-scale)} against`;
    this.ends[2]!.textContent = `for ${signed(scale)}`;
    const said = strongest(map, scale);
    this.canvas.setAttribute('aria-label', `The face in the colours of its evidence. ${said}`);
    this.sums.textContent = `${meaning(map)} A line surrounds parts that reach half of the scale.`;
    if (this.isAsked) announce(`Why ${map.emotion}? ${said}`);
    this.isAsked = false;
  }
}

function meaning({ emotion, evidence, log_odds: logOdds, constant, method }: FaceMap): string {
  const places = evidence.length * evidence[0]!.length;
  const colors = `orange is evidence for ${emotion}, blue for its rivals.`;
  if (method === 'occlusion') {
    return `Log-odds that the prediction loses when one of ${places} places is covered: ${colors} They do not add up to the prediction.`;
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

/** One of nine parts of a face, as one looks at it. */
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

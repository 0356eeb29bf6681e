/** A strip for each person: the share of each class over time, with gaps where the person was away. */

import { type Person, Timeline, minutes } from '../recognition/timeline';
import { colorOf, faceIcon } from './classes';
import { byId, el, percent } from './dom';

const MIN_SPAN_S = 10;
const MAX_STRIPS = 8;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

interface Row {
  readonly root: HTMLElement;
  readonly strip: HTMLCanvasElement;
  readonly name: HTMLElement;
  readonly icon: HTMLElement;
  emotion: string;
}

export class TimelineView {
  private readonly container = byId('timeline');
  private readonly strips = byId('strips');
  private readonly axis = byId('axis');
  private readonly rows = new Map<number, Row>();
  private drawn = 0;

  /** @param seek Called with a time that the visitor chose. */
  constructor(private readonly seek: (timeS: number) => void) {
    byId('timeline').addEventListener('click', (event) => this.clicked(event));
  }

  clear(): void {
    this.rows.clear();
    this.strips.replaceChildren();
    this.axis.replaceChildren();
    this.container.hidden = true;
  }

  /** The canvas for a person's thumbnail, drawn once when the person is first seen. */
  thumb(id: number): HTMLCanvasElement | null {
    return this.rows.get(id)?.root.querySelector('canvas.thumb') ?? null;
  }

  /** @param lengthS The whole length if it is known, as for a video file; else 0. */
  update(timeline: Timeline, nowS: number, lengthS: number, force = false): Person[] {
    const now = performance.now();
    if (!force && now - this.drawn < 120) return [];
    this.drawn = now;
    const longest = timeline.people().sort((one, two) => two.frames - one.frames).slice(0, MAX_STRIPS);
    const people = longest.sort((one, two) => one.id - two.id);
    this.container.hidden = people.length === 0;
    const span = lengthS || Math.max(MIN_SPAN_S, timeline.endS - (timeline.beginS ?? 0));
    const begin = lengthS ? 0 : (timeline.beginS ?? 0);
    for (const [id, row] of this.rows) {
      if (people.some((person) => person.id === id)) continue;
      row.root.remove();
      this.rows.delete(id);
    }
    const fresh = people.filter((person) => !this.rows.has(person.id));
    for (const person of people) this.row(person, timeline, [begin, span]);
    this.container.style.setProperty('--now', String(Math.min(1, Math.max(0, (nowS - begin) / span))));
    this.container.dataset.begin = String(begin);
    this.container.dataset.span = String(span);
    this.ticks(begin, span);
    return fresh;
  }

  private row(person: Person, timeline: Timeline, range: readonly [number, number]): void {
    let row = this.rows.get(person.id);
    if (!row) {
      const [name, icon] = [el('span', { class: 'who' }), el('span', { class: 'icon' })];
      const strip = el('canvas', { class: 'band', role: 'img' });
      const thumb = el('canvas', { class: 'thumb', width: '72', height: '72', 'aria-hidden': 'true' });
      const root = el('div', { class: 'person' }, el('div', { class: 'person-name' }, thumb, name, icon), strip);
      row = { root, strip, name, icon, emotion: '' };
      this.rows.set(person.id, row);
      this.strips.append(root);
    }
    const mean = timeline.mean(person);
    const order = mean.map((value, k) => [value, timeline.classNames[k]!] as const).sort((one, two) => two[0] - one[0]);
    const top = order.slice(0, 2).map(([value, name]) => `${name} ${percent(value)}`).join(', ');
    row.name.replaceChildren(el('b', {}, `Person ${person.id}`), el('small', {}, `mostly ${order[0]![1]}`));
    if (row.emotion !== order[0]![1]) row.icon.replaceChildren(faceIcon(order[0]![1]));
    row.emotion = order[0]![1];
    const when = `from ${minutes(person.firstS)} to ${minutes(person.lastS)}`;
    row.strip.setAttribute('aria-label', `Person ${person.id}: on average ${top}; seen ${when}`);
    draw(row.strip, person, timeline, range);
  }

  private ticks(begin: number, span: number): void {
    const wide = this.strips.querySelector('canvas.band')?.clientWidth ?? 300;
    const step = STEPS.find((one) => span / one <= Math.max(3, wide / 90)) ?? 3600;
    const marks: HTMLElement[] = [];
    for (let time = Math.ceil(begin / step) * step; time <= begin + span; time += step) {
      const mark = el('span', {}, minutes(time));
      mark.style.left = `${((time - begin) / span) * 100}%`;
      marks.push(mark);
    }
    this.axis.replaceChildren(...marks);
  }

  private clicked(event: MouseEvent): void {
    const strip = (event.target as HTMLElement).closest('canvas.band');
    if (!strip) return;
    const { left, width } = strip.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
    this.seek(Number(this.container.dataset.begin) + share * Number(this.container.dataset.span));
  }
}

/** Stack the classes' shares for each stretch of time. */
function draw(
  canvas: HTMLCanvasElement,
  person: Person,
  timeline: Timeline,
  [begin, span]: readonly [number, number],
): void {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  if (canvas.width !== Math.round(width) || canvas.height !== Math.round(height)) {
    [canvas.width, canvas.height] = [Math.round(width), Math.round(height)];
  }
  const pen = canvas.getContext('2d');
  if (!pen) return;
  pen.clearRect(0, 0, width, height);
  const offset = (timeline.beginS ?? 0) - begin;
  const wide = Math.max(1, (timeline.binS / span) * width);
  const places = [...person.bins.keys()].sort((one, two) => one - two);
  // Half a second without the person is a gap; on a slow device, three steps between frames are, if that is longer.
  const pauseS = Math.max(0.5, (3 * (timeline.endS - (timeline.beginS ?? 0))) / timeline.numFrames);
  places.forEach((place, k) => {
    const sums = person.bins.get(place)!;
    const count = sums.at(-1)!;
    const following = places[k + 1];
    const joined = following !== undefined && (following - place) * timeline.binS <= pauseS;
    const left = ((offset + place * timeline.binS) / span) * width;
    const right = joined ? ((offset + following * timeline.binS) / span) * width : left + wide;
    let low = height;
    timeline.classNames.forEach((name, number) => {
      const high = (sums[number]! / count) * height;
      pen.fillStyle = colorOf(name);
      pen.fillRect(Math.floor(left), low - high, Math.ceil(right) - Math.floor(left), high + 0.5);
      low -= high;
    });
  });
}

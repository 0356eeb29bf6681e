/** Colours and face icons of the classes, the same as in src/moue/drawing; they come from model.json and the build. */

import generated from '../generated/faces.json';

type Shape = readonly [kind: string, points: readonly (readonly number[])[]];

const FACES = generated as unknown as {
  readonly known: Readonly<Record<string, readonly Shape[]>>;
  readonly unknown: readonly Shape[];
};
const OTHER = '#e69f00';
const DARK = '#141414';
const SVG = 'http://www.w3.org/2000/svg';
const FILLS: Readonly<Record<string, string>> = { dark: '#181614', white: '#ffffff', pink: '#ff9696' };

let colors: Readonly<Record<string, string>> = {};

/** Set the colour of each class of the page's model. */
export function setColors(chosen: Readonly<Record<string, string>>): void {
  colors = chosen;
}

export function colorOf(name: string): string {
  return Object.hasOwn(colors, name) ? colors[name]! : OTHER;
}

/** Black or white, whichever is more readable on a class's colour (WCAG's relative luminance). */
export function inkOn(color: string): string {
  const [red, green, blue] = channels(color).map((value) => (value / 255) ** 2.2);
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue! > 0.18 ? DARK : '#ffffff';
}

/** A small drawn face. */
export function faceIcon(name: string): SVGSVGElement {
  const icon = document.createElementNS(SVG, 'svg');
  icon.setAttribute('viewBox', '-0.06 -0.06 1.12 1.12');
  icon.setAttribute('aria-hidden', 'true');
  icon.classList.add('face-icon');
  const disk = document.createElementNS(SVG, 'circle');
  for (const [key, value] of Object.entries({ cx: '0.5', cy: '0.5', r: '0.5', fill: lifted(colorOf(name)) })) {
    disk.setAttribute(key, value);
  }
  icon.append(disk);
  for (const [kind, points] of Object.hasOwn(FACES.known, name) ? FACES.known[name]! : FACES.unknown) {
    const shape = document.createElementNS(SVG, kind === 'line' ? 'polyline' : 'polygon');
    shape.setAttribute('points', points.map((point) => point.join(',')).join(' '));
    if (kind === 'line') shape.setAttribute('class', 'stroke');
    else shape.setAttribute('fill', FILLS[kind] ?? DARK);
    icon.append(shape);
  }
  return icon;
}

/** A colour with enough white mixed in for dark features to be visible on it. */
function lifted(color: string): string {
  const [red, green, blue] = channels(color) as [number, number, number];
  const light = 0.299 * red + 0.587 * green + 0.114 * blue;
  const white = Math.max(0, (118 - light) / (255 - light));
  return `rgb(${[red, green, blue].map((part) => Math.round(part + white * (255 - part))).join(' ')})`;
}

function channels(color: string): number[] {
  return [1, 3, 5].map((place) => parseInt(color.slice(place, place + 2), 16));
}

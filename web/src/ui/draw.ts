/** Draws boxes and labels over an image, on the screen and for the download. Mirrors src/moue/drawing/draw.py. */

import type { Result } from '../results/tables';
import { colorOf, inkOn } from './classes';
import { percent } from './dom';

type Area = readonly [left: number, top: number, right: number, bottom: number];
type Face = Result['faces'][number];

export interface Drawing {
  /** Pixels of the drawing for each pixel of the image. */
  readonly scale: number;
  readonly mirror: boolean;
  /** Font size in pixels of the drawing. */
  readonly text: number;
  /** Index of a highlighted face; the others fade. */
  readonly highlighted: number | null;
}

export function drawFaces(pen: CanvasRenderingContext2D, result: Result, drawing: Drawing): void {
  const boxes = result.faces.map((face) => boxOf(face, result.width, drawing));
  const taken: Area[] = [];
  // Small faces come last, so that the labels of larger ones do not hide theirs.
  const order = [...boxes.keys()].sort((one, two) => size(boxes[two]!) - size(boxes[one]!));
  for (const k of order) drawBox(pen, result.faces[k]!, boxes[k]!, drawing, isFaded(k, drawing));
  for (const k of order) {
    taken.push(drawLabel(pen, result.faces[k]!, boxes[k]!, boxes, taken, drawing, isFaded(k, drawing)));
  }
  pen.globalAlpha = 1;
}

export function labelOf(face: Face): string {
  const person = 'track_id' in face ? `#${face.track_id} ` : '';
  return `${person}${face.emotion}${face.unsure ? '?' : ''} ${percent(face.confidence)}`;
}

function isFaded(k: number, drawing: Drawing): boolean {
  return drawing.highlighted !== null && drawing.highlighted !== k;
}

function boxOf(face: Face, width: number, { scale, mirror }: Drawing): Area {
  const [x, y, w, h] = face.box;
  const left = mirror ? width - x - w : x;
  return [left * scale, y * scale, (left + w) * scale, (y + h) * scale];
}

function size(area: Area): number {
  return (area[2] - area[0]) * (area[3] - area[1]);
}

/** A box in the class's colour between two dark lines, so that it is visible on any background; dashed if unsure. */
function drawBox(pen: CanvasRenderingContext2D, face: Face, box: Area, drawing: Drawing, faded: boolean): void {
  const line = Math.max(2, drawing.text / 5.5);
  const [left, top, right, bottom] = box;
  const corner = Math.min(drawing.text * 0.6, (right - left) / 6);
  pen.globalAlpha = faded ? 0.35 : 1;
  pen.beginPath();
  pen.roundRect(left, top, right - left, bottom - top, corner);
  pen.setLineDash([]);
  pen.strokeStyle = 'rgb(20 20 20 / 75%)';
  pen.lineWidth = line + 2;
  pen.stroke();
  if (face.unsure) pen.setLineDash([line * 3, line * 2.2]);
  pen.strokeStyle = colorOf(face.emotion);
  pen.lineWidth = line;
  pen.stroke();
  pen.setLineDash([]);
}

function drawLabel(
  pen: CanvasRenderingContext2D,
  face: Face,
  box: Area,
  boxes: readonly Area[],
  taken: readonly Area[],
  drawing: Drawing,
  faded: boolean,
): Area {
  const text = labelOf(face);
  const letters = Math.max(11, Math.min(drawing.text, (box[2] - box[0]) * 0.32));
  pen.font = `600 ${letters}px system-ui, sans-serif`;
  const [width, height] = [pen.measureText(text).width + letters, letters * 1.6];
  const area = placeLabel(pen, box, width, height, drawing.text * 0.35, boxes, taken);
  const color = colorOf(face.emotion);
  pen.globalAlpha = faded ? 0.35 : 1;
  pen.beginPath();
  pen.roundRect(area[0], area[1], width, height, height / 2);
  pen.fillStyle = color;
  pen.fill();
  pen.strokeStyle = 'rgb(20 20 20 / 75%)';
  pen.lineWidth = 1;
  pen.stroke();
  pen.fillStyle = inkOn(color);
  pen.textBaseline = 'middle';
  pen.fillText(text, area[0] + letters / 2, area[1] + height / 2 + letters * 0.04);
  return area;
}

/** The position near a face where a label hides least: above, below, or inside at the top or bottom. */
function placeLabel(
  pen: CanvasRenderingContext2D,
  box: Area,
  width: number,
  height: number,
  gap: number,
  boxes: readonly Area[],
  taken: readonly Area[],
): Area {
  const ratio = pen.getTransform().a;
  const [wide, high] = [pen.canvas.width / ratio, pen.canvas.height / ratio];
  const rows = [box[1] - height - gap, box[3] + gap, box[1] + gap, box[3] - height - gap];
  const areas = rows
    .flatMap((y) => [box[0], box[2] - width].map((x) => [x, y] as const))
    .map(([x, y]) => [clamped(x, wide - width), clamped(y, high - height)] as const)
    .map(([x, y]): Area => [x, y, x + width, y + height]);
  const hidden = (area: Area) =>
    8 * taken.reduce((sum, other) => sum + shared(area, other), 0) +
    boxes.reduce((sum, other) => sum + shared(area, other) * (other === box ? 2 : 1), 0);
  return areas.reduce((best, area) => (hidden(area) < hidden(best) ? area : best));
}

/** A position at 0 or more, and at `limit` or less if that is possible. */
function clamped(position: number, limit: number): number {
  return Math.min(Math.max(0, position), Math.max(0, limit));
}

function shared(one: Area, two: Area): number {
  const width = Math.min(one[2], two[2]) - Math.max(one[0], two[0]);
  const height = Math.min(one[3], two[3]) - Math.max(one[1], two[1]);
  return Math.max(0, width) * Math.max(0, height);
}

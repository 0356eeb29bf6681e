/** Results as CSV and JSON files. Mirrors src/moue/recognition/rows.py and src/moue/output/formats/. */

import type { FaceResult, Analysis } from '../recognition/analyze';
import type { TrackedFace } from '../recognition/stream';

/** The result for one image or frame: its faces, or why it could not be analysed. */
export interface Result extends Omit<Analysis, 'faces'> {
  readonly file: string;
  readonly status: string;
  readonly faces: readonly (FaceResult | TrackedFace)[];
  readonly frame?: number | null;
  readonly time_s?: number | null;
}

type Cell = string | number | boolean | null | undefined;

const FORMULA = /^[=+\-@\t\r\n]/;
const DECIMALS: Readonly<Record<string, number>> = { x: 2, y: 2, face_width: 2, face_height: 2, time_s: 3 };
const WHOLE = new Set(['width', 'height', 'num_faces', 'face', 'frame', 'track_id']);

export function columns(classNames: readonly string[]): string[] {
  return [
    ...['file', 'status', 'width', 'height', 'num_faces', 'detector', 'face'],
    ...['x', 'y', 'face_width', 'face_height', 'face_score', 'emotion', 'confidence', 'unsure'],
    ...classNames.map((name) => `prob_${name}`),
    ...['message', 'frame', 'time_s', 'track_id'],
  ];
}

export function toCsv(results: readonly Result[], classNames: readonly string[]): string {
  const names = columns(classNames);
  const rows = results.flatMap((result) => rowsOf(result));
  const lines = rows.map((row) => names.map((name) => cell(name, row[name])).join(','));
  return [names.join(','), ...lines].join('\n') + '\n';
}

export function toJson(results: readonly Result[], classNames: readonly string[]): string {
  const about = { format: 'moue-results', version: 1, class_names: classNames };
  const lines = results.map((result) => JSON.stringify(plain(result)));
  return `${JSON.stringify(about).slice(0, -1)},"results":[\n${lines.join(',\n')}\n]}\n`;
}

/** The fields of a result in the order of `ImageResult.to_dict` and `FrameResult.to_dict`. */
function plain(result: Result): Record<string, unknown> {
  const { file, frame, time_s: time, ...rest } = result;
  const { status, width, height, detector, faces, message, timings } = rest;
  const rounded = Object.entries(timings).map(([name, value]) => [name, Math.round(value * 100) / 100] as const);
  const seconds = time === undefined || time === null ? null : Math.round(time * 1e3) / 1e3;
  const moment = time === undefined ? {} : { frame: frame ?? null, time_s: seconds };
  return { file, ...moment, status, width, height, detector, faces, message, timings: Object.fromEntries(rounded) };
}

function rowsOf(result: Result): Record<string, Cell>[] {
  const common: Record<string, Cell> = {
    file: result.file,
    status: result.status,
    width: result.width || null,
    height: result.height || null,
    num_faces: result.faces.length,
    detector: result.detector,
    message: result.message,
    frame: result.frame,
    time_s: result.time_s,
  };
  if (result.faces.length === 0) return [common];
  return result.faces.map((face, number) => ({
    ...common,
    face: number,
    ...{ x: face.box[0], y: face.box[1], face_width: face.box[2], face_height: face.box[3] },
    face_score: face.face_score,
    emotion: face.emotion,
    confidence: face.confidence,
    unsure: face.unsure,
    ...Object.fromEntries(Object.entries(face.probabilities).map(([name, value]) => [`prob_${name}`, value])),
    track_id: 'track_id' in face ? face.track_id : null,
  }));
}

function cell(name: string, value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return WHOLE.has(name) ? String(value) : value.toFixed(DECIMALS[name] ?? 6);
  if (typeof value === 'boolean') return String(value);
  // A spreadsheet would run such a cell as a formula; a file's name must still refer to the file.
  const safe = FORMULA.test(value) ? `${name === 'file' ? './' : "'"}${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

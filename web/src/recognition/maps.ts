/** Which parts of a face support a class rather than its rivals. Mirrors src/moue/classifier/maps.py. */

import type { Classifier } from './classify';
import type { FeatureSpec } from './features';
import type { Network } from './network';
import { type RawImage, roundHalfEven } from './pixels';
import type { ModelSpec } from './spec';

const PROBABILITY_FLOOR = 1e-7;
/** Cells of an occlusion map per side; the covering square is two cells wide. */
const CELLS = 8;

export interface FaceMap {
  readonly emotion: string;
  /** Rows of cells from the upper left: log-odds for the class (above 0) or against it (below 0). */
  readonly evidence: readonly (readonly number[])[];
  /** log(p / (1 - p)) of the class: in a class map, the sum of all cells plus the constant. */
  readonly log_odds: number;
  readonly constant: number;
  readonly method: 'class map' | 'occlusion';
}

/** The tensors that the network must output for maps, besides its own outputs; see `withOutputs`. */
export function namesOf(features: FeatureSpec): string[] {
  return [features.output, ...Object.values(features.layers).flat()];
}

/**
 * The maps of all classes, in class order.
 *
 * @param network Also outputs its features and layers.
 * @param face The network's input.
 */
export async function classMaps(
  network: Network,
  spec: ModelSpec,
  features: FeatureSpec,
  face: RawImage,
): Promise<FaceMap[]> {
  const { class_names: names } = spec.expression;
  const outputs = await network.run(Float32Array.from(face.data), [1, face.height, face.width, 1]);
  const probabilities = [...outputs.expression!].map((value) => Math.max(value, PROBABILITY_FLOOR));
  const cells = logitsOfCells(outputs, spec, features);
  // The feature map has the aspect ratio of the face.
  const rows = Math.round(Math.sqrt((cells.length * face.height) / face.width));
  return names.map((emotion, own) => {
    const others = probabilities.reduce((sum, value, k) => (k === own ? sum : sum + value), 0);
    const rivals = (cell: readonly number[]) =>
      cell.reduce((sum, value, k) => (k === own ? sum : sum + (value * probabilities[k]!) / others), 0);
    const flat = cells.map((cell) => cell[own]! - rivals(cell));
    const logOdds = logOddsOf(outputs.expression![own]!);
    const constant = logOdds - flat.reduce((sum, value) => sum + value, 0);
    return { emotion, evidence: inRows(flat, rows), log_odds: logOdds, constant, method: 'class map' };
  });
}

/** Cover parts of a face with its mean gray, all in one batch, and compare the log-odds of each class. */
export async function occlusionMaps(classifier: Classifier, face: RawImage): Promise<FaceMap[]> {
  const { width, height, data } = face;
  const gray = roundHalfEven(data.reduce((sum, value) => sum + value, 0) / data.length);
  const edges = (side: number) => Array.from({ length: CELLS + 1 }, (_, k) => roundHalfEven((k * side) / CELLS));
  const [rows, columns] = [edges(height), edges(width)];
  const steps = Array.from({ length: CELLS + 1 }, (_, k) => k - 1);
  const covered = steps.flatMap((row) => steps.map((column): RawImage => {
    const pixels = data.slice();
    const [left, right] = [columns[Math.max(column, 0)]!, columns[Math.min(column + 2, CELLS)]!];
    for (let y = rows[Math.max(row, 0)]!; y < rows[Math.min(row + 2, CELLS)]!; y += 1) {
      pixels.fill(gray, y * width + left, y * width + right);
    }
    return { ...face, data: pixels };
  }));
  const predictions = await classifier.predict([face, ...covered].map((image) => [image]));
  return classifier.spec.expression.class_names.map((emotion, own) => {
    const [whole, ...others] = predictions.map(({ probabilities }) => logOddsOf(probabilities[own]!));
    const lost = inRows(others.map((value) => whole! - value), CELLS + 1);
    // Each cell is covered by four squares.
    const mean = (row: number, column: number) =>
      (lost[row]![column]! + lost[row + 1]![column]! + lost[row]![column + 1]! + lost[row + 1]![column + 1]!) / 4;
    const evidence = lost.slice(1).map((line, row) => line.slice(1).map((_, column) => mean(row, column)));
    return { emotion, evidence, log_odds: whole!, constant: 0, method: 'occlusion' };
  });
}

function inRows(values: readonly number[], count: number): number[][] {
  const columns = values.length / count;
  return Array.from({ length: count }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}

/** Each cell's share of each logit of `expression`. */
function logitsOfCells(
  outputs: Readonly<Record<string, Float32Array>>,
  spec: ModelSpec,
  features: FeatureSpec,
): number[][] {
  const values = outputs[features.output]!;
  const layer = layerOf(outputs, spec, features);
  const channels = layer.length;
  const count = values.length / channels;
  const isPlanar = features.layout === 'NCHW';
  const at = (cell: number, c: number) => (isPlanar ? c * count + cell : cell * channels + c);
  return Array.from({ length: count }, (_, cell) => {
    const sums = new Array<number>(spec.expression.class_names.length).fill(0);
    layer.forEach((row, c) => row.forEach((weight, k) => (sums[k]! += (values[at(cell, c)]! * weight) / count)));
    return sums;
  });
}

/** One matrix from channels to the classes of `expression`: the heads' layers times the layer over their logarithms. */
function layerOf(
  outputs: Readonly<Record<string, Float32Array>>,
  { expression }: ModelSpec,
  features: FeatureSpec,
): number[][] {
  const layer: number[][] = [];
  for (const [head, rows] of Object.entries(expression.weights)) {
    const columns = rows[0]!.length;
    const matrix = outputs[features.layers[head]![0]!]!;
    for (let c = 0; c < matrix.length / columns; c += 1) {
      const sums = (layer[c] ??= rows.map(() => 0));
      rows.forEach((row, k) => row.forEach((weight, j) => (sums[k]! += matrix[c * columns + j]! * weight)));
    }
  }
  return layer;
}

function logOddsOf(probability: number): number {
  const inside = Math.min(Math.max(probability, PROBABILITY_FLOOR), 1 - PROBABILITY_FLOOR);
  return Math.log(inside / (1 - inside));
}

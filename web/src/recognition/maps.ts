/** Which parts of a face speak for a class rather than for its rivals. Mirrors src/moue/classifier/maps.py. */

import type { Classifier } from './classify';
import type { FeatureSpec } from './features';
import type { Network } from './network';
import { type Picture, roundHalfEven } from './pixels';
import type { ModelSpec } from './spec';

const PROBABILITY_FLOOR = 1e-7;
/** Of an occlusion map in each direction; what is covered is twice as wide. */
const CELLS = 8;

export interface FaceMap {
  readonly emotion: string;
  /** Rows of places from the upper left: log-odds for the class, above 0, or against it, below 0. */
  readonly evidence: readonly (readonly number[])[];
  /** log(p / (1 - p)) of the class: in a class map, the sum of all places and the constant. */
  readonly log_odds: number;
  readonly constant: number;
  readonly method: 'class map' | 'occlusion';
}

/** The tensors that a network for maps must give beside its own outputs, see `withOutputs`. */
export function namesOf(features: FeatureSpec): string[] {
  return [features.output, ...Object.values(features.layers).flat()];
}

/**
 * The maps of all classes, in their order.
 *
 * @param network Gives its features and layers too.
 * @param face As the network is given it.
 */
export async function classMaps(
  network: Network,
  spec: ModelSpec,
  features: FeatureSpec,
  face: Picture,
): Promise<FaceMap[]> {
  const { class_names: names } = spec.expression;
  const outputs = await network.run(Float32Array.from(face.data), [1, face.height, face.width, 1]);
  const probabilities = [...outputs.expression!].map((value) => Math.max(value, PROBABILITY_FLOOR));
  const places = placesOf(outputs, spec, features);
  // The features have the proportions of the face.
  const rows = Math.round(Math.sqrt((places.length * face.height) / face.width));
  return names.map((emotion, own) => {
    const others = probabilities.reduce((sum, value, k) => (k === own ? sum : sum + value), 0);
    const against = (place: readonly number[]) =>
      place.reduce((sum, value, k) => (k === own ? sum : sum + (value * probabilities[k]!) / others), 0);
    const flat = places.map((place) => place[own]! - against(place));
    const logOdds = logOddsOf(outputs.expression![own]!);
    const constant = logOdds - flat.reduce((sum, value) => sum + value, 0);
    return { emotion, evidence: inRows(flat, rows), log_odds: logOdds, constant, method: 'class map' };
  });
}

/** Cover a face piece by piece with its mean gray, all in one batch, and see what becomes of each class. */
export async function occlusionMaps(classifier: Classifier, face: Picture): Promise<FaceMap[]> {
  const { width, height, data } = face;
  const gray = roundHalfEven(data.reduce((sum, value) => sum + value, 0) / data.length);
  const edges = (side: number) => Array.from({ length: CELLS + 1 }, (_, k) => roundHalfEven((k * side) / CELLS));
  const [rows, columns] = [edges(height), edges(width)];
  const steps = Array.from({ length: CELLS + 1 }, (_, k) => k - 1);
  const covered = steps.flatMap((row) => steps.map((column): Picture => {
    const pixels = data.slice();
    const [left, right] = [columns[Math.max(column, 0)]!, columns[Math.min(column + 2, CELLS)]!];
    for (let y = rows[Math.max(row, 0)]!; y < rows[Math.min(row + 2, CELLS)]!; y += 1) {
      pixels.fill(gray, y * width + left, y * width + right);
    }
    return { ...face, data: pixels };
  }));
  const answers = await classifier.answer([face, ...covered].map((one) => [one]));
  return classifier.spec.expression.class_names.map((emotion, own) => {
    const [whole, ...others] = answers.map(({ probabilities }) => logOddsOf(probabilities[own]!));
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

/** Each place's part of each logit of `expression`. */
function placesOf(
  outputs: Readonly<Record<string, Float32Array>>,
  spec: ModelSpec,
  features: FeatureSpec,
): number[][] {
  const values = outputs[features.output]!;
  const layer = layerOf(outputs, spec, features);
  const channels = layer.length;
  const count = values.length / channels;
  const at = features.layout === 'NCHW' ? (p: number, c: number) => c * count + p : (p: number, c: number) => p * channels + c;
  return Array.from({ length: count }, (_, place) => {
    const sums = new Array<number>(spec.expression.class_names.length).fill(0);
    layer.forEach((row, c) => row.forEach((weight, k) => (sums[k]! += (values[at(place, c)]! * weight) / count)));
    return sums;
  });
}

/** From channels straight to the classes of `expression`: both heads' layers and the layer over their logarithms. */
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

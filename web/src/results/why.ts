/** Explanations as a JSON file, with the fields of `moue explain --json`. */

import type { Explanation } from '../recognition/explain';
import type { Result } from './tables';

/** @param emotions The explained class of each face. */
export function toExplanationsJson(
  result: Result,
  explanations: readonly Explanation[],
  emotions: readonly string[],
): string {
  const faces = result.faces.map((face, number) => {
    const { maps, shift } = explanations[number]!;
    const map = maps.find(({ emotion }) => emotion === emotions[number])!;
    const { emotion, evidence, log_odds: logOdds, constant, method } = map;
    return {
      face,
      emotion,
      evidence: evidence.map((row) => row.map(rounded)),
      log_odds: rounded(logOdds),
      constant: rounded(constant),
      method,
      shift: rounded(shift),
    };
  });
  return `${JSON.stringify({ file: result.file, faces })}\n`;
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

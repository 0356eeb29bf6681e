/** Maps as a JSON file, with the fields of `moue explain --json`. */

import type { Why } from '../recognition/explain';
import type { Result } from './tables';

/** @param emotions Of each face the class that is explained. */
export function toWhyJson(result: Result, whys: readonly Why[], emotions: readonly string[]): string {
  const faces = result.faces.map((face, number) => {
    const { maps, shift } = whys[number]!;
    const { emotion, evidence, log_odds: logOdds, constant, method } = maps.find((map) => map.emotion === emotions[number])!;
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

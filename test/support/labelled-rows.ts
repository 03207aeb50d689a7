/** Labelled rows drawn at random, for simulations. */
import type { SeededRandom } from "../../engine/core/seeded-random.ts";
import { type BinaryRows, predictAt } from "../../engine/monitor/performance/labelled-rows.ts";

/** Calibrated scores: a row is positive with the chance that its score says, to the power of `bend`. `shift` moves the logits. */
export function calibratedRows(random: SeededRandom, rows: number, shift = 0, bend = 1) {
  const scores = Float64Array.from(
    { length: rows },
    () => 1 / (1 + Math.exp(-1.5 * random.normal() - shift)),
  );
  const labels = Uint8Array.from(scores, (score) => (random.uniform() < score ** bend ? 1 : 0));
  return { kind: "binary", scores, predicted: predictAt(scores, 0.5), labels } as const satisfies BinaryRows;
}

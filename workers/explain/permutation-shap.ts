/**
 * Shapley values of any model by drawn orders of players: each order is walked forth, players becoming known one by one, and back, in
 * the same order becoming unknown (antithetic, as shap's PermutationExplainer), and what a player changes counts for it. What is
 * unknown takes the values of each row of the background. Exact for models in which no more than two players work together.
 *
 * Invariant: base and contributions add up to the answer, whatever is drawn. Bound: CALL_ROWS_MAX rows a call of the model.
 */

import type { ExplainedRow } from "./explanation.ts";
import { checkDeadline } from "./score-explainers.ts";

const CALL_ROWS_MAX = 1024;

export interface PermutationQuestion {
  readonly asked: ExplainedRow;
  readonly background: readonly Float32Array[];
  /** What the model answers when nothing is known: its mean over the background. */
  readonly base: number;
  /** Orders of the players. */
  readonly orders: readonly Uint32Array[];
  /** Of answers, numbers a row. */
  readonly width: number;
  readonly predict: (rows: Float32Array, count: number, outputs: Float32Array) => Promise<void>;
}

/** One contribution a player. @throws EngineError DEADLINE_EXCEEDED, and what `predict` throws. */
export async function permutationShap(question: PermutationQuestion): Promise<Float64Array> {
  const { asked, base, orders } = question;
  const { playerCount, answer, output } = asked;
  const whole = answer[output] as number;
  const contributions = new Float64Array(playerCount);
  for (const order of orders) {
    const means = await meansOf(question, masksAlong(order));
    const forth = [base, ...means.slice(0, playerCount - 1), whole];
    const back = [whole, ...means.slice(playerCount - 1), base];
    for (const [place, player] of order.entries()) {
      const rise = (forth[place + 1] as number) - (forth[place] as number);
      const fall = (back[place] as number) - (back[place + 1] as number);
      contributions[player] = (contributions[player] as number) + (rise + fall) / (2 * orders.length);
    }
  }
  return contributions;
}

/** Who is known, step by step, forth and back, but for the two ends where none is and all are. The same array, changed. */
function* masksAlong(order: Uint32Array): Generator<Uint8Array> {
  const known = new Uint8Array(order.length);
  for (const isKnown of [1, 0]) {
    for (const [place, player] of order.entries()) {
      known[player] = isKnown;
      if (place < order.length - 1) yield known;
    }
  }
}

/** The mean answer over the background for each mask. */
async function meansOf(
  { asked, background, width, predict }: PermutationQuestion,
  masks: Iterable<Uint8Array>,
): Promise<number[]> {
  const { row, output, players, deadlineMs } = asked;
  const masksMax = Math.max(1, Math.floor(CALL_ROWS_MAX / background.length));
  const rows = new Float32Array(masksMax * background.length * row.length);
  const outputs = new Float32Array(masksMax * background.length * width);
  const means: number[] = [];
  let waiting = 0;
  const flush = async (): Promise<void> => {
    checkDeadline(deadlineMs);
    const count = waiting * background.length;
    await predict(rows, count, outputs);
    for (let first = 0; first < count; first += background.length) {
      let sum = 0;
      for (let at = first; at < first + background.length; at++)
        sum += outputs[at * width + output] as number;
      means.push(sum / background.length);
    }
    waiting = 0;
  };
  for (const known of masks) {
    let at = waiting * background.length * row.length;
    for (const other of background)
      for (let column = 0; column < row.length; column++)
        rows[at++] = (known[players[column] as number] === 1 ? row[column] : other[column]) as number;
    waiting += 1;
    if (waiting === masksMax) await flush();
  }
  if (waiting > 0) await flush();
  return means;
}

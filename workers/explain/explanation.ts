/**
 * What an explanation of one prediction is, and what a way to explain must do.
 *
 * Contributions are Shapley values: base and contributions add up to what is explained (for the permutation explainer: by its
 * construction). They are of players: each is the columns of one input, or of several inputs that some column is made of.
 */

/**
 * What contributions are counted in. margin: log odds of the last of two classes, a class's score before softmax for several;
 * probability and value: the predicted ones themselves.
 */
export type ExplanationUnit = "margin" | "probability" | "value";

export interface ExplainedRow {
  /** The floats that the model read. */
  readonly row: Float32Array;
  /** Its answer. */
  readonly answer: Float32Array;
  /** Which number of the answer is explained. */
  readonly output: number;
  /** Player of each column. */
  readonly players: Int32Array;
  readonly playerCount: number;
  /** Date.now() after which nobody waits for it. */
  readonly deadlineMs: number;
}

export interface Explanation {
  readonly unit: ExplanationUnit;
  /** What would be predicted if nothing were known. */
  readonly base: number;
  /** One a player. */
  readonly contributions: Float64Array;
}

export interface Explainer {
  /** @throws EngineError DEADLINE_EXCEEDED, INFERENCE_FAILED. */
  explain(row: ExplainedRow): Promise<Explanation>;
  close(): Promise<void>;
}

/** Contributions of columns, summed by player. */
export function byPlayer(columns: Float64Array, { players, playerCount }: ExplainedRow): Float64Array {
  const sums = new Float64Array(playerCount);
  for (const [column, contribution] of columns.entries()) {
    const player = players[column] as number;
    sums[player] = (sums[player] as number) + contribution;
  }
  return sums;
}

/**
 * Raw rows as a batch holds them and the prediction log keeps them: what a pipeline is fitted on, and what it transforms.
 */
export interface RawRows {
  readonly count: number;
  /** count × inputs: numbers, booleans as 0 and 1, categories as their index; NaN for missing. 0 for kept as text. */
  readonly numbers: Float32Array;
  /** count × inputs that are kept as text, in their order: texts, and timestamps as ISO 8601 in UTC; "" for missing. */
  readonly texts: readonly string[];
}

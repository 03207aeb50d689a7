/**
 * Predictions with their labels, as columns of typed arrays: what is asked for and what is got (storage/labelled-rows).
 */

/** Up to which message of which stream a table is read; zeros for the beginning. */
export interface TablePosition {
  readonly epoch: number;
  readonly seq: number;
}

export interface LabelPositions {
  readonly labels: TablePosition;
  readonly predictions: TablePosition;
}

export interface SliceColumn {
  readonly name: string;
  readonly kind: "number" | "category";
  /** Its place among the model's numbers, or its categories, from 0. */
  readonly index: number;
}

export interface LabelledQuestion {
  readonly model: string;
  readonly version: string;
  /** Of all variants if it is undefined. */
  readonly variant?: string | undefined;
  /** Of prediction_date, ms since 1970: [from, to). */
  readonly fromMs: number;
  readonly toMs: number;
  /** Only labels that had arrived by then; all of them if it is undefined. */
  readonly asOfMs?: number | undefined;
  /** Only what had been stored by then; all of it if it is undefined. */
  readonly upTo?: LabelPositions | undefined;
  /** One request in so many, drawn by the digest of its id, so always the same ones; all if it is undefined. */
  readonly oneIn?: number | undefined;
  /** In the order of the model's probabilities; empty for a regression. */
  readonly classes: readonly string[];
  readonly slices: readonly SliceColumn[];
  readonly rowsMax: number;
}

export interface LabelledRows {
  readonly rows: number;
  /** Whether there are more than `rowsMax`: these are the earliest. */
  readonly isCut: boolean;
  /** As logged: the value, or the probability of the last of two classes, or the highest one. */
  readonly predictedValue: Float32Array;
  /** Row by row, one for each class; empty for a regression. */
  readonly probabilities: Float32Array;
  /** Index into the classes; -1 for a class that the model does not have, and for a regression. */
  readonly predictedClass: Int16Array;
  /** Index into the classes, or the value. NaN where the label is none of them: no class of the model, or no number. */
  readonly label: Float64Array;
  readonly slices: readonly SliceValues[];
}

export type SliceValues =
  | { readonly name: string; readonly kind: "number"; readonly values: Float32Array }
  | {
      readonly name: string;
      readonly kind: "category";
      /** Index into `categories`, which are in the order in which they are met first. */
      readonly values: Int32Array;
      readonly categories: readonly string[];
    };

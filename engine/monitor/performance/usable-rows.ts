/**
 * Labelled predictions as they are read, made into rows that metrics take: without those whose label is no class of the model or no
 * number, or whose prediction is none.
 */
import type { LabelledRows as ReadRows } from "../../core/labelled-rows.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import { type LabelledRows, takeRows } from "./labelled-rows.ts";

export interface UsableRows {
  readonly rows: LabelledRows;
  /** Of each row its index among those that were read. */
  readonly at: Uint32Array;
}

export function usableRows({ classes }: ModelManifest, read: ReadRows): UsableRows {
  const { predictedValue, predictedClass, label } = read;
  const isUsable = (row: number): boolean =>
    Number.isFinite(label[row]) &&
    Number.isFinite(predictedValue[row]) &&
    (classes === undefined || (predictedClass[row] as number) >= 0);
  const at = Uint32Array.from(Array.from(label.keys()).filter(isUsable));
  return { at, rows: takeRows(allRows(classes?.length, read), at) };
}

/** With zeros and the like in rows that are not usable. */
function allRows(
  classes: number | undefined,
  { predictedValue, probabilities, predictedClass, label }: ReadRows,
): LabelledRows {
  if (classes === undefined) return { kind: "regression", predicted: predictedValue, labels: label };
  if (classes === 2)
    return {
      kind: "binary",
      scores: predictedValue,
      predicted: Uint8Array.from(predictedClass),
      labels: Uint8Array.from(label),
    };
  return {
    kind: "multiclass",
    classes,
    ...(probabilities.every((value) => value >= 0) && { probabilities }),
    predicted: Uint16Array.from(predictedClass),
    labels: Uint16Array.from(label),
  };
}

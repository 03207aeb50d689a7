/**
 * Labelled rows out of columns of a file: texts as labels, beside the outputs that the model had for the rows.
 */
import { type EngineError, fieldInvalid } from "../../core/errors.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import { type LabelledRows, predictAt } from "../performance/labelled-rows.ts";

const THRESHOLD_DEFAULT = 0.5;

export interface LabelledColumns {
  readonly predictedValue?: Float32Array | undefined;
  readonly predictedClass?: readonly (string | null)[] | undefined;
  /** Null where a row has none. */
  readonly labels: readonly (string | null)[];
  /** Of two classes: the label that is the positive class, where labels are neither classes, booleans nor 0 and 1. */
  readonly positive?: string | undefined;
}

/**
 * The rows that have a label and the outputs that its metrics need.
 * @returns undefined when the columns of these outputs are missing: predicted_class of several classes, else predicted_value.
 * @throws EngineError INVALID_REQUEST naming the first row whose label is none.
 */
export function toLabelledRows(manifest: ModelManifest, columns: LabelledColumns): LabelledRows | undefined {
  const { classes } = manifest;
  if (classes === undefined) return regressionRows(columns);
  return classes.length === 2 ? binaryRows(manifest, classes, columns) : multiclassRows(classes, columns);
}

function regressionRows({ predictedValue, labels }: LabelledColumns): LabelledRows | undefined {
  if (predictedValue === undefined) return undefined;
  const rows = rowsWhere(labels, (row) => !Number.isNaN(predictedValue[row]));
  const values = rows.map((row) => {
    const value = Number(labels[row]);
    if (!Number.isFinite(value)) throw wrongLabel(row, labels[row], "a finite number");
    return value;
  });
  return {
    kind: "regression",
    predicted: Float32Array.from(rows, (row) => predictedValue[row] as number),
    labels: Float64Array.from(values),
  };
}

function binaryRows(
  { threshold = THRESHOLD_DEFAULT }: ModelManifest,
  classes: readonly string[],
  { predictedValue, predictedClass, labels, positive }: LabelledColumns,
): LabelledRows | undefined {
  if (predictedValue === undefined) return undefined;
  const rows = rowsWhere(
    labels,
    (row) => !Number.isNaN(predictedValue[row]) && predictedClass?.[row] !== null,
  );
  const scores = Float32Array.from(rows, (row) => predictedValue[row] as number);
  const predicted =
    predictedClass === undefined
      ? predictAt(scores, threshold)
      : Uint8Array.from(rows, (row) => (predictedClass[row] === classes[1] ? 1 : 0));
  const placeOf = binaryPlaces(classes, positive);
  return {
    kind: "binary",
    scores,
    predicted,
    labels: Uint8Array.from(rows, (row) => placeOf(labels[row], row)),
  };
}

/** 1 for a label of the positive class, which is the last one, 0 for the other one. */
function binaryPlaces(
  classes: readonly string[],
  positive: string | undefined,
): (label: string | null | undefined, row: number) => number {
  if (positive !== undefined) return (label) => (label === positive ? 1 : 0);
  const places = new Map([
    ...["0", "0.0", "false", "False"].map((label) => [label, 0] as const),
    ...["1", "1.0", "true", "True"].map((label) => [label, 1] as const),
    ...classes.map((name, place) => [name, place] as const), // a class may be called "1"
  ]);
  return (label, row) => {
    const place = places.get(label ?? "");
    if (place !== undefined) return place;
    throw wrongLabel(row, label, `one of ${classes.join(", ")}, true, false, 1, 0, or name the positive one`);
  };
}

function multiclassRows(
  classes: readonly string[],
  { predictedClass, labels }: LabelledColumns,
): LabelledRows | undefined {
  if (predictedClass === undefined) return undefined;
  const places = new Map(classes.map((name, place) => [name, place]));
  const placeOf = (text: string | null | undefined, row: number): number => {
    const place = places.get(text ?? "");
    if (place === undefined)
      throw wrongLabel(row, text, `a class of the model: ${classes.slice(0, 20).join(", ")}`);
    return place;
  };
  const rows = rowsWhere(labels, (row) => predictedClass[row] !== null);
  return {
    kind: "multiclass",
    classes: classes.length,
    predicted: Uint16Array.from(rows, (row) => placeOf(predictedClass[row], row)),
    labels: Uint16Array.from(rows, (row) => placeOf(labels[row], row)),
  };
}

function rowsWhere(labels: readonly (string | null)[], hasOutput: (row: number) => boolean): number[] {
  return labels.flatMap((label, row) => (label !== null && hasOutput(row) ? [row] : []));
}

function wrongLabel(row: number, label: string | null | undefined, expected: string): EngineError {
  return fieldInvalid("label", `row ${row + 1} has ${JSON.stringify(label)}: must be ${expected}`);
}

/**
 * The reference of a version that was just trained: its inputs and its scores on rows that it has not learned from, and its quality there.
 *
 * Not the training rows, although they are more: on those a model is surer of itself than it will ever be again, so that its scores would
 * seem to drift from the first window on.
 */
import type { ModelManifest } from "../core/manifest.ts";
import type { LabelledRows } from "../monitor/performance/labelled-rows.ts";
import { type ColumnValues, ROWS_MIN_DEFAULT } from "../monitor/references/reference-builder.ts";
import { buildReference } from "../monitor/references/reference-content.ts";
import type { ReferenceContent } from "../monitor/references/reference-document.ts";
import { watchedColumns } from "../monitor/references/reference-profile.ts";
import { OutputReading } from "../output-reading.ts";
import { rawColumn, type TrainingTable } from "./data/training-table.ts";

export interface HeldOutRows {
  readonly table: TrainingTable;
  /** Of the new model, as a scorer gives them. */
  readonly outputs: Float32Array;
  readonly labelled: LabelledRows;
}

/** Undefined when there are too few rows to describe anything. @throws EngineError INVALID_REQUEST naming the column. */
export function heldOutReference(
  manifest: ModelManifest,
  { table, outputs, labelled }: HeldOutRows,
): ReferenceContent | undefined {
  if (table.raw.count < ROWS_MIN_DEFAULT) return undefined;
  const values = new Map<string, ColumnValues>();
  const watched = new Set(watchedColumns(manifest).map(({ name }) => name));
  for (const [at, { name }] of table.inputs.entries())
    if (watched.has(name)) values.set(name, rawColumn(table, at));
  const reading = new OutputReading(manifest);
  const offsets = Uint32Array.from(table.targets, (_, row) => row * reading.outputWidth);
  values.set(
    "predicted_value",
    Float32Array.from(offsets, (offset) => reading.value(outputs, offset)),
  );
  if (manifest.classes !== undefined) {
    const classOf = (offset: number): string =>
      reading.classes[reading.predictedClass(outputs, offset)] ?? "";
    values.set("predicted_class", Array.from(offsets, classOf));
  }
  return buildReference(manifest, { values, labelled });
}

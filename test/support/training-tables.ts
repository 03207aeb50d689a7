/** Training tables of plain values, for tests of what is made of them. */
import type { ModelInput } from "../../engine/core/model-input.ts";
import { groupsOf } from "../../engine/train/data/row-groups.ts";
import type { TrainingTable } from "../../engine/train/data/training-table.ts";
import { type PlainRow, rawRowsOf } from "./raw-rows.ts";

export function tableOf(
  inputs: readonly ModelInput[],
  rows: readonly PlainRow[],
  targets: readonly number[],
  more: Partial<TrainingTable> = {},
): TrainingTable {
  return {
    inputs,
    raw: rawRowsOf(inputs, rows),
    targets: Float64Array.from(targets),
    groups: groupsOf(rows.length, (row) => `row ${row}`),
    ...more,
  };
}

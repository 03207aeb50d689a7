/** Which rows are counted: those with the columns of the reference; of a reference without inputs all. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { LogRowReader } from "../../../../../engine/core/log-row-reader.ts";
import { PaneCounts, planCounting } from "../../../../../engine/monitor/drift/pane-counts.ts";
import { buildProfile } from "../../../../../engine/monitor/references/reference-builder.ts";
import { logRowsOf } from "../../../../support/log-rows.ts";

const MINUTE_MS = 60_000;
const VALUES = Float32Array.from({ length: 500 }, (_, at) => at / 500);
const VALUE = { name: "predicted_value", role: "output", type: "number" } as const;
const AMOUNT = { name: "amount", role: "input", type: "number" } as const;

/** Rows of one, two and no numbers, counted: how often each slot, and how many did not fit. */
function counted(columns: readonly (typeof VALUE | typeof AMOUNT)[]): { sum: number; misfits: number } {
  const data = new Map(columns.map(({ name }) => [name, VALUES]));
  const counts = new PaneCounts(planCounting(buildProfile([...columns], data), []));
  const rows = [[1], [1, 2], []].map((numbers) => ({ dateMs: MINUTE_MS, numbers }));
  const reader = new LogRowReader(logRowsOf(rows));
  while (reader.next()) counts.add(reader);
  counts.countStaged();
  const misfits = counts.takeMisfits();
  const sum = [...counts.take().values()].flatMap((slots) => [...slots]).reduce((a, b) => a + b, 0);
  return { sum, misfits };
}

it("rows that have not the inputs of the reference are counted apart", () => {
  assert.deepEqual(counted([AMOUNT, VALUE]), { sum: 2 + 2, misfits: 2 });
});

it("rows of a model of tensors are counted by their output, whatever they hold", () => {
  assert.deepEqual(counted([VALUE]), { sum: 3, misfits: 0 });
});

/** Which inputs are left, and what becomes of the preprocessing of the others. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ModelInput } from "../../../../../engine/core/model-input.ts";
import type { UnfittedStep } from "../../../../../engine/core/preprocessing.ts";
import {
  selectColumns,
  selectedInputs,
  stepsWithout,
} from "../../../../../engine/train/data/feature-selection.ts";
import { fitPipeline } from "../../../../../engine/transform/fit.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { type PlainRow, rawRowsOf } from "../../../../support/raw-rows.ts";
import { tableOf } from "../../../../support/training-tables.ts";

const INPUTS: readonly ModelInput[] = [
  { name: "amount", type: "float" },
  { name: "word", type: "text" },
  { name: "age", type: "float" },
  { name: "color", type: "category", categories: ["red", "blue"] },
  { name: "at", type: "timestamp" },
  { name: "lat", type: "float" },
  { name: "lon", type: "float" },
];
const ROWS: readonly PlainRow[] = [
  [1, "a", 20, "red", "2026-03-01T05:00:00.000Z", 1, 2],
  [2, "b", 30, "blue", "2026-04-01T06:00:00.000Z", 3, 4],
];

describe("a selection of features", () => {
  it("keeps the inputs in their order, with their columns", () => {
    const names = (selection: object): string[] => selectedInputs(INPUTS, selection).map(({ name }) => name);
    assert.deepEqual(
      names({}),
      INPUTS.map(({ name }) => name),
    );
    assert.deepEqual(names({ include: ["at", "age", "word"], exclude: ["age"] }), ["word", "at"]);
    const table = tableOf(INPUTS, ROWS, [0, 1]);
    const kept = selectedInputs(INPUTS, { include: ["age", "at", "color"] });
    const expected = tableOf(
      kept,
      ROWS.map((row) => [row[2], row[3], row[4]] as PlainRow),
      [0, 1],
    );
    assert.deepEqual(selectColumns(table, kept), expected);
  });

  it("refuses names that are none, and nothing at all", () => {
    assert.throws(
      () => selectedInputs(INPUTS, { exclude: ["colour"] }),
      hasCode("INVALID_REQUEST", /features\.exclude\.0: .*"color"\?/),
    );
    assert.throws(
      () => selectedInputs(INPUTS, { include: ["age"], exclude: ["age"] }),
      hasCode("INVALID_REQUEST", /leave no input/),
    );
  });

  it("takes the other inputs out of the steps, and what was made of them", () => {
    const steps: UnfittedStep[] = [
      { type: "imputer", columns: ["amount", "age"], strategy: "mean", statistics: [1, 2] },
      { type: "standard_scaler", columns: ["age"] },
      { type: "cyclic_encoder", columns: ["amount", "age"], outputs: ["turn", "year"], period: 7 },
      { type: "time_parts", columns: ["at"], parts: ["hour", "month"] },
      { type: "min_max_scaler", columns: ["at_hour", "amount"] },
      { type: "one_hot_encoder", columns: ["word", "color"] },
      { type: "select", columns: ["amount", "year", "turn", "at_month", "color"] },
    ];
    const left = stepsWithout(steps, new Set(["age", "at", "word"]));
    assert.deepEqual(left, [
      { type: "imputer", columns: ["amount"], strategy: "mean" },
      { type: "cyclic_encoder", columns: ["amount"], outputs: ["turn"], period: 7 },
      { type: "min_max_scaler", columns: ["amount"] },
      { type: "one_hot_encoder", columns: ["color"] },
      { type: "select", columns: ["amount", "turn", "color"] },
    ]);
    const kept = selectedInputs(INPUTS, { include: ["amount", "color"] });
    fitPipeline(
      kept,
      left,
      rawRowsOf(
        kept,
        ROWS.map((row) => [row[0], row[3]] as PlainRow),
      ),
    );
    assert.deepEqual(
      stepsWithout(steps, new Set(["lat"])),
      steps,
      "steps that need nothing of it stay as they are",
    );
  });

  it("refuses to take out what a step makes something of with others", () => {
    const steps: UnfittedStep[] = [
      { type: "haversine_distance", from: ["lat", "lon"], to: [1, 2], output: "km" },
    ];
    assert.throws(
      () => stepsWithout(steps, new Set(["lon"])),
      hasCode("INVALID_REQUEST", /preprocessing\.0 \(haversine_distance\) needs "lon"/),
    );
    const products: UnfittedStep[] = [
      { type: "polynomial_features", columns: ["lat", "lon"], output: "products" },
    ];
    assert.throws(() => stepsWithout(products, new Set(["lat"])), hasCode("INVALID_REQUEST", /needs "lat"/));
  });
});

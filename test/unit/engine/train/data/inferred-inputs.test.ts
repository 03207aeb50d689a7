/** Which inputs follow from what columns hold, and what a lineage says of them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { modelInput } from "../../../../../engine/core/model-input.ts";
import { trainingValidation } from "../../../../../engine/core/training-validation.ts";
import { inferInputs } from "../../../../../engine/train/data/inferred-inputs.ts";
import { lineageOf } from "../../../../../engine/train/data/lineage.ts";
import { splitRows } from "../../../../../engine/train/data/splits.ts";
import type { ColumnCounts } from "../../../../../storage/table-profile.ts";
import { tableOf } from "../../../../support/training-tables.ts";

const column = (name: string, counts: Partial<ColumnCounts>): ColumnCounts => ({
  name,
  rows: 100,
  missing: 0,
  numbers: 0,
  infinite: 0,
  booleans: 0,
  times: 0,
  distinct: 5,
  longest: 10,
  ...counts,
});

describe("inputs of columns", () => {
  it("are what all values that are there can be", () => {
    const { inputs, notes } = inferInputs([
      column("size", { numbers: 90, missing: 10 }),
      column("huge", { numbers: 98, infinite: 2 }),
      column("mixed", { numbers: 99, distinct: 100 }),
      column("flag", { booleans: 100, distinct: 2 }),
      column("at", { times: 60, missing: 40, distinct: 60 }),
      column("once", { distinct: 1, missing: 50, numbers: 50 }),
    ]);
    assert.deepEqual(
      inputs.map(({ input }) => `${input.name} ${input.type}${input.nullable === true ? "?" : ""}`),
      ["size float?", "huge float?", "mixed text", "flag bool", "at timestamp?", "once float?"],
    );
    assert.deepEqual(notes, [
      { field: "huge", message: "has 2 numbers beyond float32: they count as missing" },
    ]);
    for (const { input } of inputs) modelInput.parse(input);
  });

  it("leave out what teaches nothing or is learned by heart", () => {
    const { inputs, notes } = inferInputs([
      column("empty", { missing: 100, distinct: 0 }),
      column("same", { distinct: 1 }),
      column("id", { distinct: 256 }),
      column("story", { longest: 257 }),
    ]);
    assert.deepEqual(inputs, []);
    assert.deepEqual(
      notes.map(({ message }) => message.replace(/:.*/, "")),
      [
        "has no value in any row",
        "is the same in every row",
        "has more than 255 different texts, like an id or free text",
        "has texts of up to 257 characters",
      ],
    );
  });

  it("have names that a manifest takes, each once", () => {
    const names = [
      "hours per week",
      "hours-per-week",
      "hours_per_week",
      "1st",
      "größe",
      "constructor",
      "x".repeat(300),
    ];
    const { inputs } = inferInputs(names.map((name) => column(name, { numbers: 100 })));
    assert.deepEqual(
      inputs.slice(0, 6).map(({ input }) => input.name),
      ["hours_per_week", "hours-per-week", "hours_per_week_2", "x_1st", "gr__e", "constructor_"],
    );
    for (const { input } of inputs) modelInput.parse(input);
  });
});

describe("a lineage", () => {
  it("names the feature sets of the inputs, each once, and what led to the training", () => {
    const feature = { set: "cards", version: "1.2.0" };
    const inputs = [
      { name: "a", type: "float", feature } as const,
      { name: "b", type: "float", feature: { ...feature, name: "other" } } as const,
      { name: "c", type: "float" } as const,
    ];
    const rows = Array.from({ length: 100 }, (_, row) => [row, row, row]);
    const table = tableOf(
      inputs,
      rows,
      rows.map((_, row) => row),
    );
    const validation = trainingValidation.parse({ method: "holdout" });
    const split = splitRows({ ...table, rows: 100 }, validation);
    const trigger = { job_id: "01900000-0000-7000-8000-000000000000", cause: "drift" as const, evidence: [] };
    const parent = { version: "1.0.0", digest: "sha256:1" };
    const source = { source: "file" as const, name: "a.csv", total_rows: 100, grouped_by: ["a"] };
    const lineage = lineageOf({ table, source, split, validation, seed: 3, trigger, parent });
    assert.deepEqual(lineage.feature_sets, [feature]);
    assert.deepEqual([lineage.trigger, lineage.parent, lineage.seed], [trigger, parent, 3]);
    const { training, validation: stopping, test } = lineage.data.parts;
    assert.equal(training + stopping + test, 100);
    assert.deepEqual(lineage.data.inputs, ["a", "b", "c"]);
  });
});

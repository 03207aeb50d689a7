/** From raw rows to what a trainer sees: fitted on the training part alone, and the same numbers that serving makes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseManifest } from "../../../../../engine/core/manifest.ts";
import type { ModelInput } from "../../../../../engine/core/model-input.ts";
import type { PreprocessingStep, UnfittedStep } from "../../../../../engine/core/preprocessing.ts";
import { categoryColumns } from "../../../../../engine/train/data/category-columns.ts";
import { defaultPreprocessing } from "../../../../../engine/train/data/default-preprocessing.ts";
import { type Preparation, prepareSets } from "../../../../../engine/train/data/prepared-sets.ts";
import { compilePipeline } from "../../../../../engine/transform/pipeline.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { type PlainRow, rawRowsOf, transformed } from "../../../../support/raw-rows.ts";
import { tableOf } from "../../../../support/training-tables.ts";

const INPUTS: readonly ModelInput[] = [
  { name: "amount", type: "float" },
  { name: "age", type: "float", nullable: true },
  { name: "word", type: "text", nullable: true },
  { name: "vip", type: "bool", nullable: true },
  { name: "at", type: "timestamp", nullable: true },
];
const ROWS: readonly PlainRow[] = [
  [1, 10, "b", true, "2026-03-02T05:00:00.000Z"],
  [3, null, "a", false, "2026-04-05T06:00:00.000Z"],
  [5, 30, null, null, ""],
  [100, null, "c", true, "2026-03-02T05:00:00.000Z"],
  [200, 50, "b", false, null],
];
const FOLD = { training: Uint32Array.of(0, 1, 2), validation: Uint32Array.of(3) };
const TEST = Uint32Array.of(4);
const plain = (more: Partial<Preparation> = {}): Preparation => ({
  steps: [],
  missing: "refused",
  classWeight: "none",
  ...more,
});

function manifestOf(preprocessing: readonly PreprocessingStep[], allowNan: boolean, inputs = INPUTS) {
  return parseManifest({
    name: "made",
    version: "1.0.0",
    runtime: "onnx",
    inputs,
    input_tensor: "features",
    ...(preprocessing.length === 0 ? {} : { preprocessing }),
    ...(allowNan ? { allow_nan: true } : {}),
    outputs: [{ name: "p", type: "probabilities" }],
    classes: ["no", "yes"],
  });
}

describe("prepared sets", () => {
  const table = tableOf(INPUTS, ROWS, [0, 1, 1, 1, 0], { classes: ["no", "yes"] });

  it("are fitted on the training part alone", () => {
    const steps: UnfittedStep[] = [
      { type: "standard_scaler", columns: ["amount"] },
      { type: "select", columns: ["amount"] },
    ];
    const { preprocessing, training, validation, test } = prepareSets(table, FOLD, TEST, plain({ steps }));
    const [scaler] = preprocessing;
    assert.ok(scaler?.type === "standard_scaler");
    assert.deepEqual(scaler.mean, [3], "the mean of 1, 3 and 5");
    const scale = Math.sqrt(8 / 3);
    const scaled = (value: number): number => Math.fround((value - 3) / scale);
    assert.deepEqual([...(training.columns[0]?.values ?? [])], [1, 3, 5].map(scaled));
    assert.deepEqual([...(validation?.columns[0]?.values ?? [])], [scaled(100)]);
    assert.deepEqual([...(test?.columns[0]?.values ?? [])], [scaled(200)]);
    assert.deepEqual([training.rows, validation?.rows, test?.rows], [3, 1, 1]);
    assert.deepEqual(
      [[...training.targets], [...(validation?.targets ?? [])], [...(test?.targets ?? [])]],
      [[0, 1, 1], [1], [0]],
    );
  });

  for (const family of ["trees", "linear"] as const)
    it(`with the default preprocessing for ${family} are what serving computes, in a manifest that is taken`, () => {
      const steps = defaultPreprocessing(INPUTS, family);
      const missing = family === "trees" ? "allowed" : "refused";
      const { preprocessing, training, validation } = prepareSets(
        table,
        FOLD,
        TEST,
        plain({ steps, missing }),
      );
      const { inputs } = manifestOf(preprocessing, family === "trees");
      const served = transformed(compilePipeline(inputs, preprocessing), rawRowsOf(inputs, ROWS.slice(0, 4)));
      const seen = [0, 1, 2].map((row) => training.columns.map(({ values }) => values[row] as number));
      assert.deepEqual([...seen, validation?.columns.map(({ values }) => values[0])], served);
      assert.deepEqual(
        training.columns.map(({ name }) => name),
        family === "trees"
          ? ["amount", "age", "vip", "word", "at_month", "at_day_of_week", "at_hour"]
          : [
              "amount",
              "age",
              "vip",
              "word_a",
              "word_b",
              "word_missing",
              "at_month",
              "at_day_of_week",
              "at_hour",
            ],
      );
    });

  it("for trees keep what is missing or unseen as NaN, and tell categories by their codes", () => {
    const steps = defaultPreprocessing(INPUTS, "trees");
    const { training, validation } = prepareSets(table, FOLD, TEST, plain({ steps, missing: "allowed" }));
    const column = (name: string) => training.columns.find((one) => one.name === name);
    assert.deepEqual([...(column("age")?.values ?? [])], [10, Number.NaN, 30]);
    assert.deepEqual([...(column("word")?.values ?? [])], [1, 0, Number.NaN]);
    assert.deepEqual([...(column("at_hour")?.values ?? [])], [5, 6, Number.NaN]);
    assert.deepEqual(
      training.columns
        .map(({ name, categories }) => [name, categories])
        .filter(([, codes]) => codes !== undefined),
      [["word", 2]],
    );
    assert.ok(
      Number.isNaN(validation?.columns.find(({ name }) => name === "word")?.values[0]),
      "c was not seen",
    );
  });

  it("for linear models impute, with an indicator where nothing stands in its way", () => {
    const inputs = INPUTS.filter(({ type }) => type !== "timestamp");
    const rows = ROWS.map((row) => row.slice(0, 4));
    const own = tableOf(inputs, rows, [0, 1, 1, 1, 0], { classes: ["no", "yes"] });
    const steps = defaultPreprocessing(inputs, "linear");
    const { preprocessing, training } = prepareSets(own, FOLD, TEST, plain({ steps }));
    manifestOf(preprocessing, false, inputs);
    assert.deepEqual(
      training.columns.map(({ name }) => name),
      [
        "amount",
        "age",
        "word_a",
        "word_b",
        "word_missing",
        "vip",
        "missingindicator_age",
        "missingindicator_vip",
      ],
    );
    assert.deepEqual([...(training.columns.at(-2)?.values ?? [])], [0, 1, 0]);
  });

  it("without preprocessing are the inputs; categories as their index", () => {
    const inputs: readonly ModelInput[] = [
      { name: "size", type: "float", nullable: true },
      { name: "color", type: "category", categories: ["red", "blue", "green"] },
    ];
    const own = tableOf(
      inputs,
      [
        [null, "blue"],
        [2, "red"],
        [3, "red"],
      ],
      [1, 2, 3],
    );
    const sets = prepareSets(
      own,
      { training: Uint32Array.of(0, 1), validation: new Uint32Array(0) },
      Uint32Array.of(2),
      plain({ missing: "allowed" }),
    );
    assert.deepEqual(sets.preprocessing, []);
    assert.deepEqual(
      sets.training.columns.map(({ name, values, categories }) => [name, [...values], categories]),
      [
        ["size", [Number.NaN, 2], undefined],
        ["color", [1, 0], 3],
      ],
    );
    assert.equal(sets.validation, undefined);
    const none = { training: Uint32Array.of(0, 1), validation: new Uint32Array(0) };
    assert.throws(
      () => prepareSets(own, none, TEST, plain()),
      hasCode("MODEL_INVALID", /size: may be missing/),
    );
    assert.throws(
      () => prepareSets(table, FOLD, TEST, plain()),
      hasCode("MODEL_INVALID", /word: is text: add preprocessing/),
    );
    const steps: UnfittedStep[] = [{ type: "select", columns: ["age"] }];
    assert.throws(
      () => prepareSets(table, FOLD, TEST, plain({ steps })),
      hasCode("MODEL_INVALID", /"age" is left and may be missing: .* set allow_nan/),
    );
  });

  it("weigh rows by themselves and by their class; the test only by themselves", () => {
    const steps: UnfittedStep[] = [{ type: "select", columns: ["amount"] }];
    const weights = Float64Array.of(1, 2, 3, 4, 5);
    const weighed = (
      classWeight: Preparation["classWeight"],
      own?: Float64Array,
    ): (number[] | undefined)[] => {
      const sets = prepareSets(
        own === undefined ? table : { ...table, weights: own },
        FOLD,
        TEST,
        plain({ steps, classWeight }),
      );
      return [sets.training, sets.validation, sets.test].map((set) =>
        set?.weights === undefined ? undefined : [...set.weights],
      );
    };
    assert.deepEqual(weighed("none"), [undefined, undefined, undefined]);
    assert.deepEqual(weighed("none", weights), [[1, 2, 3], [4], [5]]);
    assert.deepEqual(weighed("balanced"), [[1.5, 0.75, 0.75], [0.75], undefined]);
    assert.deepEqual(weighed({ yes: 10 }, weights), [[1, 20, 30], [40], [5]]);
    assert.throws(
      () => weighed({ maybe: 2 }),
      hasCode("INVALID_REQUEST", /class_weight\.maybe: is no class; the classes are no, yes/),
    );
    const values = tableOf(INPUTS, ROWS, [1, 2, 3, 4, 5]);
    assert.throws(
      () => prepareSets(values, FOLD, TEST, plain({ steps, classWeight: "balanced" })),
      hasCode("INVALID_REQUEST", /the label is a number/),
    );
  });
});

describe("columns of categories", () => {
  const encode = { type: "ordinal_encoder" as const, columns: ["word"], categories: [["a", "b", null]] };
  const codes = (...steps: PreprocessingStep[]): (number | undefined)[] => {
    const found = categoryColumns(INPUTS, steps);
    return [found.get("word"), found.get("code"), found.get("amount")];
  };

  it("are what an ordinal encoder makes, until another step changes it", () => {
    assert.deepEqual(codes(encode), [2, undefined, undefined]);
    assert.deepEqual(codes({ ...encode, outputs: ["code"] }), [undefined, 2, undefined]);
    assert.deepEqual(codes(encode, { type: "standard_scaler", columns: ["word"], mean: [1], scale: [1] }), [
      undefined,
      undefined,
      undefined,
    ]);
    assert.deepEqual(
      codes(encode, { type: "cyclic_encoder", columns: ["word"], period: 2, outputs: ["turn"] }),
      [2, undefined, undefined],
    );
    assert.deepEqual(codes(encode, { type: "select", columns: ["word"] }), [2, undefined, undefined]);
  });

  it("have a code for missing and unseen ones if these have one, and are numbers if it is none", () => {
    const unseen = (unknown_value: number | null) => ({
      ...encode,
      handle_unknown: "use_encoded_value" as const,
      unknown_value,
    });
    assert.deepEqual(codes(unseen(2))[0], 3);
    assert.deepEqual(codes(unseen(null))[0], 2);
    assert.deepEqual(codes(unseen(-1))[0], undefined);
    assert.deepEqual(codes({ ...encode, encoded_missing_value: 5 })[0], 6);
    assert.deepEqual(codes({ ...encode, encoded_missing_value: 0.5 })[0], undefined);
  });
});

/**
 * The adult census data, 48,842 people with missing values, through a pipeline of seven steps that learn: fitted on the
 * training file, applied to the test file, and compared with scikit-learn. The data is not part of the project: the test
 * looks for adult-train.csv and adult-test.csv in TEST_DATA_DIR or ../shared/data beside the project, and is skipped
 * where they are not.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { modelInput } from "../../../../engine/core/model-input.ts";
import { unfittedSteps } from "../../../../engine/core/preprocessing.ts";
import { fitPipeline } from "../../../../engine/transform/fit.ts";
import { compilePipeline } from "../../../../engine/transform/pipeline.ts";
import { assertClose } from "../../../support/close.ts";
import { fixture } from "../../../support/model.ts";
import { PROJECT } from "../../../support/model-folder.ts";
import { type PlainRow, rawRowsOf, transformed } from "../../../support/raw-rows.ts";

const FOLDER = process.env["TEST_DATA_DIR"] ?? join(PROJECT, "../shared/data");
const TRAINING = join(FOLDER, "adult-train.csv");
const OTHER = join(FOLDER, "adult-test.csv");

const NUMBERS = ["age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week"];
const ONE_HOT = ["marital_status", "relationship", "race", "sex"];
const NAMES =
  "age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain capital_loss hours_per_week native_country".split(
    " ",
  );
const SCALED = ["age", "fnlwgt", "education_num"];
const STEPS = [
  { type: "standard_scaler", columns: SCALED },
  { type: "robust_scaler", columns: ["capital_gain", "capital_loss"] },
  { type: "min_max_scaler", columns: ["hours_per_week"], clip: true },
  { type: "imputer", columns: ["workclass", "occupation"], strategy: "most_frequent" },
  { type: "one_hot_encoder", columns: ["workclass", "occupation"], handle_unknown: "ignore" },
  { type: "one_hot_encoder", columns: ONE_HOT, drop: "first" },
  {
    type: "ordinal_encoder",
    columns: ["education", "native_country"],
    handle_unknown: "use_encoded_value",
    unknown_value: -1,
    encoded_missing_value: -2,
  },
  { type: "polynomial_features", columns: SCALED, interaction_only: true, output: "products" },
  {
    type: "select",
    columns: [
      ...SCALED,
      "capital_gain",
      "capital_loss",
      "hours_per_week",
      "workclass",
      "occupation",
      ...ONE_HOT,
      "education",
      "native_country",
      "products",
    ],
  },
];
const inputs = NAMES.map((name) =>
  modelInput.parse(
    NUMBERS.includes(name) ? { name, type: "float" } : { name, type: "text", max_length: 64, nullable: true },
  ),
);

interface Golden {
  readonly training_sha256: string;
  readonly other_sha256: string;
  readonly learned: readonly Readonly<Record<string, unknown>>[];
  readonly rows: number;
  readonly step: number;
  readonly sums: readonly number[];
  readonly sample: readonly (readonly number[])[];
}

const golden = JSON.parse(readFileSync(fixture("adult/golden.json"), "utf8")) as Golden;

function readRows(file: string, sha256: string): PlainRow[] {
  const text = readFileSync(file, "utf8");
  assert.equal(createHash("sha256").update(text).digest("hex"), sha256, `${file} is the same data set`);
  const lines = text.split("\n").map((line) => line.split(",").map((cell) => cell.trim()));
  return lines
    .filter((cells) => cells.length >= NAMES.length + 1)
    .map((cells) =>
      NAMES.map((name, at) => {
        const cell = cells[at] ?? "?";
        if (cell === "?") return null;
        return NUMBERS.includes(name) ? Number(cell) : cell;
      }),
    );
}

const skip =
  existsSync(TRAINING) && existsSync(OTHER)
    ? false
    : `there is no ${TRAINING} and ${OTHER}; TEST_DATA_DIR names their folder`;
test("the adult data set comes out of the steps as out of scikit-learn", { skip }, (t) => {
  const training = rawRowsOf(inputs, readRows(TRAINING, golden.training_sha256));
  const startedMs = performance.now();
  const fitted = fitPipeline(inputs, unfittedSteps.parse(STEPS), training);
  const fittedMs = performance.now();
  golden.learned.forEach((learned, index) => {
    for (const [field, value] of Object.entries(learned))
      assertClose((fitted[index] as unknown as Record<string, unknown>)[field], value, `${index}.${field}`);
  });
  const pipeline = compilePipeline(inputs, fitted);
  const rows = rawRowsOf(inputs, readRows(OTHER, golden.other_sha256));
  assert.equal(rows.count, golden.rows);
  const matrix = transformed(pipeline, rows);
  assertClose(
    matrix.filter((_, row) => row % golden.step === 0),
    golden.sample,
    "row",
  );
  const sums = golden.sums.map((_, column) =>
    matrix.reduce((sum, row) => sum + (row[column] ?? Number.NaN), 0),
  );
  assertClose(
    sums.map((sum) => sum / golden.rows),
    golden.sums.map((sum) => sum / golden.rows),
    "mean of column",
  );
  t.diagnostic(
    `${training.count} rows fitted in ${Math.round(fittedMs - startedMs)} ms, ${rows.count} rows of ${pipeline.width} columns equal`,
  );
});

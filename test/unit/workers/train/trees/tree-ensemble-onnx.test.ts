/** Ensembles in ONNX: served as they predict, at the edges too, and read back as they were. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TrainingSet, TrainingTask } from "../../../../../engine/core/training-set.ts";
import { encodeOnnx } from "../../../../../workers/train/onnx/onnx-writer.ts";
import type { ExportedModel } from "../../../../../workers/train/trainer.ts";
import { gradientBoosting } from "../../../../../workers/train/trees/gradient-boosting.ts";
import { randomForest } from "../../../../../workers/train/trees/random-forest.ts";
import { type Ensemble, gainShares } from "../../../../../workers/train/trees/tree.ts";
import { toOnnx } from "../../../../../workers/train/trees/tree-ensemble-onnx.ts";
import { readEnsemble } from "../../../../../workers/train/trees/tree-ensemble-read.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { readModelFolder } from "../../../../support/model-folder.ts";
import { createRandom } from "../../../../support/random.ts";
import { servedPredictions } from "../../../../support/served-predictions.ts";
import { TASKS } from "../../../../support/training-sets.ts";

const ROWS = 600;
const CATEGORIES = 20;

/** Missing values that matter, categories of which some are seen later only. */
function someSet(task: TrainingTask, seed: number, hasNew = false): TrainingSet {
  const random = createRandom(seed);
  const size = new Float32Array(ROWS).map(() => random.between(-40, 40) / 8);
  const color = new Float32Array(ROWS).map(() => random.between(0, CATEGORIES - (hasNew ? 1 : 4)));
  const gap = new Float32Array(ROWS).map(() => (random.next() < 0.4 ? Number.NaN : random.between(0, 3)));
  const scores = Float64Array.from(
    size,
    (value, row) =>
      value + (((color[row] as number) * 7) % 5) + (Number.isNaN(gap[row]) ? 3 : 0) + random.next(),
  );
  if (hasNew) color.forEach((_, row) => void (row % 10 === 0 && (color[row] = Number.NaN)));
  if (hasNew) size.forEach((_, row) => void (row % 7 === 0 && (size[row] = Number.NaN)));
  const classOf = (score: number): number => (score < 1 ? 0 : score < 4 || task.kind === "binary" ? 1 : 2);
  return {
    rows: ROWS,
    columns: [
      { name: "size", values: size },
      { name: "color", values: color, categories: CATEGORIES },
      { name: "gap", values: gap },
    ],
    targets: task.kind === "regression" ? scores : scores.map(classOf),
  };
}

const TRAINERS = {
  "gradient boosting": {
    trainer: gradientBoosting,
    given: { n_estimators: 15, cat_smooth: 1, min_data_per_group: 5 },
  },
  "random forest": { trainer: randomForest, given: { n_estimators: 10 } },
} as const;

async function trained(
  name: keyof typeof TRAINERS,
  task: TrainingTask,
): Promise<Awaited<ReturnType<typeof gradientBoosting.train>>> {
  const run = { task, training: someSet(task, 1), seed: 3 };
  return name === "random forest"
    ? randomForest.train({ ...run, parameters: randomForest.parameters.parse(TRAINERS[name].given) })
    : gradientBoosting.train({ ...run, parameters: gradientBoosting.parameters.parse(TRAINERS[name].given) });
}

for (const name of ["gradient boosting", "random forest"] as const)
  describe(`${name} in ONNX`, () => {
    for (const task of Object.values(TASKS)) {
      it(`${task.kind}: is served as it predicts: missing values, new categories, sets of them`, async () => {
        const model = await trained(name, task);
        const { columns } = someSet(task, 2, true);
        const own = await model.predict(columns, ROWS);
        const served = await servedPredictions(await model.export(), task, columns, ROWS);
        const worst = own.reduce(
          (most, value, at) => Math.max(most, Math.abs(value - (served[at] as number))),
          0,
        );
        assert.ok(worst < 1e-5, `${worst}`);
      });

      it(`${task.kind}: is read back as it was`, async () => {
        const exported = await (await trained(name, task)).export();
        const width = task.kind === "multiclass" ? 3 : 1;
        const kind = name === "random forest" ? "mean" : "sum";
        const ensemble = readEnsemble(exported, { kind, columns: 3, width });
        const link = {
          binary: kind === "sum" ? "sigmoid" : "pair",
          multiclass: kind === "sum" ? "softmax" : "none",
          regression: "none",
        } as const;
        assert.deepEqual(encodeOnnx(toOnnx(ensemble, link[task.kind])), exported.files.get("model.onnx"));
        assert.ok(
          ensemble.trees.some(({ categories }) => [...categories.values()].some(({ length }) => length > 1)),
        );
      });
    }
  });

it("gains of squared errors are told from covers and values", async () => {
  const model = await trained("random forest", TASKS.regression);
  const ensemble = readEnsemble(await model.export(), { kind: "mean", columns: 3, width: 1 });
  const told = gainShares(ensemble) ?? new Float64Array(3);
  for (const [column, share] of (model.importances ?? []).entries())
    assert.ok(
      Math.abs((told[column] as number) - share) < 1e-4,
      `column ${column}: ${told[column]}, not ${share}`,
    );
});

describe("a tree in ONNX", () => {
  /** One split at `threshold`: 1 on the left, 2 on the right. */
  const stump = (threshold: number, missingLeft: boolean): ExportedModel => {
    const ensemble: Ensemble = {
      trees: [
        {
          nodes: 3,
          feature: Int32Array.of(0, -1, -1),
          threshold: Float32Array.of(threshold, 0, 0),
          missingLeft: Uint8Array.of(missingLeft ? 1 : 0, 0, 0),
          left: Int32Array.of(1, 0, 0),
          right: Int32Array.of(2, 0, 0),
          categories: new Map(),
          width: 1,
          values: Float32Array.of(0, 1, 2),
          cover: Float32Array.of(2, 1, 1),
          gain: new Float64Array(3),
        },
      ],
      width: 1,
      kind: "sum",
      base: Float32Array.of(0),
      columns: 1,
    };
    const files = new Map([["model.onnx", encodeOnnx(toOnnx(ensemble, "none"))]]);
    return { runtime: "onnx", files, inputTensor: "features", output: { name: "value", type: "value" } };
  };
  const ask = async (model: ExportedModel, values: readonly number[]): Promise<number[]> => [
    ...(await servedPredictions(
      model,
      TASKS.regression,
      [{ name: "x", values: Float32Array.from(values) }],
      values.length,
    )),
  ];

  it("parts neighbours of float32 at its threshold", async () => {
    const next = new Float32Array(new Uint32Array([0x3f800001]).buffer)[0] as number;
    assert.deepEqual(await ask(stump(1, false), [1, next]), [1, 2]);
  });

  it("parts missing values from all others, infinite ones too", async () => {
    const values = [Number.NaN, 0, 3e38, Infinity, -Infinity];
    assert.deepEqual(await ask(stump(Infinity, false), values), [2, 1, 1, 1, 1]);
    assert.deepEqual(await ask(stump(0, true), values), [1, 1, 2, 2, 1]);
  });

  it("is no model to go on from when another library made it, and says so", () => {
    const { files } = readModelFolder("test/fixtures/regression");
    const foreign: ExportedModel = {
      runtime: "onnx",
      files,
      inputTensor: "x",
      output: { name: "y", type: "value" },
    };
    assert.throws(
      () => readEnsemble(foreign, { kind: "mean", columns: 3, width: 1 }),
      hasCode("INVALID_REQUEST", /initial: it is no random forest of 3 columns.*FULL_RETRAIN/),
    );
  });
});

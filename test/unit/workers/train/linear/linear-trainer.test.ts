/** LINEAR against scikit-learn's solutions of the same problems, and what the suite of all trainers cannot ask. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TrainingSet, TrainingTask } from "../../../../../engine/core/training-set.ts";
import type { LinearModel } from "../../../../../workers/train/linear/linear-model.ts";
import { fromOnnx, predictLinear } from "../../../../../workers/train/linear/linear-model.ts";
import { exportLinear, linearTrainer } from "../../../../../workers/train/linear/linear-trainer.ts";
import { decodeOnnx } from "../../../../../workers/train/onnx/onnx-reader.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { PROJECT } from "../../../../support/model-folder.ts";
import { TASKS, trainingSet } from "../../../../support/training-sets.ts";

interface Golden {
  readonly name: string;
  readonly task: TrainingTask["kind"];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly columns: readonly (readonly number[])[];
  readonly targets: readonly number[];
  readonly weights: readonly number[] | null;
  readonly coefficients: readonly (readonly number[])[];
  readonly intercepts: readonly number[];
  readonly predicted: readonly (readonly number[])[];
}

const goldens = JSON.parse(
  readFileSync(join(PROJECT, "test/fixtures/linear/golden.json"), "utf8"),
) as readonly Golden[];

const LINKS = { binary: "sigmoid", multiclass: "softmax", regression: "identity" } as const;

async function fitted(
  training: TrainingSet,
  task: TrainingTask,
  parameters: object,
  initial?: LinearModel,
): Promise<LinearModel> {
  const model = await linearTrainer.train({
    task,
    training,
    parameters: linearTrainer.parameters.parse(parameters),
    seed: 1,
    ...(initial === undefined ? {} : { initial: exportLinear(initial) }),
  });
  const graph = decodeOnnx((await model.export()).files.get("model.onnx") ?? new Uint8Array());
  const read = fromOnnx(graph, task, LINKS[task.kind], training.columns.length);
  assert.ok(read !== undefined);
  return read;
}

function setOf({ columns, targets, weights }: Golden): TrainingSet {
  return {
    rows: targets.length,
    columns: columns.map((values, index) => ({ name: `c${index}`, values: Float32Array.from(values) })),
    targets: Float64Array.from(targets),
    ...(weights === null ? {} : { weights: Float64Array.from(weights) }),
  };
}

/** Relative to the largest of the expected numbers. */
function expectClose(own: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(own.length, expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  for (const [index, value] of expected.entries())
    assert.ok(
      Math.abs((own[index] ?? Number.NaN) - value) <= tolerance * largest,
      `${index}: ${own[index]}, not ${value}`,
    );
}

describe("LINEAR", () => {
  for (const golden of goldens)
    it(`${golden.name}: gives scikit-learn's coefficients and predictions`, async () => {
      const set = setOf(golden);
      const task = TASKS[golden.task];
      const exact = golden.task === "regression" ? {} : { tol: 1e-12 };
      const model = await fitted(set, task, { ...golden.parameters, ...exact });
      for (const [output, coefficients] of golden.coefficients.entries()) {
        // in the columns' own sizes, so that none hides behind a larger one
        const scaled = (weights: ArrayLike<number>): number[] =>
          golden.columns.map((values, index) => (weights[index] ?? 0) * deviation(values));
        expectClose(scaled(model.coefficients[output] ?? []), scaled(coefficients), 1e-6);
      }
      expectClose([...model.intercepts], golden.intercepts, 1e-6);
      const first = set.columns.map((column) => ({ ...column, values: column.values.subarray(0, 10) }));
      expectClose([...predictLinear(model, first, 10)], golden.predicted.flat(), 1e-6);
    });

  it("with its defaults predicts within 1e-5 of scikit-learn", async () => {
    for (const golden of goldens) {
      const model = await fitted(setOf(golden), TASKS[golden.task], golden.parameters);
      const first = setOf(golden).columns.map((column) => ({
        ...column,
        values: column.values.subarray(0, 10),
      }));
      expectClose([...predictLinear(model, first, 10)], golden.predicted.flat(), 1e-5);
    }
  });

  for (const kind of ["binary", "regression"] as const)
    it(`${kind}: coefficients are drawn to those of the model that it goes on from, the less the more rows there are`, async () => {
      const task = TASKS[kind];
      const strength = (size: number): object => (kind === "regression" ? { alpha: size } : { C: 1 / size });
      const old = await fitted(trainingSet(task, { rows: 500, seed: 1 }), task, strength(1e-3));
      const few = trainingSet(task, { rows: 30, seed: 2 });
      const kept = await fitted(few, task, strength(1e12), old);
      expectClose([...(kept.coefficients[0] ?? [])], [...(old.coefficients[0] ?? [])], 1e-6);
      const moved = await fitted(few, task, strength(1e-9), old);
      const anew = await fitted(few, task, strength(1e-9));
      expectClose(
        [...predictLinear(moved, few.columns, 30)],
        [...predictLinear(anew, few.columns, 30)],
        1e-3,
      );
    });

  it("solves wide ridge regressions by descent, and to the same coefficients", async () => {
    const task = TASKS.regression;
    const set = trainingSet(task, { rows: 200, seed: 3, steps: 25 });
    const copies = Array.from({ length: 6 }, () => set.columns).flat();
    const wide = { ...set, columns: copies.map((column, index) => ({ ...column, name: `c${index}` })) };
    assert.equal(wide.columns.length, 600);
    const narrow = await fitted(set, task, { alpha: 6 });
    // six copies of a column share its coefficient: each has a sixth, and together a sixth of the penalty
    const model = await fitted(wide, task, { alpha: 36, tol: 1e-12 });
    const shared = [...(model.coefficients[0] ?? [])].slice(0, 100).map((weight) => weight * 6);
    expectClose(shared, [...(narrow.coefficients[0] ?? [])], 1e-6);
  });

  it("refuses a class without rows, a penalty of the other kind, and collinear columns that alpha cannot part", async () => {
    const set = trainingSet(TASKS.multiclass, { rows: 50, seed: 1 });
    const two = { ...set, targets: set.targets.map((target) => Math.min(target, 1)) };
    await assert.rejects(fitted(two, TASKS.multiclass, {}), hasCode("INVALID_REQUEST", /class 2 has no row/));
    const values = trainingSet(TASKS.regression, { rows: 50, seed: 1 });
    await assert.rejects(
      fitted(values, TASKS.regression, { C: 1 }),
      hasCode("INVALID_REQUEST", /C: .*alpha/),
    );
    await assert.rejects(
      fitted(set, TASKS.multiclass, { alpha: 1 }),
      hasCode("INVALID_REQUEST", /alpha: .*C/),
    );
    const twice = { ...values, columns: [...values.columns, ...values.columns] };
    await assert.rejects(
      fitted(twice, TASKS.regression, { alpha: 1e-18 }),
      hasCode("INVALID_REQUEST", /alpha: columns depend.*Raise/),
    );
  });

  it("leaves a constant column alone", async () => {
    for (const kind of ["binary", "multiclass", "regression"] as const) {
      const set = trainingSet(TASKS[kind], { rows: 100, seed: 1 });
      const constant = { name: "constant", values: new Float32Array(100).fill(1e6) };
      const model = await fitted({ ...set, columns: [...set.columns, constant] }, TASKS[kind], {});
      const alone = await fitted(set, TASKS[kind], {});
      for (const [output, weights] of model.coefficients.entries()) {
        assert.equal(weights[4], 0);
        expectClose([...weights.subarray(0, 4)], [...(alone.coefficients[output] ?? [])], 1e-9);
      }
    }
  });
});

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

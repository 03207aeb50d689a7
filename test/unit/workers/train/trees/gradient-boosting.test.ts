/** GRADIENT_BOOSTING: what the suite of all trainers cannot ask. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TrainingColumn, TrainingSet } from "../../../../../engine/core/training-set.ts";
import type { Iteration, TrainedModel, TrainerRun } from "../../../../../workers/train/trainer.ts";
import { gradientBoosting } from "../../../../../workers/train/trees/gradient-boosting.ts";
import type { GradientBoostingParameters } from "../../../../../workers/train/trees/gradient-boosting-parameters.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { createRandom } from "../../../../support/random.ts";
import { TASKS, trainingSet } from "../../../../support/training-sets.ts";

type Run = TrainerRun<GradientBoostingParameters>;

function train(given: object, change: Partial<Run> = {}): Promise<TrainedModel> {
  const task = change.task ?? TASKS.regression;
  return gradientBoosting.train({
    task,
    training: trainingSet(task, { rows: 400, seed: 1 }),
    parameters: gradientBoosting.parameters.parse({ n_estimators: 30, num_leaves: 15, ...given }),
    seed: 7,
    ...change,
  });
}

const bytesOf = async (model: TrainedModel): Promise<Uint8Array | undefined> =>
  (await model.export()).files.get("model.onnx");

function withColumn(set: TrainingSet, column: TrainingColumn): TrainingSet {
  return { ...set, columns: [...set.columns.slice(0, 1), column, ...set.columns.slice(1)] };
}

describe("monotone constraints", () => {
  /** A wave under noise: nothing that rises of itself. */
  function wavy(seed: number): TrainingSet {
    const random = createRandom(seed);
    const rows = 500;
    const column = (): Float32Array => new Float32Array(rows).map(() => 6 * random.next());
    const [up, down, free] = [column(), column(), column()];
    up.forEach((_, row) => void (row % 9 === 0 && (up[row] = Number.NaN)));
    const targets = Float64Array.from(up, (x, row) => {
      const [y, z] = [down[row] as number, free[row] as number];
      return Math.sin(3 * (Number.isNaN(x) ? 0 : x)) + Math.cos(3 * y) - y + Math.sin(2 * z) + random.next();
    });
    const columns = [
      { name: "up", values: up },
      { name: "down", values: down },
      { name: "free", values: free },
    ];
    return { rows, columns, targets };
  }

  for (const task of [TASKS.regression, TASKS.binary])
    it(`hold at every point of ${task.kind}, whatever the other columns are`, async () => {
      for (let seed = 1; seed <= 2; seed++) {
        const set = wavy(seed);
        const training =
          task.kind === "regression"
            ? set
            : { ...set, targets: set.targets.map((target) => (target > 0 ? 1 : 0)) };
        const monotone_constraints = { up: 1, down: -1 };
        const given = { monotone_constraints, num_leaves: 31, min_data_in_leaf: 3, n_estimators: 30 };
        const model = await train(given, { task, training });
        const [risen, fallen] = [await sweeps(model, set, 0), await sweeps(model, set, 1)];
        assert.ok(risen.least >= -1e-9, `falls by ${-risen.least}`);
        assert.ok(fallen.most <= 1e-9, `rises by ${fallen.most}`);
        assert.ok(risen.most > 0.01 && fallen.least < -0.01, "nothing was learned");
        const free = await sweeps(
          await train({ ...given, monotone_constraints: {} }, { task, training }),
          set,
          0,
        );
        assert.ok(free.least < -0.01, "it rises without constraints too");
      }
    });

  /** The least and greatest step of the prediction as one column goes from low to high, from 25 rows. */
  async function sweeps(
    model: TrainedModel,
    set: TrainingSet,
    column: number,
  ): Promise<{ least: number; most: number }> {
    const points = 100;
    let [least, most] = [Infinity, -Infinity];
    for (let row = 0; row < 25; row++) {
      const columns = set.columns.map(({ name, values }, index) => ({
        name,
        values: new Float32Array(points).map((_, point) =>
          index === column ? (6 * point) / points : (values[row] as number),
        ),
      }));
      const predictions = await model.predict(columns, points);
      for (let point = 1; point < points; point++) {
        const step = (predictions[point] as number) - (predictions[point - 1] as number);
        [least, most] = [Math.min(least, step), Math.max(most, step)];
      }
    }
    return { least, most };
  }

  it("are refused for columns that are not there or have no order, and for more than two classes", async () => {
    await assert.rejects(
      train({ monotone_constraints: { size: 1 } }),
      hasCode("INVALID_REQUEST", /monotone_constraints\.size: there is no such column/),
    );
    const training = trainingSet(TASKS.regression, { rows: 100, seed: 1, hasCategory: true });
    await assert.rejects(
      train({ monotone_constraints: { color: -1 } }, { training }),
      hasCode("INVALID_REQUEST", /monotone_constraints\.color: it is a category/),
    );
    await assert.rejects(
      train({ monotone_constraints: { age: 1 } }, { task: TASKS.multiclass }),
      hasCode("INVALID_REQUEST", /monotone_constraints: they are for two classes/),
    );
  });
});

describe("columns that boosting cannot use", () => {
  const training = trainingSet(TASKS.regression, { rows: 400, seed: 1 });
  for (const [what, value] of [
    ["without any value", Number.NaN],
    ["with one value", 7],
  ] as const)
    it(`changes nothing, and has no importance, ${what}`, async () => {
      const model = await train(
        {},
        { training: withColumn(training, { name: "empty", values: new Float32Array(400).fill(value) }) },
      );
      assert.equal(model.importances?.[1], 0);
      const others = trainingSet(TASKS.regression, { rows: 50, seed: 2 });
      const predict = (set: TrainingSet): Promise<Float64Array> => model.predict(set.columns, 50);
      const own = await (await train({}, { training })).predict(others.columns, 50);
      for (const later of [Number.NaN, 0, 9])
        assert.deepEqual(
          await predict(withColumn(others, { name: "empty", values: new Float32Array(50).fill(later) })),
          own,
        );
    });

  it("are refused when there are no others", async () => {
    const columns = training.columns.map(({ name }) => ({
      name,
      values: new Float32Array(400).fill(Number.NaN),
    }));
    await assert.rejects(
      train({}, { training: { ...training, columns } }),
      hasCode("INVALID_REQUEST", /columns: none has two different values.*Select/),
    );
  });

  it("are refused with infinite values and with unknown codes, by name", async () => {
    const values = new Float32Array(400).map((_, row) => row);
    await assert.rejects(
      train({}, { training: withColumn(training, { name: "wide", values: values.with(9, -Infinity) }) }),
      hasCode("INVALID_REQUEST", /wide: -Infinity is no finite number.*clip/),
    );
    for (const code of [400, -1, 0.5])
      await assert.rejects(
        train(
          {},
          { training: withColumn(training, { name: "kind", values: values.with(9, code), categories: 400 }) },
        ),
        hasCode(
          "INVALID_REQUEST",
          new RegExp(`kind: ${code} is none of the codes 0 to 399.*ordinal_encoder`),
        ),
      );
  });
});

describe("gradient boosting", () => {
  it("tells when the loss is no number, and what to do", async () => {
    const training = trainingSet(TASKS.regression, { rows: 400, seed: 1 });
    await assert.rejects(
      train({}, { training: { ...training, targets: training.targets.map((target) => target * 1e300) } }),
      hasCode("INVALID_REQUEST", /targets: the loss is no number after iteration 1.*Scale/),
    );
  });

  it("grows on the rows and columns that it draws, anew by the seed", async () => {
    const sampled = { bagging_fraction: 0.5, bagging_freq: 2, feature_fraction: 0.5 };
    const models = await Promise.all([
      train(sampled),
      train(sampled),
      train(sampled, { seed: 8 }),
      train({}),
      train({}, { seed: 8 }),
    ]);
    const [first, same, other, whole, wholeToo] = await Promise.all(models.map(bytesOf));
    assert.deepEqual(first, same);
    assert.notDeepEqual(first, other);
    assert.notDeepEqual(first, whole);
    assert.deepEqual(whole, wholeToo);
  });

  it("gives rows that it did not draw the scores of its trees", async () => {
    const heard: Iteration[] = [];
    const training = trainingSet(TASKS.regression, { rows: 400, seed: 1 });
    const model = await train(
      { bagging_fraction: 0.5, bagging_freq: 1, n_estimators: 12 },
      { training, onIteration: (iteration) => (heard.push(iteration), "continue") },
    );
    const predictions = await model.predict(training.columns, 400);
    const loss =
      predictions.reduce((sum, value, row) => sum + (value - (training.targets[row] as number)) ** 2, 0) /
      400;
    assert.ok(Math.abs((heard.at(-1)?.trainingLoss ?? 0) - loss) < 1e-6 * loss, `${loss}`);
  });

  it("learns a constant where no split is allowed", async () => {
    const training = trainingSet(TASKS.regression, { rows: 400, seed: 1 });
    const model = await train({ min_data_in_leaf: 400 }, { training });
    assert.equal(model.iterations, 1);
    assert.equal(model.importances, undefined);
    const [value = 0] = await model.predict(training.columns, 1);
    const mean = training.targets.reduce((sum, target) => sum + target, 0) / 400;
    assert.ok(Math.abs(value - mean) < 1e-4);
    assert.ok((await bytesOf(model)) !== undefined);
  });

  it("goes on where it stopped: as many trees in two runs as in one, and the same", async () => {
    const first = await train({ n_estimators: 12 });
    const both = await train({ n_estimators: 18 }, { initial: await first.export() });
    const once = await train({ n_estimators: 30 });
    assert.equal(both.iterations, 30);
    assert.deepEqual(await bytesOf(both), await bytesOf(once));
  });

  it("keeps the model that it went on from when no tree makes it better", async () => {
    const initial = await (await train({ n_estimators: 5 })).export();
    const worse = trainingSet(TASKS.regression, { rows: 400, seed: 9 });
    const turned = { ...worse, targets: worse.targets.map((target) => 200 - target) };
    const validation = trainingSet(TASKS.regression, { rows: 200, seed: 3 });
    const model = await train({ early_stopping_rounds: 3 }, { training: turned, validation, initial });
    assert.equal(model.iterations, 5);
    assert.deepEqual(await bytesOf(model), initial.files.get("model.onnx"));
  });

  it("splits a category of more codes than bins", async () => {
    const random = createRandom(5);
    const codes = new Float32Array(4000).map(() => random.between(0, 999));
    const targets = Float64Array.from(codes, (code) => (code % 2 === 0 ? 5 : 0) + random.next());
    const training = { rows: 4000, columns: [{ name: "code", values: codes, categories: 1000 }], targets };
    const model = await train(
      { cat_smooth: 1, cat_l2: 0, min_data_per_group: 1, max_cat_threshold: 255 },
      { training },
    );
    const even = await model.predict([{ name: "code", values: codes, categories: 1000 }], 4000);
    const error = even.reduce((sum, value, row) => sum + (value - (targets[row] as number)) ** 2, 0) / 4000;
    assert.ok(error < 6, `${error}`);
  });
});

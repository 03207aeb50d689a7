/** RANDOM_FOREST: what the suite of all trainers cannot ask. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Iteration, TrainedModel, TrainerRun } from "../../../../../workers/train/trainer.ts";
import { BINS_MAX, WIDE_BINS_MAX } from "../../../../../workers/train/trees/column-bins.ts";
import { BinSums, binsThatFit } from "../../../../../workers/train/trees/forest-sums.ts";
import { growForest, randomForest } from "../../../../../workers/train/trees/random-forest.ts";
import type { RandomForestParameters } from "../../../../../workers/train/trees/random-forest-parameters.ts";
import { readEnsemble } from "../../../../../workers/train/trees/tree-ensemble-read.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { TASKS, trainingSet } from "../../../../support/training-sets.ts";

const ROWS = 400;

function train(
  given: object,
  change: Partial<TrainerRun<RandomForestParameters>> = {},
): Promise<TrainedModel> {
  const task = change.task ?? TASKS.regression;
  return randomForest.train({
    task,
    training: trainingSet(task, { rows: ROWS, seed: 1 }),
    parameters: randomForest.parameters.parse({ n_estimators: 10, ...given }),
    seed: 7,
    ...change,
  });
}

describe("random forest", () => {
  it("learns rows by heart when its trees see all of them and all columns", async () => {
    const training = trainingSet(TASKS.regression, { rows: ROWS, seed: 1 });
    const model = await train({ bootstrap: false, n_estimators: 1 }, { training });
    const own = await model.predict(training.columns, ROWS);
    for (const [row, value] of own.entries())
      assert.equal(value, Math.fround(training.targets[row] as number));
  });

  it("parts any two neighbours of 10,000 values, also where those below have no value", () => {
    for (const last of [1, 4321, 5000, 9998])
      for (const hasMissing of [false, true]) {
        // 7 and 10,000 have no common factor, so each value comes once
        const ranks = Float32Array.from({ length: 10_000 }, (_, row) => (7 * row) % 10_000);
        const values = ranks.map((rank) => (hasMissing && rank < last ? Number.NaN : rank));
        const targets = Float64Array.from(ranks, (rank) => (rank <= last ? 1 : 0));
        const training = { rows: values.length, columns: [{ name: "x", values }], targets };
        const parameters = randomForest.parameters.parse({ bootstrap: false, n_estimators: 1, max_depth: 1 });
        const [tree] = growForest({ task: TASKS.binary, training, parameters, seed: 1 }, []);
        assert.equal(tree?.threshold[0], last + 0.5);
        assert.deepEqual([...tree.values.subarray(1)], [1, 0]);
        if (hasMissing) assert.equal(tree.missingLeft[0], 1);
      }
  });

  it("holds the sums of all bins of two bytes for two classes, of fewer for a thousand", () => {
    assert.ok(binsThatFit(1) >= WIDE_BINS_MAX);
    const { sums } = new BinSums(1000, binsThatFit(1000) + 1);
    assert.ok(sums.byteLength <= 2 ** 26 && binsThatFit(1000) > BINS_MAX, `${sums.byteLength}`);
  });

  it("counts rows by their weight: a row of weight 3 is three rows", async () => {
    for (const task of Object.values(TASKS)) {
      const set = trainingSet(task, { rows: 200, seed: 1 });
      const weights = new Float64Array(200).map((_, row) => 1 + (row % 3));
      const rows = Array.from(weights, (weight, row) => Array.from({ length: weight }, () => row)).flat();
      const repeated = {
        rows: rows.length,
        columns: set.columns.map(({ name, values }) => ({
          name,
          values: Float32Array.from(rows, (row) => values[row] as number),
        })),
        targets: Float64Array.from(rows, (row) => set.targets[row] as number),
      };
      const given = { bootstrap: false, max_features: 1, max_leaf_nodes: 10, n_estimators: 1 };
      const weighted = await train(given, { task, training: { ...set, weights } });
      const other = await train(given, { task, training: repeated });
      const [a, b] = [await weighted.predict(set.columns, 200), await other.predict(set.columns, 200)];
      for (const [at, value] of a.entries())
        assert.ok(Math.abs(value - (b[at] as number)) < 1e-4 * Math.max(1, value));
    }
  });

  it("keeps to the bounds of depth, leaves and rows", async () => {
    for (const [given, leavesMax, rowsMin] of [
      [{ max_depth: 3 }, 8, 1],
      [{ max_leaf_nodes: 11 }, 11, 1],
      [{ min_samples_leaf: 20 }, ROWS / 20, 20],
    ] as const) {
      const exported = await (await train({ ...given, bootstrap: false })).export();
      for (const { nodes, feature, cover } of readEnsemble(exported, { kind: "mean", columns: 4, width: 1 })
        .trees) {
        const leaves = [...feature.keys()].filter((node) => feature[node] === -1);
        assert.ok(
          leaves.length > 2 && leaves.length <= leavesMax,
          `${leaves.length} leaves of ${nodes} nodes`,
        );
        assert.ok(leaves.every((node) => (cover[node] as number) >= rowsMin));
      }
    }
  });

  it("looks at as many columns as it is told: with one, the columns that matter do not crowd the others out", async () => {
    const shareOfNoise = async (max_features: number): Promise<number> =>
      (await train({ max_features, n_estimators: 30, max_depth: 3 })).importances?.[3] ?? 0;
    const [one, all] = [await shareOfNoise(0.25), await shareOfNoise(1)];
    assert.ok(one > 5 * all, `${one}, ${all}`);
    assert.ok(all < 0.01, `${all}`);
  });

  it("grows n_estimators more trees on new rows, and keeps the others", async () => {
    const first = await train({});
    const both = await train({ n_estimators: 5 }, { initial: await first.export(), seed: 8 });
    assert.equal(both.iterations, 15);
    const shape = { kind: "mean", columns: 4, width: 1 } as const;
    const [before, after] = [
      readEnsemble(await first.export(), shape),
      readEnsemble(await both.export(), shape),
    ];
    assert.deepEqual(after.trees.slice(0, 10), before.trees);
  });

  for (const task of Object.values(TASKS))
    it(`${task.kind}: tells the loss of its trees so far on the validation rows`, async () => {
      const heard: Iteration[] = [];
      const validation = trainingSet(task, { rows: 100, seed: 3 });
      const model = await train(
        {},
        { task, validation, onIteration: (one) => (heard.push(one), "continue") },
      );
      const predictions = await model.predict(validation.columns, 100);
      const losses = validation.targets.map((target, row) => {
        if (task.kind === "regression") return ((predictions[row] as number) - target) ** 2;
        const second = predictions[row] as number;
        const p =
          task.kind === "binary"
            ? target === 1
              ? second
              : 1 - second
            : (predictions[3 * row + target] as number);
        return -Math.log(Math.max(p, 1e-15));
      });
      const loss = losses.reduce((sum, one) => sum + one, 0) / 100;
      assert.ok(Math.abs((heard.at(-1)?.validationLoss ?? 0) - loss) < 1e-6 * loss, `${loss}`);
    });

  it("refuses a forest that is too large to be served, with the parameters that make it smaller", () => {
    const training = trainingSet(TASKS.regression, { rows: ROWS, seed: 1 });
    const parameters = randomForest.parameters.parse({});
    assert.throws(
      () => growForest({ task: TASKS.regression, training, parameters, seed: 1 }, [], 2000),
      hasCode(
        "INVALID_REQUEST",
        /min_samples_leaf: after 4 trees the forest has \d+ nodes; at most 2000.*max_depth/,
      ),
    );
  });
});

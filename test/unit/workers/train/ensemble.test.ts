/** What the suite of all trainers cannot ask of ensembles: folds, weights, and members that stay. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { invalidBy } from "../../../../engine/core/schema-details.ts";
import type { TrainingSet } from "../../../../engine/core/training-set.ts";
import { membersGraph, runMembers } from "../../../../workers/train/ensemble/ensemble-graph.ts";
import { foldsOf } from "../../../../workers/train/ensemble/folds.ts";
import { greedyWeights } from "../../../../workers/train/ensemble/greedy-weights.ts";
import { type OnnxModel, rowsPort } from "../../../../workers/train/onnx/onnx-model.ts";
import { decodeOnnx } from "../../../../workers/train/onnx/onnx-reader.ts";
import { encodeOnnx } from "../../../../workers/train/onnx/onnx-writer.ts";
import type { TrainedModel, Trainer } from "../../../../workers/train/trainer.ts";
import { TRAINERS } from "../../../../workers/train/trainers.ts";
import { hasCode } from "../../../support/error-code.ts";
import { createRandom } from "../../../support/random.ts";
import { normal, TASKS, trainingSet } from "../../../support/training-sets.ts";

const ENSEMBLE = TRAINERS.get("ENSEMBLE")?.trainer as Trainer<unknown>;
const LINEAR_TRAINER = TRAINERS.get("LINEAR")?.trainer as Trainer<unknown>;
const LINEAR = { model_type: "LINEAR" };

describe("the folds of an ensemble", () => {
  const targets = Float64Array.from({ length: 103 }, (_, row) => (row % 10 === 0 ? 1 : 0));
  const set: TrainingSet = { rows: 103, columns: [], targets };

  it("hold each row once, and each class in the same share", () => {
    const folds = foldsOf(set, TASKS.binary, 5, 1);
    const all = folds.flatMap(({ outside }) => [...outside]).sort((a, b) => a - b);
    assert.deepEqual(
      all,
      Array.from({ length: 103 }, (_, row) => row),
    );
    for (const { inside, outside } of folds) {
      assert.equal(new Set([...inside, ...outside]).size, 103);
      const rare = outside.filter((row) => targets[row] === 1).length;
      assert.ok(rare >= 2 && rare <= 3, `${rare} of 11 rare rows`);
    }
  });

  it("follow from the seed", () => {
    assert.deepEqual(foldsOf(set, TASKS.binary, 5, 1), foldsOf(set, TASKS.binary, 5, 1));
    assert.notDeepEqual(foldsOf(set, TASKS.binary, 5, 1), foldsOf(set, TASKS.binary, 5, 2));
  });

  it("are refused when rows or those of a class are too few", () => {
    const few = { rows: 9, columns: [], targets: targets.subarray(0, 9) };
    assert.throws(() => foldsOf(few, TASKS.regression, 5, 1), hasCode("INVALID_REQUEST", /folds: 9 rows/));
    const lonely = { ...set, targets: targets.map((_, row) => (row === 4 ? 1 : 0)) };
    assert.throws(
      () => foldsOf(lonely, TASKS.binary, 5, 1),
      hasCode("INVALID_REQUEST", /targets: class 1 has one row/),
    );
  });
});

describe("the weights of an ensemble", () => {
  const random = createRandom(3);
  const rows = 500;
  const truth = Float64Array.from({ length: rows }, () => normal(random));
  const noisy = (noise: number): Float64Array => truth.map((value) => value + noise * normal(random));
  const set = (weights?: Float64Array): TrainingSet => ({
    rows,
    columns: [],
    targets: truth,
    ...(weights === undefined ? {} : { weights }),
  });

  it("are near those of least squares, sum to 1, and leave a useless member out", () => {
    const members = [noisy(0.5), noisy(1), noisy(30)];
    const weights = greedyWeights(members, set(), TASKS.regression);
    // errors of independent members: weights go with 1 / variance
    assert.ok(Math.abs((weights[0] as number) - 0.8) < 0.05, String(weights));
    assert.ok(Math.abs((weights[1] as number) - 0.2) < 0.05, String(weights));
    assert.equal(weights[2], 0);
    assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-12);
  });

  it("are all on one member when that is best", () => {
    const weights = greedyWeights([noisy(1), truth, noisy(1)], set(), TASKS.regression);
    assert.deepEqual([...weights], [0, 1, 0]);
  });

  it("follow the weights of rows", () => {
    const half = (first: boolean): Float64Array =>
      truth.map((value, row) => (row < rows / 2 === first ? value : value + 3));
    const heavy = Float64Array.from({ length: rows }, (_, row) => (row < rows / 2 ? 9 : 1));
    const weights = greedyWeights([half(true), half(false)], set(heavy), TASKS.regression);
    assert.ok(Math.abs((weights[0] as number) - 0.9) < 0.02, String(weights));
  });

  it("lower the log loss of probabilities, of two classes and of more", () => {
    const targets = truth.map((value) => (value > 0 ? 1 : 0));
    const sure = targets.map((target) => (target === 1 ? 0.9 : 0.1));
    const wrong = targets.map((target) => (target === 1 ? 0.1 : 0.9));
    const binary = greedyWeights([wrong, sure], { rows, columns: [], targets }, TASKS.binary);
    assert.deepEqual([...binary], [0, 1]);
    const spread = (own: Float64Array): Float64Array =>
      Float64Array.from(own).reduce(
        (all, value, row) => {
          all.set([1 - value, value * 0.75, value * 0.25], row * 3);
          return all;
        },
        new Float64Array(rows * 3),
      );
    const three = greedyWeights(
      [spread(wrong), spread(sure)],
      { rows, columns: [], targets },
      TASKS.multiclass,
    );
    assert.deepEqual([...three], [0, 1]);
  });
});

describe("an ensemble", () => {
  const task = TASKS.binary;
  const set = trainingSet(task, { rows: 200, seed: 1 });
  const train = (training: TrainingSet, parameters: object, more: object = {}): Promise<TrainedModel> =>
    ENSEMBLE.train({
      task,
      training,
      seed: 1,
      parameters: ENSEMBLE.parameters.parse(parameters),
      ...more,
    });

  it("refuses a member that is no ONNX model, an unknown one and a member's wrong parameter, by name", () => {
    const problem = (member: object): string => {
      const { error } = ENSEMBLE.parameters.safeParse({ members: [LINEAR, member] });
      assert.ok(error !== undefined);
      return invalidBy(error, "parameters").message;
    };
    assert.match(
      problem({ model_type: "NEURAL_NETWORK" }),
      /^members\.1\.model_type: "NEURAL_NETWORK" cannot be a member: an ensemble is one ONNX graph, of .*LINEAR/,
    );
    assert.match(problem({ model_type: "toString" }), /^members\.1\.model_type: "toString" cannot/);
    assert.match(problem({ ...LINEAR, parameters: { C: -1 } }), /^members\.1\.parameters\.C: /);
    assert.match(problem({ ...LINEAR, parameters: { D: 1 } }), /^members\.1\.parameters\.D: .*no known/);
  });

  it("keeps its members to the last bit in ENSEMBLE_UPDATE, and weighs them for the new rows", async () => {
    const members = [LINEAR, { ...LINEAR, parameters: { fit_intercept: false } }];
    for (const method of ["weighted", "stacking"] as const) {
      const initial = await (await train(set, { method, members })).export();
      const other = trainingSet(task, { rows: 300, seed: 2 });
      // the other way round: what the members say is worth nothing here, or the opposite
      const turned = { ...other, targets: other.targets.map((target) => 1 - target) };
      const updated = await train(turned, { method: "stacking", members }, { initial });
      const parts = [initial, await updated.export()].map(({ files }) => {
        const { initializers } = decodeOnnx(files.get("model.onnx") ?? new Uint8Array());
        return initializers.filter(({ name }) => name.startsWith("member"));
      });
      assert.equal(parts[0]?.length, 4);
      assert.deepEqual(parts[0], parts[1]);
      const predicted = await updated.predict(other.columns, other.rows);
      const right = predicted.filter((p, row) => p > 0.5 === (turned.targets[row] === 1)).length;
      assert.ok(right > 0.8 * other.rows, `${right} of ${other.rows} right`);
    }
  });

  it("takes members whatever their values are called", async () => {
    const names = ["second", "members", "second_class", "combiner/sums", "member1.LINEAR/probabilities"];
    const chain = ["x", ...names, "probabilities"];
    const graph: OnnxModel = {
      nodes: chain.slice(1).map((name, index) => ({
        operator: "Identity",
        inputs: [chain[index] as string],
        outputs: [name],
      })),
      initializers: [],
      inputs: [rowsPort("x", 2)],
      outputs: [rowsPort("probabilities", 2)],
    };
    const exported = {
      runtime: "onnx",
      files: new Map([["model.onnx", encodeOnnx(graph)]]),
      inputTensor: "x",
      output: { name: "probabilities", type: "probabilities" },
    } as const;
    const members = ["LINEAR", "OTHER"].map((modelType) => ({ modelType, exported }));
    const columns = [0.25, 0.75].map((value) => ({ name: `c${value}`, values: Float32Array.of(value) }));
    const merged = membersGraph(members, task, 2);
    assert.deepEqual(await runMembers(merged, columns, 1), [Float64Array.of(0.75), Float64Array.of(0.75)]);
  });

  it("refuses to update an ensemble of other members", async () => {
    const initial = await (await train(set, { members: [LINEAR, LINEAR] })).export();
    await assert.rejects(
      train(set, { members: [LINEAR] }, { initial }),
      hasCode("INVALID_REQUEST", /initial: it is no ensemble of LINEAR over 4 columns/),
    );
    const linear = await LINEAR_TRAINER.train({
      task,
      training: set,
      seed: 1,
      parameters: LINEAR_TRAINER.parameters.parse({}),
    });
    await assert.rejects(
      train(set, { members: [LINEAR] }, { initial: await linear.export() }),
      hasCode("INVALID_REQUEST", /initial: it is no ensemble/),
    );
  });

  it("combines by what members predict for rows that they have not seen", async () => {
    // with so many columns of noise, a member without much penalty knows its own rows by heart and others badly
    const random = createRandom(5);
    const noise = Array.from({ length: 150 }, (_, index) => ({
      name: `noise_${index}`,
      values: Float32Array.from({ length: 200 }, () => normal(random)),
    }));
    const wide = { ...set, columns: [...set.columns, ...noise] };
    const members = [1e4, 1e-3].map((C) => ({ ...LINEAR, parameters: { C, max_iter: 200 } }));
    const seen: Float64Array[] = [];
    for (const member of members) {
      const parameters = LINEAR_TRAINER.parameters.parse(member.parameters);
      const model = await LINEAR_TRAINER.train({ task, training: wide, parameters, seed: 1 });
      seen.push(await model.predict(wide.columns, wide.rows));
    }
    assert.deepEqual([...greedyWeights(seen, wide, task)], [1, 0]);
    const graph = decodeOnnx(
      (await (await train(wide, { members })).export()).files.get("model.onnx") ?? new Uint8Array(),
    );
    // a pair [-weight, weight] a member
    const weights = graph.initializers.find(({ name }) => name === "combiner/coefficients")?.data;
    const careful = (weights as Float64Array)[3] ?? 0;
    assert.ok(careful > 0.4, `${careful} for the careful member`);
  });
});

/**
 * What every trainer must do, whatever its method. trainer.test.ts runs it for each of them.
 *
 * Rows are made from seeds, with columns of very different sizes, so a failure repeats.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../engine/core/errors.ts";
import {
  predictionWidth,
  rowsOf,
  type TrainingSet,
  type TrainingTask,
} from "../../engine/core/training-set.ts";
import type {
  ExportedModel,
  Iteration,
  TrainedModel,
  Trainer,
  TrainerRun,
} from "../../workers/train/trainer.ts";
import { hasCode } from "../support/error-code.ts";
import { servedPredictions } from "../support/served-predictions.ts";
import { type SetOptions, TASKS, trainingSet } from "../support/training-sets.ts";

const TOLERANCE = 1e-5;
const ROWS = 400;

export interface TrainerCase {
  readonly trainer: Trainer<unknown>;
  /** Few iterations, no early stopping. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** More of them, where the trainer stops early when the validation loss does not fall. */
  readonly earlyStopping?: Readonly<Record<string, unknown>>;
  /** What it does with missing values and categories: refuses them with this remedy, or learns from them. */
  readonly missing: RegExp | "learned";
  readonly categories: RegExp | "learned";
  /** For trainers of series. */
  readonly steps?: number;
  /** Classes of the largest share of the prior's loss that may be left after training. */
  readonly lossMax: number;
}

export function describeTrainer(name: string, subject: TrainerCase): void {
  describe(`trainer ${name}`, () => {
    for (const kind of subject.trainer.tasks) describeTask(subject, TASKS[kind]);
    describeRefusals(subject);
    describeMissing(subject);
    describeCategories(subject);
    describeIterations(subject);
    describeWarmStarts(subject);
  });
}

function setFor({ steps }: TrainerCase, task: TrainingTask, options: Partial<SetOptions> = {}): TrainingSet {
  return trainingSet(task, { rows: ROWS, seed: 1, ...(steps === undefined ? {} : { steps }), ...options });
}

type Change = Partial<TrainerRun<unknown>>;

function runOf(subject: TrainerCase, task: TrainingTask, change: Change = {}): TrainerRun<unknown> {
  const parameters = subject.trainer.parameters.parse(subject.parameters);
  return { task, training: setFor(subject, task), parameters, seed: 7, ...change };
}

async function trainedFiles(
  subject: TrainerCase,
  task: TrainingTask,
  change: Change = {},
): Promise<ExportedModel> {
  return (await subject.trainer.train(runOf(subject, task, change))).export();
}

/** Mean log loss, or mean squared error. */
function lossOf(task: TrainingTask, predictions: Float64Array, targets: Float64Array): number {
  const width = predictionWidth(task);
  const losses = targets.map((target, row) => {
    if (task.kind === "regression") return ((predictions[row] as number) - target) ** 2;
    const p = predictions[width === 1 ? row : row * width + target] as number;
    return -Math.log(Math.max(width === 1 && target === 0 ? 1 - p : p, 1e-15));
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / targets.length;
}

/** The loss of predicting the mean, or each class's share, of `targets`. */
function priorLoss(task: TrainingTask, targets: Float64Array): number {
  const mean = (values: Float64Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  if (task.kind === "regression") return mean(targets.map((target) => (target - mean(targets)) ** 2));
  const share = (of: number): number => mean(targets.map((target) => (target === of ? 1 : 0)));
  return mean(targets.map((target) => -Math.log(share(target))));
}

async function expectExported(
  model: TrainedModel,
  task: TrainingTask,
  set: TrainingSet,
): Promise<Float64Array> {
  const own = await model.predict(set.columns, set.rows);
  assert.equal(own.length, set.rows * predictionWidth(task));
  const served = await servedPredictions(await model.export(), task, set.columns, set.rows);
  for (const [index, value] of own.entries()) {
    const difference = Math.abs((served[index] as number) - value);
    assert.ok(
      difference <= TOLERANCE * Math.max(1, Math.abs(value)),
      `value ${index}: ${served[index]}, not ${value}`,
    );
  }
  return own;
}

function describeTask(subject: TrainerCase, task: TrainingTask): void {
  const { trainer } = subject;
  it(`${task.kind}: learns, and the exported model predicts as it does on rows it has not seen`, async () => {
    const model = await trainer.train(runOf(subject, task));
    const others = setFor(subject, task, { seed: 2, rows: 300 });
    const predictions = await expectExported(model, task, others);
    const loss = lossOf(task, predictions, others.targets) / priorLoss(task, others.targets);
    assert.ok(loss < subject.lossMax, `${loss} of the prior's loss`);
    for (let row = 0; task.kind === "multiclass" && row < others.rows; row++) {
      const sum = predictions
        .subarray(row * task.classes, (row + 1) * task.classes)
        .reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(sum - 1) < 1e-5, `row ${row}: probabilities sum to ${sum}`);
    }
    expectImportances(model, others);
    assert.deepEqual(await model.predict(setFor(subject, task, { rows: 0 }).columns, 0), new Float64Array(0));
  });

  it(`${task.kind}: the same run gives the same bytes, and leaves its rows as they were`, async () => {
    const run = runOf(subject, task);
    const copy = structuredClone(run.training);
    const first = await (await trainer.train(run)).export();
    assert.deepEqual(run.training, copy);
    await trainer.train(runOf(subject, task, { seed: 8 }));
    assert.deepEqual(await (await trainer.train(run)).export(), first);
  });

  it(`${task.kind}: validation rows change nothing without early stopping`, async () => {
    const alone = await trainedFiles(subject, task);
    for (const seed of [3, 4]) {
      const validation = setFor(subject, task, { seed, rows: 50 });
      assert.deepEqual(await trainedFiles(subject, task, { validation }), alone);
    }
  });

  it(`${task.kind}: rows count as much as they weigh`, async () => {
    const whole = setFor(subject, task);
    // columns that tell nothing, so that weights alone make the difference
    const set = { ...whole, columns: whole.columns.filter(({ name }) => name.startsWith("noise")) };
    const middle = [...set.targets].sort((a, b) => a - b)[set.rows / 2] ?? 0;
    const isHigh = (target: number): boolean => (task.kind === "regression" ? target > middle : target > 0);
    const weighted = { ...set, weights: set.targets.map((target) => (isHigh(target) ? 20 : 1)) };
    const meanOf = async (training: TrainingSet): Promise<number> => {
      const model = await trainer.train(runOf(subject, task, { training }));
      const width = predictionWidth(task);
      const values = (await model.predict(set.columns, set.rows)).map((value, index) =>
        width === 1 ? value : (index % width) * value,
      );
      return values.reduce((sum, value) => sum + value, 0);
    };
    assert.ok((await meanOf(weighted)) > (await meanOf(set)));
  });
}

function expectImportances({ importances }: TrainedModel, { columns }: TrainingSet): void {
  if (importances === undefined) return;
  assert.equal(importances.length, columns.length);
  assert.ok(importances.every((share) => share >= 0));
  assert.ok(Math.abs(importances.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
  assert.equal(columns[importances.indexOf(Math.max(...importances))]?.name, "age");
}

function describeRefusals(subject: TrainerCase): void {
  const { trainer } = subject;
  const [kind = "binary"] = trainer.tasks;
  const task = TASKS[kind];
  const set = setFor(subject, task);
  const refusals: readonly (readonly [string, TrainingSet, string, RegExp])[] = [
    ["no rows", rowsOf(set, new Uint32Array(0)), "rows", /none.*Choose/],
    [
      "one target only",
      { ...set, targets: new Float64Array(ROWS).fill(1) },
      "targets",
      /all 400 rows.*1.*Choose/,
    ],
    [
      "a target that is no number",
      { ...set, targets: set.targets.with(5, Number.NaN) },
      "targets",
      /NaN.*Leave/,
    ],
    ["a weight of zero", { ...set, weights: new Float64Array(ROWS) }, "weights", /0 is no weight.*positive/],
  ];
  for (const [what, training, field, says] of refusals)
    it(`refuses ${what}, naming ${field} and the remedy`, async () => {
      await assert.rejects(trainer.train(runOf(subject, task, { training })), refusal(field, says));
    });

  it("refuses unknown parameters and such out of bounds, by name", () => {
    for (const [name, value] of [
      ["no_such_parameter", 1],
      ...Object.keys(subject.parameters).map((key) => [key, {}] as const),
    ] as const) {
      const result = trainer.parameters.safeParse({ ...subject.parameters, [name]: value });
      assert.ok(!result.success, name);
      assert.match(JSON.stringify(result.error.issues), new RegExp(`"${name}"`));
    }
  });

  it("has defaults for what is not given", () => {
    const needed = subject.steps === undefined ? {} : { steps: subject.steps };
    const result = trainer.parameters.safeParse({ ...needed, ...requiredOf(subject) });
    assert.ok(result.success, result.error?.message);
  });
}

/** Members of an ensemble are the one parameter that has no default. */
function requiredOf({ parameters }: TrainerCase): Readonly<Record<string, unknown>> {
  return "members" in parameters ? { members: parameters["members"] } : {};
}

function refusal(field: string, says: RegExp): (error: unknown) => boolean {
  return (error) => {
    hasCode("INVALID_REQUEST", says)(error);
    assert.equal(error instanceof EngineError && error.details[0]?.field, field);
    return true;
  };
}

function describeMissing(subject: TrainerCase): void {
  const { trainer, missing } = subject;
  const [kind = "binary"] = trainer.tasks;
  const task = TASKS[kind];
  const training = setFor(subject, task, { missing: 0.2 });
  if (missing === "learned")
    it("learns from rows with missing values, and its export predicts such rows as it does", async () => {
      const model = await trainer.train(runOf(subject, task, { training }));
      await expectExported(model, task, setFor(subject, task, { seed: 2, missing: 0.3 }));
    });
  else
    it("refuses missing values, naming the column and the remedy", async () => {
      const name = subject.steps === undefined ? "amount" : "amount_0";
      await assert.rejects(trainer.train(runOf(subject, task, { training })), refusal(name, missing));
      const validation = training;
      await assert.rejects(trainer.train(runOf(subject, task, { validation })), refusal(name, missing));
    });
}

function describeCategories(subject: TrainerCase): void {
  const { trainer, categories } = subject;
  const [kind = "binary"] = trainer.tasks;
  const task = TASKS[kind];
  const training = setFor(subject, task, { hasCategory: true });
  if (categories === "learned")
    it("learns from categories, and its export predicts as it does", async () => {
      const model = await trainer.train(runOf(subject, task, { training }));
      await expectExported(model, task, setFor(subject, task, { seed: 2, hasCategory: true }));
    });
  else
    it("refuses categories, naming the column and the remedy", async () => {
      await assert.rejects(trainer.train(runOf(subject, task, { training })), refusal("color", categories));
    });
}

function describeIterations(subject: TrainerCase): void {
  const { trainer, earlyStopping } = subject;
  const kind = trainer.tasks.includes("binary") ? "binary" : "regression";
  const task = TASKS[kind];
  const listen = async (
    change: Change,
    stopAt = Number.POSITIVE_INFINITY,
  ): Promise<[Iteration[], TrainedModel]> => {
    const heard: Iteration[] = [];
    const model = await trainer.train(
      runOf(subject, task, {
        ...change,
        onIteration: (iteration) => {
          heard.push(iteration);
          return heard.length >= stopAt ? "stop" : "continue";
        },
      }),
    );
    return [heard, model];
  };

  it("tells its iterations in order, with losses that are numbers", async () => {
    const [heard, model] = await listen({ validation: setFor(subject, task, { seed: 3, rows: 100 }) });
    assert.ok(heard.length > 0);
    assert.deepEqual(
      heard.map(({ iteration }) => iteration),
      heard.map((_, index) => index + 1),
    );
    for (const { iteration, iterationsMax, trainingLoss = 0, validationLoss = 0 } of heard) {
      assert.ok(iteration <= iterationsMax);
      assert.ok(Number.isFinite(trainingLoss) && Number.isFinite(validationLoss));
    }
    assert.equal(model.iterations, heard.length);
  });

  it("gives the same model whether anyone listens or not", async () => {
    const [, model] = await listen({});
    assert.deepEqual(await model.export(), await trainedFiles(subject, task));
  });

  it('ends when it hears "stop", with a model of the iterations so far', async () => {
    const [whole] = await listen({});
    const [heard, model] = await listen({}, 1);
    assert.equal(heard.length, 1);
    assert.equal(model.iterations, 1);
    await expectExported(model, task, setFor(subject, task, { seed: 2 }));
    if (whole.length === 1) return;
    assert.notDeepEqual(await model.export(), await trainedFiles(subject, task));
  });

  if (earlyStopping !== undefined)
    it("stops early, with the iterations whose validation loss was lowest", async () => {
      const parameters = trainer.parameters.parse({ ...subject.parameters, ...earlyStopping });
      const training = setFor(subject, task, { rows: 60 });
      const validation = setFor(subject, task, { seed: 3, rows: 200 });
      const [heard, model] = await listen({ parameters, training, validation });
      const losses = heard.map(({ validationLoss = Number.NaN }) => validationLoss);
      assert.equal(model.iterations, losses.indexOf(Math.min(...losses)) + 1);
      assert.ok(heard.length < (heard[0]?.iterationsMax ?? 0), `${heard.length} iterations`);
      const [, same] = await listen({ parameters, training, validation }, model.iterations);
      assert.deepEqual(
        await same.predict(validation.columns, 200),
        await model.predict(validation.columns, 200),
      );
    });
}

function describeWarmStarts(subject: TrainerCase): void {
  const { trainer } = subject;
  const kind = trainer.tasks.includes("binary") ? "binary" : "regression";
  const task = TASKS[kind];
  for (const warmStart of trainer.warmStarts) {
    it(`${warmStart}: goes on from a model, the same way each time`, async () => {
      const initial = await trainedFiles(subject, task);
      const training = setFor(subject, task, { seed: 5, rows: 120 });
      const model = await trainer.train(runOf(subject, task, { training, initial, warmStart }));
      const files = await model.export();
      assert.deepEqual(await trainedFiles(subject, task, { training, initial, warmStart }), files);
      assert.notDeepEqual(files, initial);
      assert.notDeepEqual(files, await trainedFiles(subject, task, { training }));
      const others = setFor(subject, task, { seed: 2 });
      const predictions = await expectExported(model, task, others);
      assert.ok(
        lossOf(task, predictions, others.targets) < subject.lossMax * priorLoss(task, others.targets),
      );
    });

    it(`${warmStart}: refuses a model that is damaged, of other columns or of another type`, async () => {
      const initial = await trainedFiles(subject, task);
      const files = new Map(
        [...initial.files].map(([path, bytes]) => [path, bytes.slice(0, bytes.length / 2)]),
      );
      const fewer = setFor(subject, task);
      const training = { ...fewer, columns: fewer.columns.slice(subject.steps ?? 1) };
      const other = { ...initial, runtime: initial.runtime === "onnx" ? "tfjs" : "onnx" } as const;
      for (const change of [{ initial: { ...initial, files } }, { initial, training }, { initial: other }])
        await assert.rejects(
          trainer.train(runOf(subject, task, { warmStart, ...change })),
          (error) =>
            error instanceof EngineError &&
            ["INVALID_REQUEST", "MODEL_INVALID"].includes(error.code) &&
            (error.details[0]?.field ?? "") !== "",
        );
    });
  }
}

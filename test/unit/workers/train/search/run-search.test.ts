/** The loop over trials: folds, pruning, failures, time, checkpoints; with a trainer whose loss is known. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { EngineError } from "../../../../../engine/core/errors.ts";
import { parseTrainingSearch, searchSpace } from "../../../../../engine/core/training-search.ts";
import type { TrainingSet } from "../../../../../engine/core/training-set.ts";
import { defaultSearch } from "../../../../../workers/train/search/default-searches.ts";
import {
  runSearch,
  type SearchRun,
  type TrialResult,
} from "../../../../../workers/train/search/run-search.ts";
import type { Trainer, TrainerRun } from "../../../../../workers/train/trainer.ts";
import { TRAINERS } from "../../../../../workers/train/trainers.ts";
import { hasCode } from "../../../../support/error-code.ts";

const parameters = z.strictObject({
  x: z.number(),
  iterations: z.int().default(20),
  /** Fails from this x on, in the way named. */
  fails_above: z.number().default(10),
  how: z.enum(["throws", "is away", "loss", "predictions"]).default("throws"),
});
type Parameters = z.infer<typeof parameters>;

/** Predicts x everywhere; its loss falls to (x - target)² along its iterations. Counts what it is asked. */
class KnownTrainer implements Trainer<Parameters> {
  readonly parameters = parameters;
  readonly tasks = ["regression"] as const;
  readonly warmStarts = [];
  iterations = 0;
  trainings = 0;

  train({
    parameters,
    validation,
    onIteration,
  }: TrainerRun<Parameters>): ReturnType<Trainer<Parameters>["train"]> {
    const { x, iterations: iterationsMax, fails_above, how } = parameters;
    this.trainings += 1;
    const isBad = x > fails_above;
    if (isBad && how === "throws")
      throw new EngineError("INVALID_REQUEST", `x: ${x > 9 ? "far " : ""}too large`);
    if (isBad && how === "is away") throw new EngineError("SERVICE_UNAVAILABLE", "nobody trains now");
    const target = validation?.targets[0] ?? 0;
    for (let iteration = 1; iteration <= iterationsMax; iteration += 1) {
      this.iterations += 1;
      const loss = (x - target) ** 2 + 1 / iteration;
      const validationLoss = isBad && how === "loss" && iteration === 4 ? Number.NaN : loss;
      if (onIteration?.({ iteration, iterationsMax, validationLoss }) === "stop") break;
    }
    const predicted = isBad && how === "predictions" ? Number.NaN : x;
    return Promise.resolve({
      iterations: iterationsMax,
      predict: (_, rows) => Promise.resolve(new Float64Array(rows).fill(predicted)),
      export: () => Promise.reject(new Error("no trial is exported")),
    });
  }
}

const setOf = (target: number): TrainingSet => ({
  rows: 2,
  columns: [],
  targets: Float64Array.of(target, target),
});
const foldOf = (target: number) => ({ training: setOf(target), validation: setOf(target) });

/** A clock that a search's own progress moves. */
function runOf(
  json: object,
  more: Partial<SearchRun<Parameters>> = {},
): SearchRun<Parameters> & { trainer: KnownTrainer } {
  let time = 0;
  return {
    task: { kind: "regression" },
    folds: [foldOf(3)],
    spec: parseTrainingSearch(json),
    space: searchSpace.parse({ x: { type: "float", low: -10, high: 10 } }),
    metric: {
      direction: "minimize",
      measure: (targets, predictions) =>
        targets.reduce((sum, target, row) => sum + Math.abs(target - (predictions[row] as number)), 0) /
        targets.length,
    },
    fixed: {},
    seed: 1,
    timeoutMs: 1_000_000,
    now: () => (time += 5),
    ...more,
    trainer: new KnownTrainer(),
  };
}

const withoutTimes = (trials: readonly TrialResult[]) => trials.map((one) => ({ ...one, duration_ms: 0 }));

describe("a search's run", () => {
  it("finds the best parameters, and tells each trial with its values", async () => {
    const told: TrialResult[] = [];
    const run = runOf({ trials_max: 40 }, { onTrial: (result) => void told.push(result) });
    const { best, trials } = await runSearch(run);
    assert.ok(Math.abs(Number(best.parameters["x"]) - 3) < 0.5, JSON.stringify(best));
    assert.equal(trials.length, 40);
    assert.deepEqual(told, trials);
    assert.equal(best.value, Math.min(...trials.flatMap(({ value }) => (value === null ? [] : [value]))));
    assert.ok(
      trials.every(
        ({ state, value, values_per_fold, duration_ms }) =>
          duration_ms === 5 && (state === "COMPLETE") === (value !== null && values_per_fold.length === 1),
      ),
    );
  });

  it("takes the mean over the folds", async () => {
    const run = runOf({ trials_max: 12 }, { folds: [foldOf(1), foldOf(3), foldOf(8)] });
    const { best } = await runSearch(run);
    const x = Number(best.parameters["x"]);
    assert.deepEqual(best.values_per_fold, [Math.abs(x - 1), Math.abs(x - 3), Math.abs(x - 8)]);
    assert.equal(best.value, best.values_per_fold.reduce((sum, value) => sum + value, 0) / 3);
  });

  it("maximizes where higher is better", async () => {
    const measure = (_: Float64Array, predictions: Float64Array) => predictions[0] ?? 0;
    // pruning would go by the loss, which here is another aim
    const json = { trials_max: 40, pruning: { method: "none" } };
    const { best } = await runSearch(runOf(json, { metric: { direction: "maximize", measure } }));
    assert.ok(Number(best.parameters["x"]) > 9.5, JSON.stringify(best.parameters));
  });

  for (const pruning of [
    { method: "median", warmup_iterations: 4, interval_iterations: 2 },
    { method: "successive_halving", iterations_min: 2 },
  ])
    it(`saves iterations by ${pruning.method}, and finds as good ones`, async () => {
      const [saving, whole] = [
        runOf({ trials_max: 40, pruning }),
        runOf({ trials_max: 40, pruning: { method: "none" } }),
      ];
      const [{ best, trials }, all] = [await runSearch(saving), await runSearch(whole)];
      const pruned = trials.filter(({ state }) => state === "PRUNED");
      assert.ok(pruned.length > 10);
      assert.ok(pruned.every(({ value, losses }) => value === null && losses.length > 0));
      assert.equal(all.trials.filter(({ state }) => state === "PRUNED").length, 0);
      assert.equal(whole.trainer.iterations, 800);
      assert.ok(saving.trainer.iterations < 600, String(saving.trainer.iterations));
      assert.ok((best.value ?? 9) < 0.5);
    });

  it("prunes in the first fold only: a trial that survived it is trained on all", async () => {
    const run = runOf(
      { trials_max: 30, pruning: { method: "successive_halving", iterations_min: 2 } },
      { folds: [foldOf(3), foldOf(4)] },
    );
    const { trials } = await runSearch(run);
    assert.ok(trials.some(({ state }) => state === "PRUNED"));
    for (const { state, values_per_fold } of trials)
      assert.equal(values_per_fold.length, state === "PRUNED" ? 0 : 2);
  });

  for (const [how, reason] of [
    ["throws", /too large$/],
    ["loss", /^the loss on the validation rows, iteration 4, is no number: lower the learning rate/],
    ["predictions", /^the metric on the validation rows of fold 1, is no number/],
  ] as const)
    it(`goes on after trials that fail (${how})`, async () => {
      const { best, trials } = await runSearch(runOf({ trials_max: 30 }, { fixed: { fails_above: 4, how } }));
      const failed = trials.filter(({ state }) => state === "FAILED");
      assert.ok(failed.length > 0);
      for (const one of failed) {
        assert.ok(Number(one.parameters["x"]) > 4);
        assert.match(one.reason ?? "", reason);
        assert.equal(one.value, null);
      }
      assert.equal(trials.length, 30);
      assert.ok((best.value ?? 9) < 1);
    });

  it("of which every trial failed is an error with the first reasons", async () => {
    const run = runOf({ trials_max: 20 }, { fixed: { fails_above: -20 } });
    await assert.rejects(
      runSearch(run),
      hasCode(
        "INVALID_REQUEST",
        /^none of 20 trials was completed: trial 0: x: too large; trial 1: x: .*too large/,
      ),
    );
    const unknown = runOf({ trials_max: 5 }, { fixed: { depth: 3 } });
    await assert.rejects(
      runSearch(unknown),
      hasCode("INVALID_REQUEST", /trial 0: parameters: Unrecognized key: "depth"/),
    );
    assert.equal(unknown.trainer.trainings, 0);
  });

  it("begins no trial after its time is over, that of trials before a restart included", async () => {
    const run = runOf({ trials_max: 30 }, { timeoutMs: 48 });
    const { trials } = await runSearch(run);
    assert.equal(trials.length, 10);
    const later = runOf({ trials_max: 30 }, { timeoutMs: 60, finished: trials });
    assert.equal((await runSearch(later)).trials.length, 12);
    await assert.rejects(
      runSearch(runOf({}, { timeoutMs: 0 })),
      hasCode("INVALID_REQUEST", /the timeout left no time/),
    );
  });

  it("goes on from a checkpoint as if it had not been interrupted, pruning included", async () => {
    const json = {
      trials_max: 36,
      seed: 9,
      pruning: { method: "median", warmup_iterations: 0, interval_iterations: 3 },
    };
    const more = { fixed: { fails_above: 6, how: "loss" } };
    const whole = (await runSearch(runOf(json, more))).trials;
    assert.equal(new Set(whole.map(({ state }) => state)).size, 3);
    for (const stop of [1, 14, 30, 36]) {
      const finished = JSON.parse(JSON.stringify(whole.slice(0, stop))) as TrialResult[];
      const run = runOf(json, { ...more, finished });
      const { trials } = await runSearch(run);
      assert.deepEqual(withoutTimes(trials), withoutTimes(whole));
      assert.ok(run.trainer.trainings <= 36 - stop);
    }
  });

  it("ends without a result when a trainer is away: that is no trial's fault", async () => {
    const run = runOf({ trials_max: 36 }, { fixed: { fails_above: 6, how: "is away" } });
    await assert.rejects(runSearch(run), hasCode("SERVICE_UNAVAILABLE", /nobody trains now/));
  });

  it("tells progress by trial, fold and iteration", async () => {
    const seen: string[] = [];
    const onProgress: SearchRun<Parameters>["onProgress"] = ({ trial, fold, folds, iteration }) =>
      seen.push(`${trial} ${fold + 1}/${folds} ${iteration.iteration}/${iteration.iterationsMax}`);
    await runSearch(
      runOf({ trials_max: 2 }, { folds: [foldOf(1), foldOf(2)], fixed: { iterations: 2 }, onProgress }),
    );
    assert.deepEqual(seen, [
      "0 1/2 1/2",
      "0 1/2 2/2",
      "0 2/2 1/2",
      "0 2/2 2/2",
      "1 1/2 1/2",
      "1 1/2 2/2",
      "1 2/2 1/2",
      "1 2/2 2/2",
    ]);
  });
});

describe("the searches of model types", () => {
  it("are valid spaces", () => {
    for (const type of TRAINERS.keys())
      for (const kind of ["binary", "multiclass", "regression"] as const) {
        const found = defaultSearch(type, kind);
        if (type === "ENSEMBLE") assert.equal(found, undefined, "its members have searches");
        else {
          assert.ok(found, type);
          assert.deepEqual(searchSpace.parse(found.space), found.space);
          assert.deepEqual(
            Object.keys(found.fixed).filter((name) => name in found.space),
            [],
          );
        }
      }
  });

  it("ask for nothing that their trainers refuse, from one end of each parameter to the other", () => {
    let count = 0;
    for (const [type, { trainer }] of TRAINERS)
      for (const kind of ["binary", "multiclass", "regression"] as const) {
        const found = defaultSearch(type, kind);
        if (found === undefined) continue;
        const at = (end: "low" | "high") =>
          Object.fromEntries(
            Object.entries(found.space).map(([name, one]) => [
              name,
              one.type === "categorical" ? one.choices.at(end === "low" ? 0 : -1) : one[end],
            ]),
          );
        // of an LSTM, steps follow from the columns: they have to be given
        const given = type === "LSTM" ? { ...found.fixed, steps: 2 } : found.fixed;
        for (const end of ["low", "high"] as const) trainer.parameters.parse({ ...given, ...at(end) });
        count += 1;
      }
    assert.equal(count, 15);
  });
});

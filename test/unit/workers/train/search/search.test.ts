/** The search: what it asks, that it goes on as if it had not been interrupted, and that it learns. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseTrainingSearch, type SearchSpace } from "../../../../../engine/core/training-search.ts";
import { createSearch, type Search, type SearchOptions } from "../../../../../workers/train/search/search.ts";
import type { FinishedTrial, TrialParameters } from "../../../../../workers/train/search/search-trial.ts";
import { splitTrials } from "../../../../../workers/train/search/tpe.ts";
import { hasCode } from "../../../../support/error-code.ts";

const MIXED: SearchSpace = {
  learning_rate: { type: "float", low: 1e-4, high: 1, log: true },
  depth: { type: "int", low: 1, high: 12, log: false, step: 1 },
  leaves: { type: "int", low: 2, high: 256, log: true, step: 1 },
  share: { type: "float", low: 0.1, high: 1, log: false, step: 0.1 },
  layers: { type: "categorical", choices: [[32], [64, 32], "none", true, 3] },
};

const GRID: SearchSpace = {
  depth: { type: "int", low: 1, high: 12, log: false, step: 1 },
  share: { type: "float", low: 0.1, high: 1, log: false, step: 0.1 },
};

const optionsOf = (json: object, space: SearchSpace, rest: Partial<SearchOptions> = {}): SearchOptions => ({
  spec: parseTrainingSearch(json),
  space,
  direction: "minimize",
  ...rest,
});

/** Asks until there is no more, or `count` have been told. */
function runAll(
  search: Search,
  valueOf: (parameters: TrialParameters) => number,
  count = Number.POSITIVE_INFINITY,
) {
  for (let told = 0; told < count; told++) {
    const asked = search.ask();
    if (asked === undefined) break;
    const { trial, parameters } = asked;
    // some fail and some are given up, as in life
    if (trial % 11 === 5) search.tell(trial, { state: "FAILED", reason: "no number" });
    else if (trial % 7 === 3) search.tell(trial, { state: "PRUNED" });
    else search.tell(trial, { state: "COMPLETE", value: valueOf(parameters) });
  }
  return search.finished;
}

const bowl = ({ learning_rate, depth, leaves, share, layers }: TrialParameters): number =>
  (Math.log10(Number(learning_rate)) + 2) ** 2 +
  ((Number(depth) - 5) / 4) ** 2 +
  (Math.log2(Number(leaves)) - 5) ** 2 / 4 +
  (Number(share) - 0.7) ** 2 +
  (Array.isArray(layers) && layers.length === 2 ? 0 : 1);

describe("a search", () => {
  for (const method of ["random", "tpe"] as const)
    it(`by ${method} asks for values within the space only, each of its own type`, () => {
      for (const { parameters } of runAll(
        createSearch(optionsOf({ method, trials_max: 120 }, MIXED)),
        bowl,
      )) {
        const { learning_rate, depth, leaves, share, layers } = parameters;
        assert.ok(Number(learning_rate) >= 1e-4 && Number(learning_rate) <= 1);
        assert.ok(Number.isInteger(depth) && Number(depth) >= 1 && Number(depth) <= 12);
        assert.ok(Number.isInteger(leaves) && Number(leaves) >= 2 && Number(leaves) <= 256);
        assert.ok([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].includes(Number(share)), String(share));
        assert.ok(["[32]", "[64,32]", '"none"', "true", "3"].includes(JSON.stringify(layers)));
      }
    });

  for (const method of ["grid", "random", "tpe"] as const)
    it(`by ${method} goes on from a checkpoint as if it had not been interrupted`, () => {
      const isGrid = method === "grid";
      const space: SearchSpace = isGrid ? GRID : MIXED;
      const value = isGrid ? ({ depth, share }: TrialParameters) => Number(depth) * Number(share) : bowl;
      const options = optionsOf({ method, trials_max: isGrid ? 120 : 40, seed: 5 }, space);
      const whole = runAll(createSearch(options), value);
      assert.equal(whole.length, isGrid ? 120 : 40);
      for (const stop of [0, 9, 10, 23]) {
        const first = runAll(createSearch(options), value, stop);
        const finished = JSON.parse(JSON.stringify(first)) as FinishedTrial[];
        assert.deepEqual(runAll(createSearch({ ...options, finished }), value), whole);
      }
    });

  it("depends on its seed, and not on the order of the space", () => {
    const asked = (space: SearchSpace, seed: number) =>
      runAll(createSearch(optionsOf({ trials_max: 20, seed }, space)), bowl).map(
        ({ parameters }) => parameters,
      );
    const turned = Object.fromEntries(Object.entries(MIXED).toReversed());
    assert.deepEqual(asked(turned, 3), asked(MIXED, 3));
    assert.notDeepEqual(asked(MIXED, 4), asked(MIXED, 3));
  });

  it("tries nothing twice, and ends when everything was tried", () => {
    const space: SearchSpace = {
      a: { type: "int", low: 1, high: 3, log: false, step: 1 },
      b: { type: "categorical", choices: ["x", "y"] },
    };
    for (const method of ["random", "tpe"]) {
      const trials = runAll(createSearch(optionsOf({ method, trials_max: 50 }, space)), () => 1);
      const texts = trials.map(({ parameters }) => JSON.stringify(parameters));
      assert.equal(new Set(texts).size, texts.length);
      assert.equal(texts.length, 6, method);
    }
  });

  it("takes one trial at a time", () => {
    const search = createSearch(optionsOf({}, MIXED));
    search.ask();
    assert.throws(() => search.ask(), /a trial is open/);
    assert.throws(() => search.tell(1, { state: "PRUNED" }), /trial 1 is not open/);
  });
});

describe("a grid", () => {
  const space: SearchSpace = {
    b: { type: "float", low: 0.1, high: 0.35, log: false, step: 0.1 },
    a: { type: "categorical", choices: [10, 20] },
    c: { type: "int", low: 4, high: 9, log: false, step: 3 },
    d: { type: "int", low: 7, high: 7, log: false, step: 1 },
  };

  it("is every combination once, the last name's fastest", () => {
    const trials = runAll(createSearch(optionsOf({ method: "grid" }, space)), () => 1);
    assert.deepEqual(
      trials.map(({ parameters: { a, b, c, d } }) => [a, b, c, d].join(" ")),
      [10, 20].flatMap((a) => [0.1, 0.2, 0.3].flatMap((b) => [4, 7].map((c) => `${a} ${b} ${c} 7`))),
    );
  });

  it("that cannot be tried is refused, with the remedy", () => {
    const create = (more: SearchSpace) =>
      createSearch(optionsOf({ method: "grid", trials_max: 20 }, { ...space, ...more }));
    assert.throws(
      () => create({ e: { type: "categorical", choices: [1, 2] } }),
      hasCode("INVALID_REQUEST", /^search: trials_max: the grid has 24 combinations: raise it from 20/),
    );
    assert.throws(
      () => create({ e: { type: "float", low: 0, high: 1, log: false } }),
      hasCode("INVALID_REQUEST", /^search: space\.e: a grid needs a step/),
    );
  });
});

describe("the tree-structured Parzen estimator", () => {
  const trial = (at: number, value: number | null, losses: FinishedTrial["losses"] = []): FinishedTrial => ({
    trial: at,
    parameters: {},
    state: value === null ? "PRUNED" : "COMPLETE",
    value,
    reason: null,
    losses,
  });
  const numbers = (trials: readonly FinishedTrial[]) => trials.map((one) => one.trial);

  it("learns from the best tenth, of equal ones the first, at most 25", () => {
    const trials = [4, 1, 3, 1, 2, 9, 8, 7, 6, 5, 0].map((value, at) => trial(at, value));
    assert.deepEqual(numbers(splitTrials(trials, "minimize").best), [1, 10]);
    assert.deepEqual(numbers(splitTrials(trials, "maximize").best), [5, 6]);
    assert.deepEqual(numbers(splitTrials(trials, "maximize").others), [0, 1, 2, 3, 4, 7, 8, 9, 10]);
    const many = Array.from({ length: 400 }, (_, at) => trial(at, 400 - at));
    assert.deepEqual(
      numbers(splitTrials(many, "minimize").best),
      Array.from({ length: 25 }, (_, at) => 375 + at),
    );
  });

  it("puts trials that were given up behind complete ones, those that got further first", () => {
    const at = (iteration: number, loss: number) => [{ iteration, loss }];
    const trials = [
      trial(0, null, at(10, 3)),
      trial(1, null, at(20, 9)),
      trial(2, null, at(20, 8)),
      trial(3, 100),
    ];
    const more = [...trials, ...Array.from({ length: 17 }, (_, index) => trial(4 + index, null))];
    assert.deepEqual(numbers(splitTrials(more, "minimize").best), [1, 2, 3]);
  });

  const sphere: SearchSpace = Object.fromEntries(
    ["a", "b", "c", "d"].map((name) => [name, { type: "float", low: -5, high: 5, log: false }]),
  );
  const branin: SearchSpace = {
    x: { type: "float", low: -5, high: 10, log: false },
    y: { type: "float", low: 0, high: 15, log: false },
  };
  const functions: readonly [string, SearchSpace, (parameters: TrialParameters) => number][] = [
    [
      "a sphere of four",
      sphere,
      (point) => Object.values(point).reduce((sum: number, x) => sum + (Number(x) - 1) ** 2, 0),
    ],
    [
      "Branin's function",
      branin,
      ({ x, y }) =>
        (Number(y) - (5.1 / (4 * Math.PI ** 2)) * Number(x) ** 2 + (5 / Math.PI) * Number(x) - 6) ** 2 +
        10 * (1 - 1 / (8 * Math.PI)) * Math.cos(Number(x)) +
        10,
    ],
    ["parameters of all types", MIXED, bowl],
  ];
  for (const [name, space, value] of functions)
    for (const direction of ["minimize", "maximize"] as const)
      it(`finds better values than random draws do: ${name}, ${direction}`, () => {
        const sign = direction === "minimize" ? 1 : -1;
        const bestOf = (method: string, seed: number): number => {
          const search = createSearch(optionsOf({ method, trials_max: 60, seed }, space, { direction }));
          const trials = runAll(search, (parameters) => sign * value(parameters));
          return Math.min(
            ...trials.map((one) => (one.value === null ? Number.POSITIVE_INFINITY : sign * one.value)),
          );
        };
        const seeds = Array.from({ length: 21 }, (_, seed) => seed);
        const median = (values: number[]) => values.sort((a, b) => a - b)[10] as number;
        const learned = median(seeds.map((seed) => bestOf("tpe", seed)));
        const drawn = median(seeds.map((seed) => bestOf("random", seed)));
        const least = name === "Branin's function" ? 0.397887 : 0;
        assert.ok(learned - least < (drawn - least) / 2, `${learned} against ${drawn}`);
      });
});

describe("a search's definition", () => {
  it("names the field that is wrong", () => {
    const refused = (json: object, message: RegExp) =>
      assert.throws(() => parseTrainingSearch(json), hasCode("INVALID_REQUEST", message));
    const space = (parameter: object) => ({ space: { x: parameter } });
    refused({ trials: 3 }, /^trials: is no known field/);
    refused({ trials_max: 0 }, /^trials_max/);
    refused({ timeout: "10" }, /^timeout: must be a duration/);
    refused({ space: {} }, /^space: names no parameter/);
    refused(space({ type: "float", low: 2, high: 1 }), /^space\.x\.high: must be at least low/);
    refused(space({ type: "float", low: 0, high: 1, log: true }), /^space\.x\.low: must be above 0/);
    refused(
      space({ type: "float", low: 1, high: 2, log: true, step: 0.1 }),
      /^space\.x\.step: cannot be combined/,
    );
    refused(space({ type: "int", low: 1.5, high: 2 }), /^space\.x\.low/);
    refused(space({ type: "categorical", choices: [1, 1] }), /^space\.x\.choices: names a choice twice/);
    refused(space({ type: "real", low: 0, high: 1 }), /^space\.x\.type/);
    refused(
      { pruning: { method: "median", reduction_factor: 3 } },
      /^pruning\.reduction_factor: is no known field/,
    );
  });
});

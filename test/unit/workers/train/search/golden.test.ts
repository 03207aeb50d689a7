/** Densities and prunings against Optuna and SciPy themselves; the goldens' script is in test/fixtures. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { PruningSpec, SearchParameter } from "../../../../../engine/core/training-search.ts";
import { toDimension } from "../../../../../workers/train/search/dimension.ts";
import {
  choiceProbabilities,
  drawFrom,
  logDensity,
  logProbability,
  numberKernels,
} from "../../../../../workers/train/search/parzen.ts";
import { createSearch } from "../../../../../workers/train/search/search.ts";
import { trialRandom } from "../../../../../workers/train/search/search-random.ts";
import { assertClose } from "../../../../support/close.ts";
import { fixture } from "../../../../support/model.ts";

type ParzenCase = {
  readonly name: string;
  readonly observed: readonly number[];
  readonly optuna: readonly number[];
} & (
  | { readonly type: "categorical" }
  | {
      readonly type: "float" | "int";
      readonly low: number;
      readonly high: number;
      readonly log: boolean;
      readonly step: number | null;
      readonly places: readonly number[];
      readonly scipy: readonly number[];
    }
);

interface PruningCase {
  readonly name: string;
  readonly spec: PruningSpec;
  readonly losses: readonly (readonly number[])[];
  readonly given_up: readonly (number | null)[];
}

const read = (name: string): unknown => JSON.parse(readFileSync(fixture(`search/${name}.json`), "utf8"));

describe("a Parzen estimator", () => {
  for (const one of read("parzen") as ParzenCase[])
    it(`${one.name}: has Optuna's density, and SciPy's`, () => {
      if (one.type === "categorical") {
        const found = Array.from(choiceProbabilities(one.observed, 4), Math.log);
        assertClose(found, one.optuna, "probabilities", 1e-12);
        return;
      }
      const { low, high, log, step } = one;
      const parameter = {
        type: one.type,
        low,
        high,
        log,
        ...(step === null ? {} : { step }),
      } as SearchParameter;
      const dimension = toDimension("x", parameter);
      assert.equal(dimension.kind, "number");
      const kernels = numberKernels(one.observed.map(dimension.toAxis), dimension.low, dimension.high);
      const found = one.places.map((place) => {
        const cell = dimension.cellOf(place);
        return cell === undefined
          ? logDensity(kernels, dimension.toAxis(place))
          : logProbability(kernels, ...cell);
      });
      assertClose(found, one.optuna, "Optuna", 1e-9);
      assertClose(found, one.scipy, "SciPy", 1e-9);
    });

  it("draws what its density says", () => {
    const kernels = numberKernels([0.1, 0.15, 0.2, 0.8], 0, 1);
    const random = trialRandom(1, 0, 0);
    const bins = new Float64Array(10);
    const draws = 20_000;
    for (let draw = 0; draw < draws; draw++) {
      const bin = Math.floor(drawFrom(kernels, random) * 10);
      bins[bin] = (bins[bin] as number) + 1 / draws;
    }
    for (const [bin, share] of bins.entries()) {
      const expected = Math.exp(logProbability(kernels, bin / 10, (bin + 1) / 10));
      // 5 standard errors of a share of up to 0.3 are 0.016
      assertClose(share, expected, `bin ${bin}`, 0.016);
    }
  });
});

describe("pruning", () => {
  for (const { name, spec, losses, given_up } of read("pruning") as PruningCase[])
    it(`by ${name} gives up the trials that Optuna does, at the same iteration`, () => {
      const space = { x: { type: "float", low: 0, high: 1, log: false } } as const;
      const settings = { method: "random", trials_max: 100, pruning: spec, seed: 0 } as const;
      const search = createSearch({ spec: settings, space, direction: "minimize" });
      const found = losses.map((curve) => {
        const { trial } = search.ask() ?? { trial: -1 };
        const at = curve.findIndex((loss, index) => search.shouldPrune(trial, index + 1, loss));
        search.tell(trial, at < 0 ? { state: "COMPLETE", value: curve.at(-1) ?? 0 } : { state: "PRUNED" });
        return at < 0 ? null : at + 1;
      });
      assert.deepEqual(found, given_up);
    });
});

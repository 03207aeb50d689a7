/**
 * The search for hyperparameters: asked for a trial's parameters, told how it ended.
 *
 *     ask → parameters → [ shouldPrune per iteration ] → tell → ask → …
 *
 * Invariant: what is asked follows from the spec, the seed and the finished trials alone. So the list of these is the checkpoint, and
 * whoever goes on from it asks the same trials as if nothing had happened. One trial is open at a time.
 */
import assert from "node:assert/strict";
import { toCanonicalJson } from "../../../engine/core/canonical-json.ts";
import type { SearchSpace, TrainingSearch } from "../../../engine/core/training-search.ts";
import { type Dimension, toDimension } from "./dimension.ts";
import { gridParameters, gridSize } from "./grid.ts";
import { isGivenUp, isLookedAt } from "./pruning.ts";
import { drawParameters } from "./random-parameters.ts";
import { trialRandom } from "./search-random.ts";
import type { Direction, FinishedTrial, SeenLoss, TrialOutcome, TrialParameters } from "./search-trial.ts";
import { tpeParameters } from "./tpe.ts";

/** Trainers are deterministic, so parameters are not tried twice: so often others are drawn, at random from half of it on. */
const ATTEMPTS_MAX = 100;

export interface SearchOptions {
  readonly spec: Pick<TrainingSearch, "method" | "trials_max" | "pruning" | "seed">;
  readonly space: SearchSpace;
  /** Of the values that complete trials are told with. */
  readonly direction: Direction;
  /** Of a search that was interrupted. */
  readonly finished?: readonly FinishedTrial[];
}

export interface AskedTrial {
  readonly trial: number;
  readonly parameters: TrialParameters;
}

export interface Search {
  /** The next trial; undefined when there have been enough, or nothing is left to try. */
  ask(): AskedTrial | undefined;
  /** Whether the open trial is to be given up, having this loss after this iteration. */
  shouldPrune(trial: number, iteration: number, loss: number): boolean;
  tell(trial: number, outcome: TrialOutcome): FinishedTrial;
  /** In the order in which they were asked for. */
  readonly finished: readonly FinishedTrial[];
}

/** @throws EngineError INVALID_REQUEST for a grid that is too large or whose numbers have no step. */
export function createSearch({ spec, space, direction, finished: before = [] }: SearchOptions): Search {
  // by name, so that the order in a file does not matter
  const dimensions = Object.entries(space)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, parameter]) => toDimension(name, parameter));
  const trialsMax = spec.method === "grid" ? gridSize(dimensions, spec.trials_max) : spec.trials_max;
  const finished = [...before];
  const tried = new Set(finished.map(({ parameters }) => toCanonicalJson(parameters)));
  let open: (AskedTrial & { readonly losses: SeenLoss[] }) | undefined;
  const openTrial = (trial: number) => {
    assert.ok(open?.trial === trial, `trial ${trial} is not open`);
    return open;
  };

  return {
    finished,
    ask() {
      assert.equal(open, undefined, "a trial is open");
      const trial = finished.length;
      if (trial >= trialsMax) return undefined;
      const parameters = nextParameters(dimensions, spec, direction, finished, tried);
      if (parameters === undefined) return undefined;
      tried.add(toCanonicalJson(parameters));
      open = { trial, parameters, losses: [] };
      return { trial, parameters };
    },
    shouldPrune(trial, iteration, loss) {
      const { losses } = openTrial(trial);
      if (!isLookedAt(spec.pruning, iteration, losses.length)) return false;
      losses.push({ iteration, loss });
      return isGivenUp(spec.pruning, losses, finished);
    },
    tell(trial, outcome) {
      const { parameters, losses } = openTrial(trial);
      assert.ok(outcome.state !== "COMPLETE" || Number.isFinite(outcome.value), "a value is no number");
      const told = {
        trial,
        parameters,
        state: outcome.state,
        value: outcome.state === "COMPLETE" ? outcome.value : null,
        reason: outcome.state === "FAILED" ? outcome.reason : null,
        losses,
      };
      open = undefined;
      finished.push(told);
      return told;
    },
  };
}

/** Undefined when nothing new was found. */
function nextParameters(
  dimensions: readonly Dimension[],
  { method, seed }: SearchOptions["spec"],
  direction: Direction,
  finished: readonly FinishedTrial[],
  tried: ReadonlySet<string>,
): TrialParameters | undefined {
  const trial = finished.length;
  if (method === "grid") return gridParameters(dimensions, trial);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const random = trialRandom(seed, trial, attempt);
    const isLearned = method === "tpe" && attempt < ATTEMPTS_MAX / 2;
    const parameters = isLearned
      ? tpeParameters(dimensions, finished, direction, random)
      : drawParameters(dimensions, random);
    if (!tried.has(toCanonicalJson(parameters))) return parameters;
  }
  return undefined;
}

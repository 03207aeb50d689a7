/**
 * Whether a trial is given up, by its loss at some of its iterations against those of other trials at the same ones. Median: its lowest
 * loss is above the median of the complete trials (Golovin et al. 2017). Successive halving: at iterations that grow by a factor, it
 * is not among the best part of all that came so far (asynchronous, Li et al. 2020). Lower losses are better.
 */
import type { PruningSpec } from "../../../engine/core/training-search.ts";
import type { FinishedTrial, SeenLoss } from "./search-trial.ts";

/** Bounds what a checkpoint holds of one trial; iterations beyond are not looked at. */
const LOSSES_MAX = 500;

/** Whether the loss at an iteration counts, being the trial's `seen`-th that does. */
export function isLookedAt(spec: PruningSpec, iteration: number, seen: number): boolean {
  if (seen >= LOSSES_MAX) return false;
  switch (spec.method) {
    case "none":
      return false;
    case "median":
      return iteration > spec.warmup_iterations && iteration % spec.interval_iterations === 0;
    case "successive_halving":
      return isRung(iteration, spec.iterations_min, spec.reduction_factor);
  }
}

/** @param own losses of the trial at the iterations that count, up to now. */
export function isGivenUp(
  spec: PruningSpec,
  own: readonly SeenLoss[],
  trials: readonly FinishedTrial[],
): boolean {
  const latest = own.at(-1);
  if (latest === undefined) return false;
  switch (spec.method) {
    case "none":
      return false;
    case "median": {
      const complete = trials.filter(({ state }) => state === "COMPLETE");
      const losses = lossesAt(complete, latest.iteration);
      if (complete.length < spec.trials_min || losses.length === 0) return false;
      return Math.min(...own.map(({ loss }) => loss)) > medianOf(losses);
    }
    case "successive_halving": {
      const losses = [...lossesAt(trials, latest.iteration), latest.loss].sort((a, b) => a - b);
      // none waits for others to come: the first few go on if they are the best so far
      const promoted = Math.max(1, Math.floor(losses.length / spec.reduction_factor));
      return latest.loss > (losses[promoted - 1] as number);
    }
  }
}

function isRung(iteration: number, first: number, factor: number): boolean {
  let rung = first;
  while (rung < iteration) rung *= factor;
  return rung === iteration;
}

function lossesAt(trials: readonly FinishedTrial[], iteration: number): number[] {
  return trials.flatMap(({ losses }) =>
    losses.filter((seen) => seen.iteration === iteration).map(({ loss }) => loss),
  );
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

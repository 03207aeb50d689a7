/**
 * The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl 2011): of CANDIDATES values that are dense among the best
 * trials, the one that is rarest among the others; each parameter by itself. Numbers are Optuna's defaults.
 */
import type { SeededRandom } from "../../../engine/core/seeded-random.ts";
import type { ParameterValue } from "../../../engine/core/training-search.ts";
import type { ChoiceDimension, Dimension, NumberDimension } from "./dimension.ts";
import {
  choiceProbabilities,
  drawFrom,
  type Kernels,
  logDensity,
  logProbability,
  numberKernels,
} from "./parzen.ts";
import { drawParameters } from "./random-parameters.ts";
import type { Direction, FinishedTrial, TrialParameters } from "./search-trial.ts";

/** Trials at random before anything is learned from them. */
const STARTUP_TRIALS = 10;
const CANDIDATES = 24;
const BEST_MAX = 25;
const BEST_SHARE = 0.1;

/** @param trials in the order in which they were asked for; failed ones teach nothing. */
export function tpeParameters(
  dimensions: readonly Dimension[],
  trials: readonly FinishedTrial[],
  direction: Direction,
  random: SeededRandom,
): TrialParameters {
  const told = trials.filter(({ state }) => state !== "FAILED");
  if (told.length < STARTUP_TRIALS) return drawParameters(dimensions, random);
  const { best, others } = splitTrials(told, direction);
  return Object.fromEntries(
    dimensions.map((dimension) => {
      const valuesOf = (some: readonly FinishedTrial[]) =>
        some.map(({ parameters }) => parameters[dimension.name] as ParameterValue);
      return [dimension.name, suggest(dimension, valuesOf(best), valuesOf(others), random)];
    }),
  );
}

/** The best tenth, 25 at most, and all others; both in the order of the trials. Pruned ones are behind complete ones. */
export function splitTrials(
  trials: readonly FinishedTrial[],
  direction: Direction,
): { readonly best: readonly FinishedTrial[]; readonly others: readonly FinishedTrial[] } {
  const count = Math.min(BEST_MAX, Math.ceil(BEST_SHARE * trials.length));
  const sign = direction === "minimize" ? 1 : -1;
  const ranked = [...trials].sort(
    (a, b) =>
      Number(a.value === null) - Number(b.value === null) ||
      (a.value !== null && b.value !== null ? sign * (a.value - b.value) : byProgress(a, b)) ||
      a.trial - b.trial,
  );
  const chosen = new Set(ranked.slice(0, count));
  return { best: trials.filter((one) => chosen.has(one)), others: trials.filter((one) => !chosen.has(one)) };
}

/** Those that got further first, then those with the lower loss. */
function byProgress(a: FinishedTrial, b: FinishedTrial): number {
  const [one, other] = [a.losses.at(-1), b.losses.at(-1)];
  return (other?.iteration ?? 0) - (one?.iteration ?? 0) || (one?.loss ?? 0) - (other?.loss ?? 0);
}

function suggest(
  dimension: Dimension,
  best: readonly ParameterValue[],
  others: readonly ParameterValue[],
  random: SeededRandom,
): ParameterValue {
  if (dimension.kind === "choice") return suggestChoice(dimension, best, others, random);
  if (dimension.low === dimension.high) return dimension.fromAxis(dimension.low);
  const kernelsOf = (values: readonly ParameterValue[]) =>
    numberKernels(
      values.map((value) => dimension.toAxis(Number(value))),
      dimension.low,
      dimension.high,
    );
  const [dense, rare] = [kernelsOf(best), kernelsOf(others)];
  return highest(
    () => dimension.fromAxis(drawFrom(dense, random)),
    (value) => logLikelihood(dimension, dense, value) - logLikelihood(dimension, rare, value),
  );
}

function logLikelihood(dimension: NumberDimension, kernels: Kernels, value: number): number {
  const cell = dimension.cellOf(value);
  return cell === undefined ? logDensity(kernels, dimension.toAxis(value)) : logProbability(kernels, ...cell);
}

function suggestChoice(
  { choices }: ChoiceDimension,
  best: readonly ParameterValue[],
  others: readonly ParameterValue[],
  random: SeededRandom,
): ParameterValue {
  const texts = choices.map((choice) => JSON.stringify(choice));
  const probabilitiesOf = (values: readonly ParameterValue[]) =>
    choiceProbabilities(
      values.map((value) => texts.indexOf(JSON.stringify(value))),
      choices.length,
    );
  const [dense, rare] = [probabilitiesOf(best), probabilitiesOf(others)];
  const chosen = highest(
    () => random.weighted(dense, 1),
    (choice) => (dense[choice] as number) / (rare[choice] as number),
  );
  return choices[chosen] as ParameterValue;
}

/** The candidate of the highest merit; the first of equal ones. */
function highest(draw: () => number, meritOf: (candidate: number) => number): number {
  // steps and choices are drawn again and again
  const candidates = new Set(Array.from({ length: CANDIDATES }, draw));
  let [chosen, top] = [Number.NaN, Number.NEGATIVE_INFINITY];
  for (const candidate of candidates) {
    const merit = meritOf(candidate);
    if (merit > top || Number.isNaN(chosen)) [chosen, top] = [candidate, merit];
  }
  return chosen;
}

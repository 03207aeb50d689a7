/**
 * The loop over a search's trials: each trains a model per fold, and its value is the mean of what the models are measured by.
 *
 * Pruning looks at the loss on the first fold's validation rows, which all trials share; who survives it is trained on the other folds.
 * A trial that fails, for its parameters or for a loss that is no number, is told so and the search goes on.
 * Bound: trials_max, and no trial begins after `timeoutMs` of trials; the thread is terminated to cancel.
 */
import { EngineError, messageOf } from "../../../engine/core/errors.ts";
import type { TrainingSet, TrainingTask } from "../../../engine/core/training-set.ts";
import type { Iteration, Trainer } from "../trainer.ts";
import { type AskedTrial, createSearch, type Search, type SearchOptions } from "./search.ts";
import type { Direction, FinishedTrial, TrialOutcome } from "./search-trial.ts";

/** Reasons of failed trials that an error names. */
const REASONS_MAX = 3;

export interface SearchFold {
  readonly training: TrainingSet;
  readonly validation: TrainingSet;
}

/** What a trial is judged by, measured on the validation rows: the domain's metrics are handed in. */
export interface SearchMetric {
  readonly direction: Direction;
  /** @param predictions rows × predictionWidth(task). A value that is no finite number fails the trial. */
  measure(targets: Float64Array, predictions: Float64Array): number;
}

export interface TrialResult extends FinishedTrial {
  /** Of the folds that were trained to the end. */
  readonly values_per_fold: readonly number[];
  readonly duration_ms: number;
}

export interface TrialProgress {
  readonly trial: number;
  /** From 0. */
  readonly fold: number;
  readonly folds: number;
  readonly iteration: Iteration;
}

export interface SearchRun<Parameters> {
  readonly trainer: Pick<Trainer<Parameters>, "parameters" | "train">;
  readonly task: TrainingTask;
  /** One for a holdout; at least one. */
  readonly folds: readonly SearchFold[];
  readonly spec: SearchOptions["spec"];
  readonly space: SearchOptions["space"];
  readonly metric: SearchMetric;
  /** Parameters that are not searched for. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** Of every training: trials differ by their parameters alone. */
  readonly seed: number;
  readonly timeoutMs: number;
  /** Results of the search that this one goes on from. */
  readonly finished?: readonly TrialResult[];
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Hears each trial that is over; the checkpoint is all of them. */
  onTrial?(result: TrialResult): void | Promise<void>;
  onProgress?(progress: TrialProgress): void;
}

export interface SearchResult {
  readonly best: TrialResult;
  readonly trials: readonly TrialResult[];
}

/**
 * @throws EngineError INVALID_REQUEST when no trial was completed, with the first reasons; or for a grid that cannot be tried; what a
 * trial threw that may pass, such as a trainer that is away: the search can go on later.
 */
export async function runSearch<Parameters>(run: SearchRun<Parameters>): Promise<SearchResult> {
  const { spec, space, metric, timeoutMs, now } = run;
  const trials = [...(run.finished ?? [])];
  const search = createSearch({
    spec,
    space,
    direction: metric.direction,
    finished: trials.map(withoutTimes),
  });
  let spentMs = trials.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
  while (spentMs < timeoutMs) {
    const asked = search.ask();
    if (asked === undefined) break;
    const begun = now();
    const values: number[] = [];
    const outcome = await tryParameters(run, search, asked, values);
    const durationMs = now() - begun;
    spentMs += durationMs;
    const result = { ...search.tell(asked.trial, outcome), values_per_fold: values, duration_ms: durationMs };
    trials.push(result);
    await run.onTrial?.(result);
  }
  const best = bestOf(trials, metric.direction);
  if (best === undefined) throw noneComplete(trials);
  return { best, trials };
}

/** Of equal ones the first. */
export function bestOf(trials: readonly TrialResult[], direction: Direction): TrialResult | undefined {
  const sign = direction === "minimize" ? 1 : -1;
  const complete = trials.filter(
    (one): one is TrialResult & { readonly value: number } => one.value !== null,
  );
  return complete.reduce<(typeof complete)[number] | undefined>(
    (best, one) => (best === undefined || sign * one.value < sign * best.value ? one : best),
    undefined,
  );
}

async function tryParameters<Parameters>(
  run: SearchRun<Parameters>,
  search: Search,
  asked: AskedTrial,
  values: number[],
): Promise<TrialOutcome> {
  try {
    const parameters = parametersOf(run, asked);
    for (const fold of run.folds.keys()) {
      const value = await trainFold(run, search, asked.trial, fold, parameters);
      if (value === "pruned") return { state: "PRUNED" };
      values.push(value);
    }
  } catch (error) {
    if (error instanceof EngineError && error.meaning.retry === "later") throw error; // no parameter's fault
    return { state: "FAILED", reason: messageOf(error) };
  }
  return { state: "COMPLETE", value: values.reduce((sum, value) => sum + value, 0) / values.length };
}

function parametersOf<Parameters>(
  { trainer, fixed }: SearchRun<Parameters>,
  { parameters }: AskedTrial,
): Parameters {
  const parsed = trainer.parameters.safeParse({ ...fixed, ...parameters });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new EngineError("INVALID_REQUEST", `${issue?.path.join(".") || "parameters"}: ${issue?.message}`);
}

async function trainFold<Parameters>(
  { trainer, task, folds, seed, metric, onProgress }: SearchRun<Parameters>,
  search: Search,
  trial: number,
  fold: number,
  parameters: Parameters,
): Promise<number | "pruned"> {
  const { training, validation } = folds[fold] as SearchFold;
  let ended: "pruned" | EngineError | undefined;
  const onIteration = (iteration: Iteration): "continue" | "stop" => {
    onProgress?.({ trial, fold, folds: folds.length, iteration });
    const loss = iteration.validationLoss;
    if (loss === undefined) return "continue";
    if (!Number.isFinite(loss))
      ended = notANumber(`the loss on the validation rows, iteration ${iteration.iteration}`);
    else if (fold === 0 && search.shouldPrune(trial, iteration.iteration, loss)) ended = "pruned";
    return ended === undefined ? "continue" : "stop";
  };
  const model = await trainer.train({ task, training, validation, parameters, seed, onIteration });
  if (ended === "pruned") return ended;
  if (ended !== undefined) throw ended;
  const value = metric.measure(validation.targets, await model.predict(validation.columns, validation.rows));
  if (!Number.isFinite(value)) throw notANumber(`the metric on the validation rows of fold ${fold + 1}`);
  return value;
}

function notANumber(what: string): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    `${what}, is no number: lower the learning rate, or narrow the space`,
  );
}

function noneComplete(trials: readonly TrialResult[]): EngineError {
  const reasons = [
    ...new Set(trials.flatMap(({ trial, reason }) => (reason === null ? [] : [`trial ${trial}: ${reason}`]))),
  ];
  const first = reasons.slice(0, REASONS_MAX).join("; ") || "the timeout left no time for one";
  return new EngineError("INVALID_REQUEST", `none of ${trials.length} trials was completed: ${first}`);
}

function withoutTimes({ trial, parameters, state, value, reason, losses }: TrialResult): FinishedTrial {
  return { trial, parameters, state, value, reason, losses };
}

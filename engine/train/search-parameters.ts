/**
 * Hyperparameters for a job that searches for them: trials on the folds of its validation, judged by a metric of its labels.
 *
 * Preprocessing is fitted on each fold's training rows. Test rows take no part. What trials of an earlier attempt have found is kept.
 */
import type { SearchFold, TrialProgress, TrialResult } from "../../workers/train/search/run-search.ts";
import { durationMs } from "../core/duration.ts";
import { fieldInvalid } from "../core/errors.ts";
import type { TrainingTrial } from "../core/training-job.ts";
import type { TrainingSearch } from "../core/training-search.ts";
import type { TrainingTask as Learning } from "../core/training-set.ts";
import { METRICS, type MetricName, metricsOf } from "../monitor/performance/metric-table.ts";
import { measurePerformance } from "../monitor/performance/realised-performance.ts";
import { prepareSets } from "./data/prepared-sets.ts";
import { taskOf } from "./data/training-table.ts";
import { resolveGate } from "./gate/gate-limits.ts";
import type { LearningQuestion } from "./learning-plan.ts";
import { predictedRows } from "./predicted-rows.ts";
import type { OnNews } from "./training-task.ts";
import type { TrainingTools } from "./training-tools.ts";

const EMPTY = new Uint32Array(0);

/**
 * The parameters of the best trial, with those that were held fixed.
 * @throws EngineError INVALID_REQUEST naming the field: no space, no such metric, a fold without validation rows, or no trial that came to
 * its end, with the first reasons.
 */
export async function searchParameters(
  question: LearningQuestion,
  search: TrainingSearch,
  tools: Pick<TrainingTools, "search" | "defaultSearch">,
  onNews: OnNews,
): Promise<Readonly<Record<string, unknown>>> {
  const { task, spec, table, registered } = question;
  const learning = taskOf(table);
  const own = tools.defaultSearch(spec.model_type, learning.kind);
  const space = search.space ?? own?.space;
  if (space === undefined)
    throw fieldInvalid("search.space", `must be given: ${spec.model_type} has none of its own`);
  const fixed = { ...(search.space === undefined ? own?.fixed : {}), ...spec.parameters };
  onNews({ kind: "progress", stage: "SEARCHING", share: 0 });
  const { best } = await tools.search({
    trainer: registered.trainer,
    task: learning,
    folds: foldsOf(question),
    spec: search,
    space,
    metric: metricOf(question, search, learning),
    fixed,
    seed: spec.seed,
    timeoutMs: durationMs(search.timeout) ?? 0,
    finished: task.trials.map(toResult),
    now: () => performance.now(),
    onTrial: (result) => onNews({ kind: "trial", trial: toTrial(result) }),
    onProgress: (progress) =>
      onNews({ kind: "progress", stage: "SEARCHING", share: shareOf(progress, search) }),
  });
  onNews({
    kind: "log",
    level: "info",
    message: `trial ${best.trial} was the best: ${JSON.stringify(best.parameters)}`,
  });
  return { ...fixed, ...best.parameters };
}

function foldsOf({ spec, table, split, plan }: LearningQuestion): SearchFold[] {
  return split.folds.map((fold) => {
    const preparation = { ...plan, classWeight: spec.data.class_weight };
    const { training, validation } = prepareSets(table, fold, EMPTY, preparation);
    if (validation !== undefined) return { training, validation };
    throw fieldInvalid(
      "validation.validation_share",
      "is 0, so there are no rows to compare trials by: give some",
    );
  });
}

function metricOf({ spec }: LearningQuestion, search: TrainingSearch, learning: Learning) {
  const names = metricsOf(learning.kind);
  const name =
    names.find((one) => one === search.metric) ?? defaultMetric(spec.gate, search, learning, names);
  return {
    direction: METRICS[name].better === "higher" ? ("maximize" as const) : ("minimize" as const),
    measure: (targets: Float64Array, predictions: Float64Array): number =>
      measurePerformance(predictedRows(learning, targets, predictions)).metrics[name]?.value ?? Number.NaN,
  };
}

function defaultMetric(
  gate: LearningQuestion["spec"]["gate"],
  { metric }: TrainingSearch,
  { kind }: Learning,
  names: readonly MetricName[],
): MetricName {
  if (metric === undefined) return resolveGate(gate, kind).metric;
  throw fieldInvalid(
    "search.metric",
    `${metric} is no metric of ${kind} models, which have ${names.join(", ")}`,
  );
}

function shareOf({ trial, fold, folds, iteration }: TrialProgress, { trials_max }: TrainingSearch): number {
  const within = (fold + iteration.iteration / iteration.iterationsMax) / folds;
  return (trial + within) / trials_max;
}

function toTrial({ reason, parameters, losses, values_per_fold, ...rest }: TrialResult): TrainingTrial {
  return {
    ...rest,
    parameters: { ...parameters },
    losses: losses.map(({ iteration, loss }) => ({ iteration, loss })),
    values_per_fold: [...values_per_fold],
    ...(reason === null ? {} : { reason: reason.slice(0, 500) }),
  };
}

function toResult({ reason, ...trial }: TrainingTrial): TrialResult {
  return { ...trial, reason: reason ?? null, parameters: trial.parameters as TrialResult["parameters"] };
}

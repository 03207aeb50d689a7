/**
 * The statistics extension: what the served model versions have done, in the protocol's words. Times are in nanoseconds, and count
 * from the loading of the version. Answers are never taken from a cache: its counts stay at nothing.
 */
import type { BatchStatistic, DurationStatistic, ModelStatistic } from "../contract/oip-repository.ts";
import { EngineError } from "../core/errors.ts";
import type { Models } from "../models.ts";
import type { ServedModel } from "../served-model.ts";
import type { BatchTimes, Duration } from "./model-statistics.ts";

const NS_PER_MS = 1e6;
const NONE: Duration = { count: 0, ms: 0 };

/**
 * Of all that is loaded, of one model, or of one version of it.
 * @param version a version or an alias.
 * @throws EngineError MODEL_NOT_FOUND, NOT_READY.
 */
export function modelStatistics(
  models: Pick<Models, "loaded" | "route">,
  name?: string,
  version?: string,
): { readonly model_stats: readonly ModelStatistic[] } {
  return { model_stats: wanted(models, name, version).map(statisticOf) };
}

function wanted(
  models: Pick<Models, "loaded" | "route">,
  name: string | undefined,
  version: string | undefined,
): ServedModel[] {
  if (name === undefined && version !== undefined)
    throw new EngineError("INVALID_REQUEST", "a version is asked for without its model: name the model");
  if (version !== undefined) return [models.route(name, version).model];
  const served = models.loaded().map(({ model }) => model);
  if (name === undefined) return served;
  const own = served.filter(({ manifest }) => manifest.name === name);
  return own.length > 0 ? own : [models.route(name, undefined).model];
}

function statisticOf({ manifest, statistics }: ServedModel): ModelStatistic {
  return {
    name: manifest.name,
    version: manifest.version,
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.inferences,
    execution_count: statistics.executions,
    inference_stats: {
      success: toStatistic(statistics.success),
      fail: toStatistic(statistics.fail),
      queue: toStatistic(statistics.queue),
      compute_input: toStatistic(statistics.computeInput),
      compute_infer: toStatistic(statistics.computeInfer),
      compute_output: toStatistic(statistics.computeOutput),
      cache_hit: toStatistic(NONE),
      cache_miss: toStatistic(NONE),
    },
    response_stats: {},
    batch_stats: statistics.batches().map(([size, times]) => batchStatistic(size, times)),
    memory_usage: [],
  };
}

function batchStatistic(size: number, times: BatchTimes): BatchStatistic {
  const { executions: count, inputMs, inferMs, outputMs } = times;
  return {
    batch_size: size,
    compute_input: toStatistic({ count, ms: inputMs }),
    compute_infer: toStatistic({ count, ms: inferMs }),
    compute_output: toStatistic({ count, ms: outputMs }),
  };
}

function toStatistic({ count, ms }: Duration): DurationStatistic {
  return { count, ns: Math.round(ms * NS_PER_MS) };
}

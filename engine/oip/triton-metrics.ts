/**
 * The model versions' statistics under the names of Triton's metrics, for dashboards and alerts that were made for it. They are
 * worked out when metrics are read, and go with the series of a version that is unloaded.
 */
import type { Batcher } from "../batcher.ts";
import type { Labels, Metrics } from "../core/metrics.ts";
import type { Models } from "../models.ts";
import { type Duration, FAILURE_REASONS, type ModelStatistics } from "./model-statistics.ts";

const US_PER_MS = 1000;

interface Total {
  readonly name: string;
  readonly help: string;
  readonly of: (statistics: ModelStatistics) => number;
}

const TOTALS: readonly Total[] = [
  {
    name: "nv_inference_request_success",
    help: "Requests answered, of however many rows.",
    of: ({ success }) => success.count,
  },
  { name: "nv_inference_count", help: "Rows answered.", of: ({ inferences }) => inferences },
  { name: "nv_inference_exec_count", help: "Batches answered.", of: ({ executions }) => executions },
  {
    name: "nv_inference_request_duration_us",
    help: "Arrival of requests to their answer, added up.",
    of: ({ success }) => toUs(success),
  },
  {
    name: "nv_inference_queue_duration_us",
    help: "Waits of requests for a worker, added up.",
    of: ({ queue }) => toUs(queue),
  },
  {
    name: "nv_inference_compute_input_duration_us",
    help: "Ways of requests to the worker and back, added up.",
    of: ({ computeInput }) => toUs(computeInput),
  },
  {
    name: "nv_inference_compute_infer_duration_us",
    help: "Times of requests in the model runtime, added up.",
    of: ({ computeInfer }) => toUs(computeInfer),
  },
  {
    name: "nv_inference_compute_output_duration_us",
    help: "Results of requests until they were answered, log included, added up.",
    of: ({ computeOutput }) => toUs(computeOutput),
  },
];

export function exposeTritonMetrics(metrics: Metrics, models: Pick<Models, "loaded">): void {
  metrics.onCollect(() => {
    for (const batcher of models.loaded()) expose(metrics, batcher);
  });
}

function expose(metrics: Metrics, batcher: Batcher): void {
  const { manifest, statistics } = batcher.model;
  const labels: Labels = { model: manifest.name, version: manifest.version };
  for (const { name, help, of } of TOTALS) metrics.total(name, help, labels).set(of(statistics));
  for (const reason of FAILURE_REASONS)
    metrics
      .total("nv_inference_request_failure", "Requests refused or failed, of however many rows.", {
        model: manifest.name,
        reason,
        version: manifest.version,
      })
      .set(statistics.failures[reason]);
  metrics
    .gauge("nv_inference_pending_request_count", "Rows accepted and not yet answered.", labels)
    .set(batcher.rowsPending);
}

function toUs({ ms }: Duration): number {
  return Math.round(ms * US_PER_MS);
}

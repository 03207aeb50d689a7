/** What a served version's statistics make of batches and failures, and how both are told. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Batcher } from "../../../../engine/batcher.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import { Metrics } from "../../../../engine/core/metrics.ts";
import type { Models } from "../../../../engine/models.ts";
import { ModelStatistics } from "../../../../engine/oip/model-statistics.ts";
import { modelStatistics } from "../../../../engine/oip/statistics.ts";
import { exposeTritonMetrics } from "../../../../engine/oip/triton-metrics.ts";
import { hasCode } from "../../../support/error-code.ts";
import { parseMetrics, sampleOf } from "../../../support/prometheus.ts";

/** Two requests, of three rows together, in a batch that took 2 ms on its way, 5 ms in the runtime, and 3 ms to be logged. */
const BATCH = { count: 3, startedMs: 110, finishedMs: 117, inferenceMs: 5, dateMs: 1_700_000_000_000 };
const ANSWERED = { rows: 3, requests: 2, waitedMs: 10 + 4 };
const NOW_MS = 120;

function counted(): ModelStatistics {
  const statistics = new ModelStatistics();
  statistics.answered(BATCH, ANSWERED, NOW_MS);
  statistics.answered({ ...BATCH, count: 1 }, { rows: 1, requests: 1, waitedMs: 0 }, NOW_MS);
  statistics.failed("QUEUE_FULL", 0, 3);
  statistics.failed("INFERENCE_FAILED", 1.5);
  statistics.failed("INVALID_FEATURES", 0.25);
  return statistics;
}

/** Of one model, `fraud`, that is served in two versions. */
function served(statistics: ModelStatistics, rowsPending = 0): Pick<Models, "loaded" | "route"> {
  const batcher = (version: string, own: ModelStatistics): Batcher =>
    ({ model: { manifest: { name: "fraud", version }, statistics: own }, rowsPending }) as unknown as Batcher;
  const [first, second] = [batcher("1.0.0", statistics), batcher("2.0.0", new ModelStatistics())];
  return {
    loaded: () => [first, second],
    route: (name, version) => {
      if (name === "fraud" && version === "production") return first;
      throw new EngineError("MODEL_NOT_FOUND", "there is none");
    },
  };
}

describe("the statistics of a model version", () => {
  it("add up what each request took, and each size of a batch for itself", () => {
    const [statistic] = modelStatistics(served(counted()), "fraud", "production").model_stats;
    assert.deepEqual(statistic, {
      name: "fraud",
      version: "1.0.0",
      last_inference: BATCH.dateMs,
      inference_count: 4,
      execution_count: 2,
      inference_stats: {
        success: { count: 3, ns: (14 + 2 * 10 + 10) * 1e6 },
        fail: { count: 5, ns: 1.75e6 },
        queue: { count: 3, ns: 14e6 },
        compute_input: { count: 3, ns: 6e6 },
        compute_infer: { count: 3, ns: 15e6 },
        compute_output: { count: 3, ns: 9e6 },
        cache_hit: { count: 0, ns: 0 },
        cache_miss: { count: 0, ns: 0 },
      },
      response_stats: {},
      batch_stats: [1, 3].map((size) => ({
        batch_size: size,
        compute_input: { count: 1, ns: 2e6 },
        compute_infer: { count: 1, ns: 5e6 },
        compute_output: { count: 1, ns: 3e6 },
      })),
      memory_usage: [],
    });
  });

  it("are told of all versions unless one is named", () => {
    const models = served(counted());
    const versions = (name?: string, version?: string): string[] =>
      modelStatistics(models, name, version).model_stats.map((one) => one.version);
    assert.deepEqual(versions(), ["1.0.0", "2.0.0"]);
    assert.deepEqual(versions("fraud"), ["1.0.0", "2.0.0"]);
    assert.deepEqual(versions("fraud", "production"), ["1.0.0"]);
    assert.throws(() => versions("other"), hasCode("MODEL_NOT_FOUND"));
    assert.throws(() => versions("fraud", "9.9.9"), hasCode("MODEL_NOT_FOUND"));
    assert.throws(() => versions(undefined, "1.0.0"), hasCode("INVALID_REQUEST"));
  });

  it("stand in the metrics under Triton's names, and go with the version", () => {
    const metrics = new Metrics();
    const statistics = counted();
    let models = served(statistics, 7);
    exposeTritonMetrics(metrics, { loaded: () => models.loaded() });
    const labels = { model: "fraud", version: "1.0.0" };
    const read = (name: string, more: Record<string, string> = {}): number =>
      sampleOf(parseMetrics(metrics.toText()), `nv_inference_${name}`, { ...labels, ...more });
    assert.equal(read("request_success"), 3);
    assert.equal(read("count"), 4);
    assert.equal(read("exec_count"), 2);
    assert.equal(read("request_duration_us"), 44_000);
    assert.equal(read("queue_duration_us"), 14_000);
    assert.equal(read("compute_input_duration_us"), 6_000);
    assert.equal(read("compute_infer_duration_us"), 15_000);
    assert.equal(read("compute_output_duration_us"), 9_000);
    assert.equal(read("pending_request_count"), 7);
    const reasons = ["REJECTED", "CANCELED", "BACKEND", "OTHER"].map((reason) =>
      read("request_failure", { reason }),
    );
    assert.deepEqual(reasons, [3, 0, 1, 1]);
    const text = metrics.toText();
    assert.match(text, /^nv_inference_count\{model="fraud",version="1\.0\.0"\} 4$/m);
    assert.match(text, /^nv_inference_request_failure\{model="fraud",reason="OTHER",version="1\.0\.0"\} 1$/m);
    assert.match(text, /^# TYPE nv_inference_request_success counter$/m);
    statistics.failed("INTERNAL", 1);
    assert.equal(read("request_failure", { reason: "OTHER" }), 2, "a total is set, not added to");
    models = { ...models, loaded: () => [] };
    metrics.drop(labels);
    assert.doesNotMatch(metrics.toText(), /version="1\.0\.0"/);
  });
});

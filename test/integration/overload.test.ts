/**
 * A whole engine at its limits: a full queue, deadlines that pass, and a worker thread that hangs.
 *
 * The model in production takes as long as the request says, in the real runtime.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Prediction } from "../../engine/core/prediction.ts";
import { checkErrorBody, errorOf, jsonOf } from "../support/answers.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { pushBody, untilServed } from "../support/model-requests.ts";
import { parseMetrics, type Sample, sampleOf } from "../support/prometheus.ts";
import { slowModel } from "../support/slow-model.ts";

const QUEUE_ROWS_MAX = 6;
const WORKER_TIMEOUT_MS = 2_000;
const LABELS = { model: "slow", version: "1.0.0" };
/** Far longer than the worker's time, and yet it ends: native code cannot be stopped, and would outlive the test. */
const HANG_MS = 3 * WORKER_TIMEOUT_MS;

describe("overload", () => {
  let engine: TestEngine;
  let stepsPerMs: number;
  before(async () => {
    engine = await startTestEngine({
      sample: false,
      env: {
        MILLRACE_QUEUE_ROWS_MAX: String(QUEUE_ROWS_MAX),
        MILLRACE_WORKER_TIMEOUT_MS: String(WORKER_TIMEOUT_MS),
        MILLRACE_WORKERS: "1",
      },
    });
  });
  after(async () => engine?.[Symbol.asyncDispose]());

  const predict = async (steps: number, more: Record<string, unknown> = {}): Promise<Response> =>
    engine.post("/predict", { features: { steps }, ...more });
  const metrics = async (): Promise<Sample[]> => parseMetrics(await (await engine.get("/metrics")).text());
  const computed = async (): Promise<number> => sampleOf(await metrics(), "engine_batch_rows_sum", LABELS);
  /** Keeps the one worker busy for about `ms`; resolves, with the answer to come, once it is. */
  const occupy = async (ms: number): Promise<{ answer: Promise<Response> }> => {
    const answer = predict(stepsPerMs * ms);
    await eventually("the row is accepted", async () => sampleOf(await metrics(), "engine_queue_rows") > 0);
    return { answer };
  };

  it("is alive but not ready before there is a model, and says so", async () => {
    assert.equal((await engine.get("/health")).status, 200);
    const ready = await engine.get("/ready");
    assert.equal(ready.status, 503);
    const refused = await predict(0);
    assert.equal(refused.headers.get("retry-after"), "1");
    await errorOf(refused, 503, "NOT_READY");
    assert.equal((await engine.post("/models", pushBody(slowModel(), "production"))).status, 201);
    await untilServed(engine, "slow", "1.0.0");
    await eventually("it is ready", async () => (await engine.get("/ready")).status === 200);
    await predict(1_000);
    const steps = 300_000;
    const startedMs = performance.now();
    assert.equal((await jsonOf<Prediction>(await predict(steps))).predicted_value, 2 * steps);
    stepsPerMs = steps / (performance.now() - startedMs);
  });

  it("answers 429 with Retry-After over the queue's limit, and takes rows again once there is room", async () => {
    const { answer } = await occupy(600);
    const rest = await Promise.all(Array.from({ length: 20 }, async () => predict(1)));
    const statuses = rest.map(({ status }) => status).sort((a, b) => a - b);
    assert.deepEqual(statuses, [
      ...Array.from({ length: QUEUE_ROWS_MAX - 1 }, () => 200),
      ...Array.from({ length: 21 - QUEUE_ROWS_MAX }, () => 429),
    ]);
    for (const response of rest) {
      if (response.status === 200) continue;
      assert.equal(response.headers.get("retry-after"), "1");
      await errorOf(response, 429, "QUEUE_FULL");
    }
    assert.equal((await answer).status, 200);
    assert.equal((await predict(1)).status, 200);
    assert.equal(sampleOf(await metrics(), "engine_queue_rows"), 0);
  });

  it("takes a batch whole or not at all, and tells one that can never fit apart", async () => {
    const batch = async (rows: number): Promise<Response> =>
      engine.post("/predict/batch", {
        instances: Array.from({ length: rows }, () => ({ features: { steps: 1 } })),
      });
    assert.equal((await batch(QUEUE_ROWS_MAX)).status, 200);
    const { answer } = await occupy(400);
    const refused = await batch(QUEUE_ROWS_MAX);
    assert.equal(refused.headers.get("retry-after"), "1");
    await errorOf(refused, 429, "QUEUE_FULL");
    assert.equal((await answer).status, 200);
    await errorOf(await batch(QUEUE_ROWS_MAX + 1), 413, "PAYLOAD_TOO_LARGE");
  });

  it("answers 504 when the deadline passes in the queue, and neither computes nor logs the row", async () => {
    const earlier = await computed();
    const { answer } = await occupy(600);
    const startedMs = performance.now();
    const late = await predict(1, { timeout_ms: 100, request_id: "late-1" });
    const waitedMs = performance.now() - startedMs;
    await errorOf(late, 504, "DEADLINE_EXCEEDED");
    assert.ok(waitedMs < 500, `it was answered at its deadline, not with its batch: ${waitedMs} ms`);
    assert.equal((await answer).status, 200);
    const tiny = await predict(1, { timeout_ms: 0.001, request_id: "late-2" });
    await errorOf(tiny, 504, "DEADLINE_EXCEEDED");
    await jsonOf<Prediction>(await predict(1, { request_id: "in-time" }));
    assert.equal(await computed(), earlier + 2);
    const stored = async (): Promise<string[]> => {
      const rows = await engine.sql<{ request_id: string }>(
        "SELECT request_id FROM millrace.predictions WHERE match(request_id, '^(late|in)-')",
      );
      return rows.map(({ request_id }) => request_id);
    };
    await eventually("the row in time is stored", async () => (await stored()).includes("in-time"), 15_000);
    assert.deepEqual(await stored(), ["in-time"]);
  });

  it("replaces a worker that hangs, and its rows get an error instead of silence", async () => {
    const hung = predict(stepsPerMs * HANG_MS, { request_id: "hung" });
    await eventually("it is accepted", async () => sampleOf(await metrics(), "engine_queue_rows") > 0);
    const behind = predict(1, { request_id: "behind", timeout_ms: 30_000 });
    await eventually("the worker is given up", async () => sampleOf(await metrics(), "engine_workers") === 0);
    const failed = await hung;
    assert.equal(failed.headers.get("retry-after"), "1");
    await errorOf(failed, 503, "WORKER_FAILED");
    assert.equal((await jsonOf<Prediction>(await behind)).request_id, "behind");
    assert.equal(sampleOf(await metrics(), "engine_workers"), 1);
    assert.equal((engine.stderr.match(/worker thread replaced/g) ?? []).length, 2, "each row has two tries");
    assert.equal(sampleOf(await metrics(), "engine_queue_rows"), 0);
  });

  it("answers a deadline that passes while the worker hangs, at the deadline", async () => {
    const response = await predict(stepsPerMs * HANG_MS, { timeout_ms: 300 });
    await errorOf(response, 504, "DEADLINE_EXCEEDED");
    assert.equal((await predict(1, { timeout_ms: 30_000 })).status, 200);
  });

  it("fails only the row that hangs of a batch, and answers its neighbours on a second try", async () => {
    const instances = [
      { features: { steps: stepsPerMs * HANG_MS } },
      { features: { steps: 1 } },
      { features: {} },
    ];
    const response = await engine.post("/predict/batch", { instances, timeout_ms: 30_000 });
    const { predictions } = await jsonOf<{ predictions: [unknown, Prediction, unknown] }>(response);
    assert.equal(checkErrorBody(predictions[0]).code, "WORKER_FAILED");
    assert.equal(predictions[1].predicted_value, 2);
    assert.equal(checkErrorBody(predictions[2]).code, "INVALID_FEATURES");
    assert.equal((await predict(1, { timeout_ms: 30_000 })).status, 200);
  });
});

/**
 * Training on a whole engine: what was served and labelled becomes a version that is judged, registered and watched.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jsonOf } from "../support/answers.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { endedJob, SERVED_ROWS, serveAndLabel, startJob } from "../support/training-jobs.ts";

let engine: TestEngine;
before(async () => {
  engine = await startTestEngine();
  await serveAndLabel(engine);
});
after(async () => engine?.[Symbol.asyncDispose]());

const start = async (spec: Record<string, unknown>) => startJob(engine, spec);
const ended = async (jobId: string) => endedJob(engine, jobId);

describe("a training job on an engine", () => {
  it("makes a version of what was served and labelled, with its reference and lineage", async () => {
    const jobId = await start({
      requested_by: "ann",
      model_type: "GRADIENT_BOOSTING",
      parameters: { n_estimators: 20 },
      data: { source: "labelled", window: "1d" },
      validation: { method: "holdout" },
      gate: { margin: 0.5, required: ["limits"] },
      deployment: { strategy: "none" },
    });
    const job = await ended(jobId);
    assert.deepEqual(
      [job.status, job.outcome, job.model_version],
      ["COMPLETED", "registered", "1.1.0"],
      JSON.stringify(job, null, 1),
    );
    assert.equal(job.requested_by, "ann");
    assert.equal(job.data?.["rows"], SERVED_ROWS);
    await eventually("the audit log says who asked for it", async () => {
      const rows = await engine.sql<{ reason: string }>(
        "SELECT reason FROM millrace.audit_log WHERE requested_by = 'trainer'",
      );
      return rows.some(({ reason }) => reason === `training job ${jobId}, for manual, by ann`);
    });
    const { source } = await jsonOf<{ source: { kind: string } }>(
      await engine.get("/models/card-fraud/versions/1.1.0/reference"),
    );
    assert.equal(source.kind, "training");
  });

  it("is refused at once, field by field, when its type cannot do what is asked for", async () => {
    const parameters = { learning_rate: -1, trees: 10 };
    const wrong = { model_name: "card-fraud", mode: "TRANSFER_LEARNING", parameters };
    const answer = await engine.post("/api/v1/training/start", wrong);
    assert.equal(answer.status, 400);
    const text = JSON.stringify(await jsonOf(answer));
    for (const field of ["mode", "parameters.learning_rate", "parameters.trees"])
      assert.ok(text.includes(`"field":"${field}"`), text);
  });

  it("searches for hyperparameters on folds, and says what each trial gave", async () => {
    const jobId = await start({
      model_type: "LINEAR",
      search: {
        method: "tpe",
        trials_max: 4,
        space: { C: { type: "float", low: 0.01, high: 10, log: true } },
      },
      validation: { method: "k_fold", folds: 2 },
      gate: { margin: 0.5, required: ["limits"] },
      deployment: { strategy: "direct" },
    });
    const job = await ended(jobId);
    assert.deepEqual([job.status, job.outcome], ["COMPLETED", "deployed"], JSON.stringify(job, null, 1));
    assert.deepEqual(
      job.trials.map(({ trial, state, values_per_fold }) => [trial, state, values_per_fold.length]),
      [0, 1, 2, 3].map((trial) => [trial, "COMPLETE", 2]),
    );
    await eventually("the trials are in ClickHouse", async () => {
      const query = "SELECT count() AS trials FROM millrace.trials WHERE job_id = {jobId:UUID}";
      const [kept] = await engine.sql<{ trials: string }>(query, { jobId });
      return Number(kept?.trials) === 4;
    });
    const model = await jsonOf<{ aliases: Record<string, { version: string }> }>(
      await engine.get("/models/card-fraud"),
    );
    assert.equal(
      JSON.stringify(model.aliases).includes(String(job.model_version)),
      true,
      JSON.stringify(model),
    );
  });

  it("is rejected with reasons when the new model is worse, and changes nothing", async () => {
    const jobId = await start({
      model_type: "GRADIENT_BOOSTING",
      parameters: { n_estimators: 1, num_leaves: 2, learning_rate: 0.01 },
      validation: { method: "holdout" },
      gate: { margin: 0 },
    });
    const job = await ended(jobId);
    assert.deepEqual([job.status, job.outcome, job.model_version], ["COMPLETED", "rejected", null]);
    const { reasons } = job.gate as { readonly reasons: readonly string[] };
    assert.ok(reasons.length > 0, JSON.stringify(job.gate));
  });

  it("fails with the field's name and a remedy when nothing can be learned", async () => {
    const job = await ended(
      await start({ data: { source: "labelled", from: "2020-01-01T00:00:00Z", to: "2020-02-01T00:00:00Z" } }),
    );
    assert.deepEqual([job.status, job.error?.code], ["FAILED", "INVALID_REQUEST"]);
    assert.match(job.error?.message ?? "", /there is nothing to train on: card-fraud/);
  });

  it("trains the first version of a model from a query, as an analyst may ask it", async () => {
    const sql = `SELECT number % 97 AS amount, number % 7 AS hour, if(number % 97 > 60 OR number % 5 = 0, 'yes', 'no') AS outcome
      FROM numbers(3000)`;
    const spec = {
      model_name: "from-query",
      parameters: { n_estimators: 20 },
      data: { source: "query", sql, label_column: "outcome" },
      validation: { method: "holdout" },
    };
    const job = await ended(await start(spec));
    assert.deepEqual(
      [job.status, job.outcome, job.model_version],
      ["COMPLETED", "deployed", "1.0.0"],
      JSON.stringify(job, null, 1),
    );
    const features = { amount: 90, hour: 3 };
    const predicted = await eventually("it serves", async () => {
      const answer = await engine.post("/predict", { model: "from-query", features });
      return answer.status === 200 && (await jsonOf<{ predicted_class: string }>(answer));
    });
    assert.equal(predicted.predicted_class, "yes");
    const forbidden = {
      ...spec.data,
      sql: "SELECT file('/etc/hostname') AS amount, 'no' AS outcome FROM numbers(3000)",
    };
    const refused = await ended(await start({ ...spec, data: forbidden }));
    assert.equal(refused.status, "FAILED");
  });
});

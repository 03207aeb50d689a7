/**
 * External trainers and a whole engine: a job whose fit is elsewhere ends as any other, is called off within seconds, and begins again after
 * the engine's death; and the trainer of examples/python-trainer, with whatever Python TEST_PYTHON names.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { TrainingJob } from "../../engine/core/training-job.ts";
import { createCardFraudGenerator } from "../../engine/sample/card-fraud.ts";
import { linearTrainer } from "../../workers/train/linear/linear-trainer.ts";
import { jsonOf } from "../support/answers.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { FitTrainer, type HeldFit } from "../support/fit-trainer.ts";
import { PROJECT } from "../support/model-folder.ts";

const ROWS = 4_000;
const AT_ONCE = 1_000;
const PYTHON = process.env["TEST_PYTHON"];
const FOLDER = join(PROJECT, "examples", "python-trainer");
const GATE = { margin: 0.5, required: ["limits"] };

let engine: TestEngine;
before(async () => {
  engine = await startTestEngine();
  await serveAndLabel();
});
after(async () => engine?.[Symbol.asyncDispose]());

async function serveAndLabel(): Promise<void> {
  const generator = createCardFraudGenerator(7);
  for (let row = 0; row < ROWS; row += AT_ONCE) {
    const payments = Array.from({ length: AT_ONCE }, () => generator.next());
    const instances = payments.map(({ transaction_id, card_id, features }) => ({
      request_id: transaction_id,
      entity_id: card_id,
      features,
    }));
    assert.equal((await engine.post("/predict/batch", { instances })).status, 200);
    const labels = payments.map(({ transaction_id, label }) => ({ request_id: transaction_id, label }));
    assert.equal((await engine.post("/labels", { model_name: "card-fraud", labels })).status, 202);
  }
  const query =
    "SELECT least((SELECT count() FROM millrace.labels), (SELECT count() FROM millrace.predictions)) AS n";
  await eventually(
    "all labels are stored",
    async () => Number((await engine.sql<{ n: string }>(query))[0]?.n) >= ROWS,
    60_000,
  );
}

async function start(spec: Record<string, unknown>): Promise<string> {
  const answer = await engine.post("/api/v1/training/start", {
    model_name: "card-fraud",
    data: { source: "labelled", window: "1d" },
    validation: { method: "holdout" },
    gate: GATE,
    deployment: { strategy: "none" },
    ...spec,
  });
  assert.equal(answer.status, 202);
  return (await jsonOf<{ readonly job_id: string }>(answer)).job_id;
}

async function ended(jobId: string): Promise<TrainingJob> {
  return eventually(
    "the job has ended",
    async () => {
      const job = await jsonOf<TrainingJob>(await engine.get(`/api/v1/training/${jobId}/status`));
      return job.status !== "QUEUED" && job.status !== "RUNNING" && job;
    },
    120_000,
  );
}

async function answerWell(fit: HeldFit): Promise<void> {
  const { task } = fit.task;
  const training = await fit.rows();
  const columns = training.columns.map(({ name, values }) => ({ name, values }));
  const parameters = linearTrainer.parameters.parse({});
  const model = await linearTrainer.train({ task, training: { ...training, columns }, parameters, seed: 0 });
  await fit.done(await model.export());
}

describe("a job for an external trainer", () => {
  it("ends with a registered version, judged like any other", async () => {
    const trainer = await FitTrainer.start(engine.natsUrl, "millrace");
    const jobId = await start({ model_type: "XGBOOST", parameters: { max_depth: 3 } });
    const fit = await trainer.next();
    assert.deepEqual(
      [fit.task.job_id, fit.task.model_name, fit.task.parameters],
      [jobId, "card-fraud", { max_depth: 3 }],
    );
    await fit.progress({ validation_losses: [0.4] });
    await answerWell(fit);
    await trainer.vanish();
    const job = await ended(jobId);
    assert.deepEqual([job.status, job.outcome], ["COMPLETED", "registered"], JSON.stringify(job, null, 1));
  });

  it("that is cancelled is no longer wanted of the trainer that works on it", async () => {
    const trainer = await FitTrainer.start(engine.natsUrl, "millrace");
    const jobId = await start({ model_type: "XGBOOST" });
    const fit = await trainer.next();
    await fit.progress();
    assert.equal((await engine.post(`/api/v1/training/${jobId}/cancel`, {})).status, 200);
    assert.equal((await ended(jobId)).status, "CANCELLED");
    await eventually("nothing is wanted", async () => (await fit.wanted()) === "nothing", 15_000);
    await fit.message.ackAck();
    await trainer.vanish();
  });

  it("goes on after the engine was killed: a new fit, and nobody wants the old one", async () => {
    const jobId = await start({ model_type: "XGBOOST" });
    const before = await FitTrainer.start(engine.natsUrl, "millrace");
    const old = await before.next();
    await old.progress();
    await engine.kill9();
    await before.vanish();
    await engine.start();
    const trainer = await FitTrainer.start(engine.natsUrl, "millrace");
    const fit = await eventually(
      "a new fit comes",
      async () => {
        const held = await trainer.next();
        if (held.task.fit_id !== old.task.fit_id) return held;
        assert.equal(held.name, old.name);
        await held.message.ackAck();
        return undefined;
      },
      90_000,
    );
    assert.equal(fit.task.job_id, jobId);
    await answerWell(fit);
    await trainer.vanish();
    const job = await ended(jobId);
    assert.deepEqual([job.status, job.attempt], ["COMPLETED", 2], JSON.stringify(job, null, 1));
  });
});

describe("the Python trainer", {
  skip: PYTHON === undefined && "TEST_PYTHON names no Python with examples/python-trainer",
}, () => {
  let trainer: ChildProcess;
  let printed = "";
  before(() => {
    const env = { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1" };
    const args = [join(FOLDER, "trainer.py"), "--nats", engine.natsUrl];
    trainer = spawn(PYTHON ?? "", args, { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [trainer.stdout, trainer.stderr])
      stream?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  });
  after(() => trainer?.kill("SIGKILL"));

  for (const [model_type, parameters] of [
    ["XGBOOST", { n_estimators: 40, max_depth: 4, early_stopping_rounds: 5 }],
    ["LIGHTGBM", { n_estimators: 40, num_leaves: 15, early_stopping_rounds: 5 }],
    ["SCIKIT_LEARN", { estimator: "ExtraTreesClassifier", n_estimators: 20 }],
  ] as const)
    it(`trains ${model_type} for the engine`, async () => {
      const job = await ended(await start({ model_type, parameters }));
      assert.deepEqual(
        [job.status, job.outcome],
        ["COMPLETED", "registered"],
        `${JSON.stringify(job, null, 1)}\n${printed}`,
      );
      if (model_type !== "SCIKIT_LEARN")
        assert.ok(job.logs.some(({ message }) => /iteration \d+ of 40, validation loss/.test(message)));
    });

  it("trains the trials of a search", async () => {
    const space = { learning_rate: { type: "float", low: 0.02, high: 0.3, log: true } };
    const search = { method: "random", trials_max: 3, space };
    const job = await ended(
      await start({ model_type: "LIGHTGBM", parameters: { n_estimators: 20 }, search }),
    );
    assert.deepEqual(
      [job.status, job.trials.map(({ state }) => state)],
      ["COMPLETED", ["COMPLETE", "COMPLETE", "COMPLETE"]],
      `${JSON.stringify(job, null, 1)}\n${printed}`,
    );
  });

  it("says why it fails", async () => {
    const job = await ended(
      await start({ model_type: "XGBOOST", parameters: { max_depth: -3, eta: "high" } }),
    );
    assert.deepEqual([job.status, job.error?.code], ["FAILED", "TRAINING_FAILED"]);
    assert.match(job.error?.message ?? "", /the external trainer of XGBOOST failed: XGBoostError/);
  });

  it("exports what the libraries predict", () => {
    const env = { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1" };
    const tests = spawnSync(PYTHON ?? "", ["test_models.py"], { cwd: FOLDER, env, encoding: "utf8" });
    assert.equal(tests.status, 0, tests.stderr);
  });
});

/**
 * External trainers and a whole engine: a job whose fit is elsewhere ends as any other, is called off within seconds, and begins again after
 * the engine's death; and the trainer of examples/python-trainer, with whatever Python TEST_PYTHON names.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { linearTrainer } from "../../workers/train/linear/linear-trainer.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { FitTrainer, type HeldFit } from "../support/fit-trainer.ts";
import { PROJECT } from "../support/model-folder.ts";
import { endedJob, serveAndLabel, startJob } from "../support/training-jobs.ts";

const PYTHON = process.env["TEST_PYTHON"];
const FOLDER = join(PROJECT, "examples", "python-trainer");
const GATE = { margin: 0.5, required: ["limits"] };

let engine: TestEngine;
before(async () => {
  engine = await startTestEngine();
  await serveAndLabel(engine);
});
after(async () => engine?.[Symbol.asyncDispose]());

const start = async (spec: Record<string, unknown>) =>
  startJob(engine, {
    data: { source: "labelled", window: "1d" },
    validation: { method: "holdout" },
    gate: GATE,
    deployment: { strategy: "none" },
    ...spec,
  });
const ended = async (jobId: string) => endedJob(engine, jobId);

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

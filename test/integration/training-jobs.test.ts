/**
 * Trainers and their jobs on a real nats-server: once, to the end, whoever dies, calls off or fails in between.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../../engine/core/errors.ts";
import type { TrainingJob, TrainingTrial } from "../../engine/core/training-job.ts";
import type { JobRunnerOptions } from "../../engine/train/job-runner.ts";
import type { Train } from "../../engine/train/training-task.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { MODEL } from "../support/retrain.ts";
import { RESULT, TestTrainer } from "../support/training.ts";

let nats: TestNats;
const trainers: TestTrainer[] = [];
before(async () => {
  nats = await startTestNats();
});
after(async () => {
  await Promise.allSettled(trainers.map(async (trainer) => trainer.stop()));
  await nats[Symbol.asyncDispose]();
});

async function start(name: string, options: Partial<JobRunnerOptions> = {}): Promise<TestTrainer> {
  const trainer = await TestTrainer.start(nats.url, name, options);
  trainers.push(trainer);
  return trainer;
}

async function request({ engine }: TestTrainer, model = MODEL): Promise<string> {
  const { job } = await engine.triggers.request(model, { requestedBy: "test" }, Date.now());
  return job?.job_id ?? "";
}

async function untilTold(trainer: TestTrainer, jobId: string): Promise<TrainingJob> {
  return eventually("told", () => trainer.told.find(({ job_id }) => job_id === jobId), 30_000);
}

async function waiting({ engine }: TestTrainer): Promise<number> {
  return (await engine.manager.streams.info(engine.topology.retrainStream)).state.messages;
}

/** Trains until it is told not to. */
const forEver: Train = async (_task, _onNews, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));

describe("a training job", () => {
  it("runs once, says what it does, ends in its record and leaves the queue", async () => {
    const trainer = await start("once", {
      train: async (_task, onNews) => {
        onNews({ kind: "progress", stage: "TRAINING", share: 0.5 });
        onNews({ kind: "log", level: "info", message: "half of it" });
        return RESULT;
      },
    });
    const jobId = await request(trainer);
    const job = await untilTold(trainer, jobId);
    assert.deepEqual(
      [job.status, job.outcome, job.model_version, job.progress, job.attempt],
      ["COMPLETED", "registered", "1.1.0", 100, 1],
    );
    assert.equal(job.logs[0]?.message, "half of it");
    assert.deepEqual(await trainer.documents.job(jobId), job);
    assert.equal((await trainer.engine.store.read(MODEL)).job?.state, "succeeded");
    await eventually("an empty queue", async () => (await waiting(trainer)) === 0);
    assert.deepEqual(trainer.concluded, ["1.1.0"]);
  });

  it("whose model does not pass the gate is rejected, and nothing is registered", async () => {
    const trainer = await start("rejected", { train: async () => ({ ...RESULT, isPassed: false }) });
    const job = await untilTold(trainer, await request(trainer));
    assert.deepEqual([job.status, job.outcome, job.model_version], ["COMPLETED", "rejected", null]);
    assert.deepEqual(trainer.concluded, []);
  });

  it("that is one of many runs once each with two trainers at work", async () => {
    const started: string[] = [];
    const train: Train = async ({ request: { job_id } }) => {
      started.push(job_id);
      return RESULT;
    };
    const one = await start("many", { train });
    const other = await start("many", { train });
    const jobIds = await Promise.all(
      Array.from({ length: 12 }, async (_, at) => request(one, `model-${at}`)),
    );
    await eventually("all told", () => one.told.length + other.told.length >= 12, 60_000);
    assert.deepEqual(started.toSorted(), jobIds.toSorted());
  });

  it("that is cancelled while it runs stops within seconds", async () => {
    const trainer = await start("cancelled", { train: forEver });
    const jobId = await request(trainer);
    await eventually("running", async () => (await trainer.documents.job(jobId))?.status === "RUNNING");
    await trainer.engine.triggers.cancel(MODEL, "not now", Date.now(), jobId);
    const job = await untilTold(trainer, jobId);
    assert.deepEqual([job.status, job.model_version], ["CANCELLED", null]);
    assert.equal((await trainer.engine.store.read(MODEL)).job?.state, "cancelled");
    await eventually("an empty queue", async () => (await waiting(trainer)) === 0);
  });

  it("that is cancelled between training and registration registers nothing", async () => {
    let trainer: TestTrainer | undefined;
    const train: Train = async (_task, _onNews, signal) => {
      await trainer?.engine.triggers.cancel(MODEL, undefined, Date.now());
      await eventually("noticed", () => signal.aborted, 30_000);
      return RESULT;
    };
    trainer = await start("late-cancel", { train });
    const job = await untilTold(trainer, await request(trainer));
    assert.equal(job.status, "CANCELLED");
    assert.deepEqual(trainer.concluded, []);
  });

  it("that was cancelled before a trainer took it is told as cancelled", async () => {
    const engine = await start("early", { reader: { next: async () => delay(100, undefined) } });
    const jobId = await request(engine);
    await engine.engine.triggers.cancel(MODEL, undefined, Date.now());
    const trainer = await start("early");
    assert.equal((await untilTold(trainer, jobId)).status, "CANCELLED");
    assert.deepEqual(trainer.concluded, []);
  });

  it("goes to another when its trainer dies, with the trials that had ended", async () => {
    const trial: TrainingTrial = {
      trial: 0,
      parameters: { C: 1 },
      state: "COMPLETE",
      value: 0.8,
      values_per_fold: [],
      losses: [],
      duration_ms: 5,
    };
    const first = await start("taken-over", {
      train: async (task, onNews, signal) => {
        onNews({ kind: "trial", trial });
        return forEver(task, onNews, signal);
      },
    });
    const jobId = await request(first);
    await eventually("a trial", async () => (await first.documents.job(jobId))?.trials.length === 1);
    await first.vanish();
    let trials: unknown;
    const second = await start("taken-over", {
      train: async (task) => {
        trials = task.trials;
        return RESULT;
      },
    });
    const job = await untilTold(second, jobId);
    assert.deepEqual([job.status, job.attempt], ["COMPLETED", 2]);
    assert.deepEqual(trials, [trial]);
  });

  it("that another trainer took over is no longer changed by the first", async () => {
    const first = await start("frozen", { train: forEver });
    const jobId = await request(first);
    await eventually("running", async () => (await first.documents.job(jobId))?.status === "RUNNING");
    const taken = await first.engine.store.startJob(MODEL, jobId, Date.now());
    assert.deepEqual(taken, { isAccepted: true, attempt: 2 });
    const document = await first.documents.job(jobId);
    assert.ok(document);
    await first.documents.write({ ...document, attempt: 2, progress: 42 });
    await eventually("an empty queue", async () => (await waiting(first)) === 0, 30_000);
    assert.deepEqual(first.told, []);
    assert.equal((await first.documents.job(jobId))?.progress, 42);
  });

  it("that cannot be carried out now is tried again, and one that never can fails with its reason", async () => {
    let attempts = 0;
    const trainer = await start("again", {
      train: async () => {
        attempts += 1;
        if (attempts === 1) throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse is away");
        const details = [{ field: "data.label_column", message: "is no column" }];
        throw new EngineError("INVALID_REQUEST", "no such column", { details });
      },
    });
    const job = await untilTold(trainer, await request(trainer));
    assert.deepEqual([job.status, job.attempt, job.error?.code], ["FAILED", 2, "INVALID_REQUEST"]);
    assert.equal(job.error?.details[0]?.field, "data.label_column");
    assert.match(job.logs.map(({ message }) => message).join("\n"), /ClickHouse is away/);
    assert.equal((await trainer.engine.store.read(MODEL)).job?.state, "failed");
  });

  it("whose end could not be told is told later, and not done again", async () => {
    let calls = 0;
    const told: TrainingJob[] = [];
    const trainer = await start("telling", {
      tell: async (job) => {
        calls += 1;
        if (calls === 1) throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse is away");
        told.push(job);
      },
    });
    const jobId = await request(trainer);
    await eventually("told", () => told.length === 1, 30_000);
    assert.equal(told[0]?.job_id, jobId);
    assert.deepEqual(trainer.concluded, ["1.1.0"]);
  });
});

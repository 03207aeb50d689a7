/**
 * Trainers and their jobs on a real nats-server: once, to the end, whoever dies, calls off or fails in between.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";
import { createDeferred } from "../../engine/core/deferred.ts";
import { EngineError } from "../../engine/core/errors.ts";
import type { TrainingJob, TrainingTrial } from "../../engine/core/training-job.ts";
import type { JobRunnerOptions } from "../../engine/train/job-runner.ts";
import type { Train } from "../../engine/train/training-task.ts";
import { type HeldJob, type JobReader, TRAINERS_CONSUMER } from "../../streams/job-reader.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { MODEL, RetrainEngine } from "../support/retrain.ts";
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

/** Holds jobs as a trainer does that is frozen: the server hears of none until it is settled. */
async function frozenReader(
  { client, manager, topology }: RetrainEngine,
  settled: string[],
): Promise<Pick<JobReader, "next">> {
  await manager.consumers.add(topology.retrainStream, {
    durable_name: TRAINERS_CONSUMER,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: 2_000_000_000,
    max_ack_pending: 64,
  });
  const consumer = await client.consumers.get(topology.retrainStream, TRAINERS_CONSUMER);
  let isFirst = true;
  const next = async (): Promise<HeldJob | undefined> => {
    const message = isFirst ? await consumer.next({ expires: 1_000 }) : await delay(100, null);
    if (message === null) return undefined;
    isFirst = false;
    return {
      model: MODEL,
      data: message.data,
      deliveries: message.info.deliveryCount,
      done: async () => {
        settled.push("done");
        await message.ackAck();
      },
      later: (delayMs) => {
        settled.push("later");
        message.nak(delayMs);
      },
      leave: () => void settled.push("left"),
    };
  };
  return { next };
}

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

  it("that another trainer took over is left to it by the first, message and all", async (t) => {
    const settled: string[] = [];
    const frozen = await RetrainEngine.open(nats.url, "frozen");
    t.after(async () => frozen.close());
    const first = await start("frozen", { train: forEver, reader: await frozenReader(frozen, settled) });
    const jobId = await request(first);
    await eventually("running", async () => (await first.documents.job(jobId))?.attempt === 1);
    const second = await start("frozen", {
      train: async (task, onNews, signal) => {
        onNews({ kind: "progress", stage: "TRAINING", share: 0 });
        return forEver(task, onNews, signal);
      },
    });
    const document = await eventually(
      "taken over",
      async () => {
        const found = await second.documents.job(jobId);
        return found?.attempt === 2 && found.stage === "TRAINING" && found; // its last news
      },
      30_000,
    );
    await eventually("dropped by the first", () => settled.length > 0, 30_000);
    assert.deepEqual([settled, first.told], [["left"], []]);
    assert.deepEqual(await second.documents.job(jobId), document);
    await second.vanish();
    const third = await start("frozen");
    assert.equal((await untilTold(third, jobId)).attempt, 3);
    await eventually("an empty queue", async () => (await waiting(third)) === 0, 30_000);
  });

  it("whose trainer dies after it was registered is only deployed by the next", async () => {
    const deploying = createDeferred<void>();
    const dying = createDeferred<"deployed">();
    const first = await start("deploying", {
      deploy: async () => {
        deploying.resolve();
        return dying.promise;
      },
    });
    const jobId = await request(first);
    await deploying.promise;
    await first.vanish();
    dying.reject(new Error("gone"));
    const deployed: string[] = [];
    const second = await start("deploying", {
      deploy: async (_task, version) => {
        deployed.push(version);
        return "deployed";
      },
    });
    const job = await untilTold(second, jobId);
    assert.deepEqual([job.status, job.attempt, job.metrics], ["COMPLETED", 2, RESULT.metrics]);
    assert.deepEqual([first.concluded, second.concluded, deployed], [["1.1.0"], [], ["1.1.0"]]);
  });

  it("that is cancelled as its training ends registers nothing", async () => {
    let trainer: TestTrainer | undefined;
    const train: Train = async () => {
      await trainer?.engine.triggers.cancel(MODEL, undefined, Date.now());
      return RESULT;
    };
    trainer = await start("cancelled-at-once", { train });
    const job = await untilTold(trainer, await request(trainer));
    assert.deepEqual([job.status, job.model_version], ["CANCELLED", null]);
    assert.deepEqual(trainer.concluded, []);
  });

  it("that is cancelled while its version is registered is not deployed", async () => {
    let trainer: TestTrainer | undefined;
    const deployed: string[] = [];
    trainer = await start("cancelled-registering", {
      register: async () => {
        await trainer?.engine.triggers.cancel(MODEL, undefined, Date.now());
      },
      deploy: async (_task, version) => {
        deployed.push(version);
        return "deployed";
      },
    });
    const job = await untilTold(trainer, await request(trainer));
    assert.deepEqual([job.status, job.model_version, job.outcome], ["CANCELLED", "1.1.0", null]);
    assert.deepEqual(deployed, []);
  });

  for (const isFollowed of [false, true])
    it(`that is cancelled too late${isFollowed ? ", and followed at once," : ""} ends as cancelled, and says what it has done`, async () => {
      let trainer: TestTrainer | undefined;
      const deployed: string[] = [];
      trainer = await start(`cancelled-late-${isFollowed}`, {
        deploy: async ({ request: { job_id } }) => {
          deployed.push(job_id);
          await trainer?.engine.triggers.cancel(MODEL, undefined, Date.now());
          if (isFollowed && deployed.length === 1) await request(trainer as TestTrainer);
          return "deployed";
        },
      });
      const jobId = await request(trainer);
      const job = await untilTold(trainer, jobId);
      assert.deepEqual([job.status, job.model_version, job.outcome], ["CANCELLED", "1.1.0", "deployed"]);
      assert.deepEqual(await trainer.documents.job(jobId), job);
      await eventually("all have ended", () => trainer?.told.length === (isFollowed ? 2 : 1));
      assert.equal((await trainer.engine.store.read(MODEL)).job?.state, "cancelled");
    });

  it("that was cancelled and followed by another at once ends as cancelled", async () => {
    const trainer = await start("followed", {
      train: forEver,
    });
    const jobId = await request(trainer);
    await eventually("running", async () => (await trainer.documents.job(jobId))?.status === "RUNNING");
    await trainer.engine.triggers.cancel(MODEL, undefined, Date.now(), jobId);
    const nextId = await request(trainer);
    const job = await untilTold(trainer, jobId);
    assert.deepEqual([job.status, job.error], ["CANCELLED", null]);
    await eventually(
      "the next one runs",
      async () => (await trainer.documents.job(nextId))?.status === "RUNNING",
    );
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

  it("that is held while NATS is away is done once", async () => {
    const held = createDeferred<void>();
    const options: Partial<JobRunnerOptions> = {
      train: async () => {
        await held.promise;
        return RESULT;
      },
    };
    const both = [await start("away", options), await start("away", options)] as const;
    const jobId = await request(both[0]);
    await eventually("running", async () => (await both[0].documents.job(jobId))?.status === "RUNNING");
    await nats.kill9();
    held.resolve();
    const told = (): TrainingJob[] => both.flatMap((trainer) => trainer.told);
    await eventually("told", () => told().length > 0, 30_000);
    await eventually("an empty queue", async () => (await waiting(both[0])) === 0, 30_000);
    assert.deepEqual(
      told().map(({ status, outcome }) => [status, outcome]),
      [["COMPLETED", "registered"]],
    );
    assert.equal((await both[0].engine.store.read(MODEL)).job?.state, "succeeded");
  });
});

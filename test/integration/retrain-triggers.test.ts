/**
 * Retraining requests on a real nats-server: one message whatever is repeated, done at once, or dies in between.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Kvm } from "@nats-io/kv";
import { createDeferred } from "../../engine/core/deferred.ts";
import type { Proposal } from "../../engine/retraining/retrain-proposal.ts";
import { JobStore } from "../../storage/job-store.ts";
import { eventually } from "../support/eventually.ts";
import {
  driftAt,
  MINUTE_MS,
  MODEL,
  NOON_MS,
  type RetrainEngine,
  RetrainEngines,
} from "../support/retrain.ts";

const REPETITIONS = 10_000;
const AT_ONCE = 200;

let engines: RetrainEngines;
before(async () => {
  engines = await RetrainEngines.start();
});
after(async () => engines[Symbol.asyncDispose]());
const open = async (name: string): Promise<RetrainEngine> => engines.open(name);

describe("a finding", () => {
  it(`that comes ${REPETITIONS} times from two monitors at once makes one job`, async () => {
    const [one, other] = [await open("many"), await open("many")];
    const counts: Record<string, number> = {};
    const proposeAll = async ({ triggers }: RetrainEngine): Promise<void> => {
      for (let first = 0; first < REPETITIONS / 2; first += AT_ONCE) {
        const decisions = await Promise.all(
          Array.from({ length: AT_ONCE }, () => triggers.propose(MODEL, [driftAt()], [], NOON_MS)),
        );
        for (const { outcome } of decisions) counts[outcome] = (counts[outcome] ?? 0) + 1;
        await triggers.round(NOON_MS);
      }
    };
    await Promise.all([proposeAll(one), proposeAll(other)]);
    assert.deepEqual(counts, { requested: 1, duplicate: REPETITIONS - 1 });
    const taken = await one.take(MODEL);
    assert.equal(taken.length, 1);
    assert.equal(await one.published(), 1);
    assert.deepEqual(await one.events("retraining_requested"), [taken[0]?.request]);
    assert.deepEqual(await one.events("retraining_refused"), []);
  });

  it("of each of many monitors at once makes one job, and the others hear of the job in flight", async () => {
    const [one, other] = [await open("crowd"), await open("crowd")];
    const decisions = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? one : other).triggers.propose(
          MODEL,
          [driftAt(NOON_MS + index * MINUTE_MS)],
          [],
          NOON_MS,
        ),
      ),
    );
    const outcomes = decisions.map(({ outcome }) => outcome).toSorted();
    assert.deepEqual(outcomes, [...Array.from({ length: 49 }, () => "in_flight"), "requested"]);
    assert.equal(await one.published(), 1);
    assert.equal((await one.events("retraining_refused")).length, 1);
  });

  it("of many models at once makes a job each", async () => {
    const engine = await open("models");
    const models = Array.from({ length: 30 }, (_, index) => `model-${index}`);
    await Promise.all(models.map((model) => engine.triggers.propose(model, [driftAt()], [], NOON_MS)));
    assert.equal(await engine.published(), models.length);
    for (const model of models.slice(0, 3)) assert.equal((await engine.take(model)).length, 1);
  });
});

/** Every call that an engine makes to decide and publish; `die` is asked before and after each. */
function dyingTriggers(engine: RetrainEngine, die: (step: string) => void) {
  const wrap = <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      die(`before ${name}`);
      const result = await call(...args);
      die(`after ${name}`);
      return result;
    };
  };
  const { store, queue } = engine;
  return engine.triggersWith({
    store: {
      read: wrap("read", (model) => store.read(model)),
      change: (model, change) => wrap("change", () => store.change(model, change))(),
      models: async () => store.models(),
    },
    queue: {
      lastSeq: wrap("lastSeq", () => queue.lastSeq()),
      holds: wrap("holds", (model, jobId) => queue.holds(model, jobId)),
      publish: wrap("publish", (...args: Parameters<typeof queue.publish>) => queue.publish(...args)),
      publishEvent: wrap("publishEvent", (...args: Parameters<typeof queue.publishEvent>) =>
        queue.publishEvent(...args),
      ),
    },
  });
}

describe("an engine that dies", () => {
  it("between any two steps leaves one job, which the next engine publishes", async () => {
    const engine = await open("dying");
    const steps: string[] = [];
    for (let deadline = 1; ; deadline++) {
      const model = `model-${deadline}`;
      let step = 0;
      let diedAt: string | undefined;
      const dying = dyingTriggers(engine, (name) => {
        if (++step < deadline) return;
        diedAt ??= name;
        throw new Error("the process is gone");
      });
      await dying.propose(model, [driftAt()], [], NOON_MS).catch(() => undefined);
      const isDecided = (await engine.store.read(model)).job !== null;
      await engine.triggers.round(NOON_MS + MINUTE_MS);
      assert.equal(await engine.published(), isDecided ? deadline : deadline - 1, diedAt);
      const { outcome } = await engine.triggers.propose(model, [driftAt()], [], NOON_MS + 2 * MINUTE_MS);
      assert.equal(outcome, isDecided ? "duplicate" : "requested", diedAt);
      const record = await engine.store.read(model);
      assert.equal(record.job?.state, "requested");
      assert.equal(record.job.unpublished, undefined, diedAt);
      assert.deepEqual(record.events, [], diedAt);
      assert.equal(await engine.published(), deadline, `one message a model, ${diedAt}`);
      assert.equal(await engine.queue.holds(model, record.job.job_id), true, diedAt);
      if (diedAt === undefined) break;
      steps.push(diedAt);
    }
    assert.deepEqual(
      [...new Set(steps)].toSorted(),
      ["change", "holds", "lastSeq", "publish", "publishEvent", "read"]
        .flatMap((name) => [`after ${name}`, `before ${name}`])
        .toSorted(),
    );
    assert.equal((await engine.events("retraining_requested")).length, steps.length + 1);
  });

  it("or stalls until the job is done and its message id forgotten publishes nothing more", async () => {
    const [stalled, other] = [await open("stalled"), await open("stalled")];
    const stream = stalled.topology.retrainStream;
    const windowMs = 100;
    await stalled.manager.streams.update(stream, { duplicate_window: windowMs * 1_000_000 });
    const reached = createDeferred<void>();
    const resumed = createDeferred<void>();
    const { queue } = stalled;
    const triggers = stalled.triggersWith({
      queue: {
        lastSeq: async () => queue.lastSeq(),
        holds: async (...args) => queue.holds(...args),
        publishEvent: async (...args) => queue.publishEvent(...args),
        publish: async (...args) => {
          reached.resolve();
          await resumed.promise;
          return queue.publish(...args);
        },
      },
    });
    const proposing = triggers.propose(MODEL, [driftAt()], [], NOON_MS);
    await reached.promise;
    await other.triggers.round(NOON_MS);
    const [taken] = await other.take(MODEL);
    assert.ok(taken !== undefined);
    const { job_id: jobId } = taken.request;
    const start = await other.store.startJob(MODEL, jobId, NOON_MS + 1);
    assert.deepEqual(start, { isAccepted: true, attempt: 1 });
    await other.store.finishJob(MODEL, { jobId, attempt: 1 }, { state: "succeeded" }, NOON_MS + 2);
    assert.equal(await taken.message.ackAck(), true);
    const forgottenMs = performance.now() + 5 * windowMs;
    await eventually("the message id is forgotten", () => performance.now() > forgottenMs);
    resumed.resolve();
    assert.equal((await proposing).outcome, "requested");
    assert.equal(await other.published(), 1);
    assert.equal((await stalled.store.read(MODEL)).job?.state, "succeeded");
  });

  it("after publishing, before it is marked, long ago, publishes nothing more, whether the job waits or was taken", async () => {
    const engine = await open("unmarked");
    const stream = engine.topology.retrainStream;
    await engine.manager.streams.update(stream, { duplicate_window: 100_000_000 });
    const dying = dyingTriggers(engine, (step) => {
      if (step === "after publish") throw new Error("the process is gone");
    });
    for (const model of ["waits-in-stream", "was-taken"]) {
      await dying.propose(model, [driftAt()], [], NOON_MS);
      if (model !== "was-taken") continue;
      const [taken] = await engine.take(model);
      assert.ok(taken !== undefined);
      await engine.store.startJob(model, taken.request.job_id, NOON_MS + 1);
      await taken.message.ackAck();
    }
    const forgottenMs = performance.now() + 500;
    await eventually("the message ids are forgotten", () => performance.now() > forgottenMs);
    await engine.triggers.round(NOON_MS + MINUTE_MS);
    assert.equal(await engine.published(), 2);
    assert.equal((await engine.events("retraining_requested")).length, 2);
  });
});

it("a NATS server that is killed in between costs no job and doubles none", async () => {
  const engine = await open("killed");
  const models = Array.from({ length: 40 }, (_, index) => `model-${index}`);
  const killing = engines.kill9();
  await Promise.all(models.map((model) => engine.triggers.propose(model, [driftAt()], [], NOON_MS)));
  await killing;
  await eventually(
    "all is published",
    async () => {
      await engine.triggers.round(NOON_MS + MINUTE_MS);
      const records = await Promise.all(models.map((model) => engine.store.read(model)));
      return records.every(({ job, events }) => job?.unpublished === undefined && events.length === 0);
    },
    20_000,
  );
  assert.equal(await engine.published(), models.length);
  for (const model of models.slice(0, 5)) assert.equal((await engine.take(model)).length, 1);
});

it("a request whose write loses its answer is one request, and no conflict with itself", async () => {
  const engine = await open("forgetful");
  const bucket = "forgetful_jobs";
  const kv = await new Kvm(engine.client).open(bucket);
  let answersLost = 0;
  const lose = async (written: Promise<number>): Promise<number> => {
    const revision = await written;
    if (answersLost++ === 0) throw new Error("timeout");
    return revision;
  };
  const store = new JobStore({
    bucket,
    manager: engine.manager,
    kv: {
      get: async (key) => kv.get(key),
      create: async (key, value) => lose(kv.create(key, value)),
      update: async (key, value, revision) => lose(kv.update(key, value, revision)),
    },
  });
  const { job } = await engine.triggersWith({ store }).request(MODEL, { requestedBy: "test" }, NOON_MS);
  assert.equal(job?.state, "requested");
  assert.ok(answersLost > 1);
  assert.equal(await engine.published(), 1);
});

it("a finding that is none is refused with the field", async () => {
  const engine = await open("bad-input");
  const wrong = { ...driftAt(), numbers: { psi: Number.NaN } } as Proposal;
  await assert.rejects(engine.triggers.propose(MODEL, [wrong], [], NOON_MS), /evidence\.0\.numbers\.psi/);
  assert.equal((await engine.store.read(MODEL)).job, null);
});

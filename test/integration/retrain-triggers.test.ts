/**
 * Retraining requests on a real nats-server: one message whatever is repeated, done at once, or dies in between.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Kvm } from "@nats-io/kv";
import { createDeferred } from "../../engine/core/deferred.ts";
import type { Proposal } from "../../engine/monitor/retrain-proposal.ts";
import { JobStore } from "../../storage/job-store.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import {
  DAY_MS,
  driftAt,
  HOUR_MS,
  MINUTE_MS,
  MODEL,
  NOON_MS,
  QUALITY_INCIDENT,
  RetrainEngine,
} from "../support/retrain.ts";

const REPETITIONS = 10_000;
const AT_ONCE = 200;

let nats: TestNats;
const engines: RetrainEngine[] = [];
before(async () => {
  nats = await startTestNats();
});
after(async () => {
  for (const engine of engines) await engine.close();
  await nats[Symbol.asyncDispose]();
});

/** An engine; those of one name share streams and records. */
async function open(name: string): Promise<RetrainEngine> {
  const engine = await RetrainEngine.open(nats.url, name);
  engines.push(engine);
  return engine;
}

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
      change: ((model, change) => wrap("change", () => store.change(model, change))()) as typeof store.change,
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
      const { outcome } = await engine.triggers.propose(model, [driftAt()], [], NOON_MS + 2 * MINUTE_MS);
      assert.equal(outcome, isDecided ? "duplicate" : "requested", diedAt);
      const record = await engine.store.read(model);
      assert.equal(record.job?.state, "requested");
      assert.equal(record.job.unpublished, undefined, diedAt);
      assert.deepEqual(record.events, [], diedAt);
      assert.equal((await engine.queue.lastSeq()) as number, deadline, `one message a model, ${diedAt}`);
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

describe("a trainer", () => {
  it("takes, starts and ends a job; then the model is free after the pause", async () => {
    const engine = await open("trainer");
    const { triggers, store } = engine;
    await triggers.propose(MODEL, [driftAt()], [], NOON_MS);
    const [taken] = await engine.take(MODEL);
    const jobId = taken?.request.job_id ?? "";
    assert.deepEqual(await store.startJob(MODEL, jobId, NOON_MS + 1), { isAccepted: true, attempt: 1 });
    const job = { jobId, attempt: 1 };
    const end = await store.finishJob(MODEL, job, { state: "failed", note: "no rows" }, NOON_MS + HOUR_MS);
    assert.equal(end.isAccepted, true);
    await taken?.message.ackAck();
    assert.deepEqual(await store.startJob(MODEL, jobId, NOON_MS + HOUR_MS), {
      isAccepted: false,
      state: "failed",
    });
    const propose = async (nowMs: number) =>
      (await triggers.propose(MODEL, [driftAt(nowMs)], [], nowMs)).outcome;
    assert.equal(await propose(NOON_MS + 2 * HOUR_MS), "cooldown");
    assert.equal(await propose(NOON_MS + 25 * HOUR_MS), "requested");
    assert.equal(await engine.published(), 2);
  });

  it("that dies is replaced: two that start at once get different attempts, and one of them ends the job", async () => {
    const engine = await open("attempts");
    await engine.triggers.propose(MODEL, [driftAt()], [], NOON_MS);
    const jobId = (await engine.store.read(MODEL)).job?.job_id ?? "";
    const answers = await Promise.all([1, 2, 3].map(() => engine.store.startJob(MODEL, jobId, NOON_MS + 1)));
    const attempts = answers.map((answer) => (answer.isAccepted ? answer.attempt : 0));
    assert.deepEqual(attempts.toSorted(), [1, 2, 3]);
    const ends = await Promise.all(
      attempts.map((attempt) =>
        engine.store.finishJob(MODEL, { jobId, attempt }, { state: "succeeded" }, NOON_MS + 2),
      ),
    );
    assert.deepEqual(
      attempts.filter((_, index) => ends[index]?.isAccepted === true),
      [3],
    );
  });

  it("finds out that its job was cancelled, or is over time", async () => {
    const engine = await open("called-off");
    const { triggers, store } = engine;
    await triggers.propose(MODEL, [driftAt()], [], NOON_MS);
    const jobId = (await store.read(MODEL)).job?.job_id ?? "";
    await store.startJob(MODEL, jobId, NOON_MS);
    await triggers.cancel(MODEL, "not now", NOON_MS + 1);
    const end = store.finishJob(MODEL, { jobId, attempt: 1 }, { state: "succeeded" }, NOON_MS + 2);
    assert.deepEqual(await end, { isAccepted: false, state: "cancelled" });
    const { job } = await triggers.request(MODEL, { requestedBy: "test" }, NOON_MS + 3);
    await triggers.round(NOON_MS + DAY_MS);
    assert.equal((await store.read(MODEL)).last_ended?.state, "expired");
    const late = await store.startJob(MODEL, job?.job_id ?? "", NOON_MS + DAY_MS);
    assert.deepEqual(late, { isAccepted: false, state: "expired" });
  });
});

describe("what holds a job back", () => {
  it("bad data: refused with its evidence, told once, requested once it is over", async () => {
    const engine = await open("veto");
    const { triggers } = engine;
    for (let turn = 0; turn < 20; turn++) {
      const decision = await triggers.propose(MODEL, [driftAt()], [QUALITY_INCIDENT], NOON_MS + turn);
      assert.equal(decision.outcome, "vetoed");
    }
    await assert.rejects(
      triggers.request(MODEL, { requestedBy: "test" }, NOON_MS + 30),
      /quality-1.*data_quality_veto/,
    );
    const [event, ...more] = await engine.events("retraining_refused");
    assert.deepEqual(more, []);
    assert.equal(event?.["refusal"], "vetoed");
    assert.equal(event["model_name"], MODEL);
    assert.deepEqual((event["evidence"] as { numbers: object }[])[0]?.numbers, {
      "psi.amount": 0.31,
      severity: "critical",
    });
    assert.equal((await triggers.propose(MODEL, [driftAt()], [], NOON_MS + 40)).outcome, "requested");
    const { record } = await triggers.status(MODEL, NOON_MS + 41);
    assert.deepEqual(
      record.decisions.map(({ outcome }) => outcome),
      ["requested", "vetoed"],
    );
    assert.equal(await engine.published(), 1);
  });

  it("the day's budget and a deadline that passes, over three days of a finding every 20 minutes", async () => {
    const engine = await open("budget");
    const policy = { model_name: MODEL, cooldown: "1s", job_deadline: "1h", jobs_per_day_max: 2 };
    await engine.triggers.applyPolicy(MODEL, policy, NOON_MS);
    const requestedAt: number[] = [];
    const pauseMs = 20 * MINUTE_MS;
    for (let nowMs = NOON_MS; nowMs < NOON_MS + 3 * DAY_MS; nowMs += pauseMs) {
      const { outcome } = await engine.triggers.propose(MODEL, [driftAt(nowMs)], [], nowMs);
      if (outcome === "requested") requestedAt.push((nowMs - NOON_MS) / pauseMs);
    }
    // Nobody takes the jobs. Each expires after an hour, so the next is requested four rounds later; days end twelve hours after noon.
    assert.deepEqual(requestedAt, [0, 4, 36, 40, 108, 112, 180, 184]);
    assert.equal(await engine.published(), requestedAt.length);
  });
});

describe("a schedule", () => {
  const daily = { model_name: MODEL, schedule: { expression: "30 2 * * *", time_zone: "Europe/Berlin" } };
  const at = (text: string): number => Date.parse(text);

  it("comes at its time, in two engines at once, over a change of the clocks, and once after days of rest", async () => {
    const [one, other] = [await open("schedule"), await open("schedule")];
    await one.triggers.applyPolicy(MODEL, daily, at("2026-03-27T12:00:00Z"));
    const seen: string[] = [];
    const rounds = async (text: string): Promise<void> => {
      const nowMs = at(text);
      const count = await one.published();
      await Promise.all([one.triggers.round(nowMs), other.triggers.round(nowMs), one.triggers.round(nowMs)]);
      const more = (await one.published()) - count;
      if (more > 0) seen.push(`${text} ${more}`);
      const { job } = await one.store.read(MODEL);
      if (job?.state !== "requested") return;
      await one.store.startJob(MODEL, job.job_id, nowMs);
      await one.store.finishJob(MODEL, { jobId: job.job_id, attempt: 1 }, { state: "succeeded" }, nowMs);
    };
    for (const text of [
      "2026-03-28T01:29:59Z",
      "2026-03-28T01:30:00Z",
      "2026-03-28T01:30:05Z",
      "2026-03-29T00:59:59Z",
      "2026-03-29T01:00:00Z", // 03:00 summer time: 02:30 does not exist
      "2026-03-29T12:00:00Z",
      "2026-04-05T12:00:00Z", // down for a week
      "2026-04-05T12:00:05Z",
      "2026-04-06T00:30:00Z",
    ])
      await rounds(text);
    assert.deepEqual(seen, [
      "2026-03-28T01:30:00Z 1",
      "2026-03-29T01:00:00Z 1",
      "2026-04-05T12:00:00Z 1",
      "2026-04-06T00:30:00Z 1",
    ]);
    const [first] = await one.take(MODEL);
    assert.deepEqual(first?.request.evidence, [
      {
        cause: "schedule",
        numbers: { ...daily.schedule, due_at: "2026-03-28T01:30:00.000Z" },
        windows: [],
        reference_id: null,
      },
    ]);
  });

  it("waits while data is bad, is served by a job in flight, and forgets nothing when its policy is applied again", async () => {
    const engine = await open("schedule-waits");
    const { triggers } = engine;
    const startMs = at("2026-05-01T12:00:00Z");
    await triggers.applyPolicy(MODEL, daily, startMs);
    await triggers.propose(MODEL, [], [QUALITY_INCIDENT], startMs);
    await triggers.round(startMs + DAY_MS);
    await triggers.round(startMs + DAY_MS + MINUTE_MS);
    assert.equal(await engine.published(), 0);
    await triggers.applyPolicy(MODEL, { ...daily, cooldown: "1h" }, startMs + DAY_MS + HOUR_MS);
    await triggers.propose(MODEL, [], [], startMs + DAY_MS + HOUR_MS);
    await triggers.round(startMs + DAY_MS + 2 * HOUR_MS);
    assert.equal(await engine.published(), 1);
    // That job expires after six hours; a person asks for one right before the next time.
    await triggers.request(MODEL, { requestedBy: "test" }, at("2026-05-03T00:20:00Z"));
    await triggers.round(at("2026-05-03T00:30:00Z"));
    assert.equal(await engine.published(), 2);
    assert.equal((await engine.store.read(MODEL)).schedule?.next_at, "2026-05-04T00:30:00.000Z");
  });
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

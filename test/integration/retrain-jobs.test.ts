/**
 * What becomes of requested retraining jobs on a real nats-server: trainers, pauses, budgets, vetoes and schedules.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { startTriggers } from "../../engine/app-triggers.ts";
import { Publisher } from "../../streams/publisher.ts";
import { eventually } from "../support/eventually.ts";
import {
  DAY_MS,
  driftAt,
  HOUR_MS,
  MINUTE_MS,
  MODEL,
  NOON_MS,
  QUALITY_INCIDENT,
  type RetrainEngine,
  RetrainEngines,
} from "../support/retrain.ts";

let engines: RetrainEngines;
before(async () => {
  engines = await RetrainEngines.start();
});
after(async () => engines[Symbol.asyncDispose]());
const open = async (name: string): Promise<RetrainEngine> => engines.open(name);

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
    assert.deepEqual(
      attempts.toSorted((a, b) => a - b),
      [1, 2, 3],
    );
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

it("a control plane that starts publishes what an engine left behind", async () => {
  const engine = await open("control");
  const gone = async (): Promise<never> => Promise.reject(new Error("the process is gone"));
  const queue = { lastSeq: gone, holds: gone, publish: gone, publishEvent: gone };
  const nowMs = Date.now();
  await engine.triggersWith({ queue }).propose(MODEL, [driftAt(nowMs)], [], nowMs);
  assert.equal(await engine.published(), 0);
  const publisher = new Publisher(engine.nats);
  const { nats: connection, client, manager, topology } = engine;
  const parts = { nats: connection, client, manager, topology, publisher };
  const running = await startTriggers({ ...parts, logger: pino({ level: "silent" }) });
  await eventually(
    "it is published and marked",
    async () => (await engine.store.read(MODEL)).job?.unpublished === undefined,
  );
  await running.stop();
  publisher.close();
  assert.equal((await engine.take(MODEL)).length, 1);
});

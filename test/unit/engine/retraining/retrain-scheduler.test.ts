/** The clock of retraining: rounds one after another, by the clock it is given. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { pino } from "pino";
import { createDeferred } from "../../../../engine/core/deferred.ts";
import { startRetrainScheduler } from "../../../../engine/retraining/retrain-scheduler.ts";
import { eventually } from "../../../support/eventually.ts";

const logger = pino({ level: "silent" });

it("rounds go on after one that fails, each at the clock's time", async () => {
  const rounds: number[] = [];
  let nowMs = 1_000;
  const triggers = {
    round: async (atMs: number): Promise<void> => {
      rounds.push(atMs);
      nowMs += 10;
      if (rounds.length === 1) return Promise.reject(new Error("NATS is away"));
    },
  };
  const scheduler = startRetrainScheduler({ triggers, clock: () => nowMs, pauseMs: 1, logger });
  await eventually("three rounds", () => rounds.length >= 3);
  await scheduler.stop();
  const count = rounds.length;
  assert.deepEqual(rounds.slice(0, 3), [1_000, 1_010, 1_020]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(rounds.length, count);
});

it("a round that takes long is alone, and a stop waits for it but not for the pause", async () => {
  const under = createDeferred<void>();
  let begun = 0;
  const triggers = {
    round: async (): Promise<void> => {
      begun++;
      await under.promise;
    },
  };
  const scheduler = startRetrainScheduler({ triggers, clock: () => 0, pauseMs: 3_600_000, logger });
  let isStopped = false;
  const stopping = scheduler.stop().then(() => {
    isStopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([begun, isStopped], [1, false]);
  under.resolve();
  await stopping;
  assert.equal(begun, 1);
});

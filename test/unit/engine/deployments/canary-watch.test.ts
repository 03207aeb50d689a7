/**
 * What a data plane does about a canary, look by look: it goes on when its time is over and enough was seen, and ends for good when
 * a limit is broken, also while the registry does not answer.
 */
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { pino } from "pino";
import type { CanaryRecord } from "../../../../engine/core/deployment.ts";
import type { ErrorCode } from "../../../../engine/core/errors.ts";
import { CanaryWatch } from "../../../../engine/deployments/canary-watch.ts";
import type { Models } from "../../../../engine/models.ts";
import { canaryRecord, createTestModels, withCanary } from "../../../support/canaries.ts";
import { eventually } from "../../../support/eventually.ts";

const STARTED_MS = Date.parse("2026-11-21T10:00:00.000Z");

describe("canary-watch", () => {
  const running: CanaryWatch[] = [];
  afterEach(async () => {
    for (const watch of running.splice(0)) await watch.stop();
  });

  /** A data plane with a canary; time is the test's, and so is whether the registry answers. */
  const start = async (record: CanaryRecord, broken?: string) => {
    const { models, ...rest } = createTestModels();
    if (broken !== undefined) rest.broken.set(record.version, broken);
    const calls: string[] = [];
    const state = { nowMs: STARTED_MS, isAway: false };
    const note = async (text: string): Promise<void> => {
      if (state.isAway) throw new Error("away");
      calls.push(text);
    };
    const watch = new CanaryWatch({
      models,
      registry: {
        advanceCanary: async (_name, { step }, { rows }) => note(`advance ${step} after ${rows}`),
        withdrawCanary: async (_name, { version }, { limit }) => note(`withdraw ${version} for ${limit}`),
      },
      clock: () => state.nowMs,
      ticks: () => state.nowMs - STARTED_MS,
      logger: pino({ level: "silent" }),
    });
    running.push(watch);
    const follow = async (next: CanaryRecord): Promise<void> => {
      models.follow([withCanary(next)]);
      await models.settled();
      watch.look();
    };
    await follow(record);
    return { watch, models, calls, state, follow };
  };

  /** Rows of a version at the moment, each of so many ms, or failed. */
  const serve = (
    models: Models,
    nowMs: number,
    version: string,
    rows: number,
    what: number | ErrorCode,
  ): void => {
    const { window } = models.route("mixed", version).model;
    const atMs = nowMs - STARTED_MS;
    for (let row = 0; row < rows; row++) {
      if (typeof what === "number") window?.answered(atMs - what, atMs - what, atMs);
      else window?.failed(what, 1, atMs);
    }
  };

  it("ends a step when its time is over and the canary has answered enough in it, once", async () => {
    const { watch, models, calls, state, follow } = await start(canaryRecord());
    serve(models, state.nowMs, "2.0.0", 60, 1);
    state.nowMs += 61_000;
    watch.look();
    assert.deepEqual(calls, [], "too few rows");
    serve(models, state.nowMs, "2.0.0", 40, 1);
    watch.look();
    watch.look();
    await eventually("the step ends", () => calls.length > 0);
    assert.deepEqual(calls, ["advance 0 after 100"]);
    const step_started_at = new Date(state.nowMs).toISOString();
    await follow(canaryRecord({ step: 1, step_started_at }));
    serve(models, state.nowMs, "2.0.0", 150, 1);
    watch.look();
    assert.equal(calls.length, 1, "its time is not over");
    state.nowMs += 60_000;
    watch.look();
    assert.deepEqual(calls.slice(1), ["advance 1 after 150"]);
  });

  it("withdraws a canary that fails, and gives it no row while the registry is away", async () => {
    const { watch, models, calls, state } = await start(canaryRecord());
    state.isAway = true;
    serve(models, state.nowMs, "2.0.0", 5, "INFERENCE_FAILED");
    watch.look();
    const versions = Array.from(
      { length: 100 },
      (_, index) =>
        models.route("mixed", undefined, { entityId: `card-${index}`, requestId: "" }).model.manifest,
    );
    assert.ok(versions.every(({ version }) => version === "1.0.0"));
    state.nowMs += 600_000; // the window is empty by now, and the step over
    state.isAway = false;
    await eventually("it is tried again", () => {
      watch.look();
      return calls.length > 0;
    });
    assert.deepEqual(calls, ["withdraw 2.0.0 for error_rate"]);
  });

  it("withdraws a canary that is slow beside the champion, also once all traffic is its own", async () => {
    const { watch, models, calls, state } = await start(canaryRecord());
    serve(models, state.nowMs, "1.0.0", 200, 10);
    serve(models, state.nowMs, "2.0.0", 200, 12);
    watch.look();
    assert.deepEqual(calls, []);
    state.nowMs += 30_000;
    for (let half = 1; half <= 3; half++) {
      assert.deepEqual(calls, [], "one that is slow for a second may have been held up");
      state.nowMs += 500;
      serve(models, state.nowMs, "2.0.0", 200, 25);
      watch.look();
    }
    assert.deepEqual(calls, ["withdraw 2.0.0 for latency_p99_ratio"]);
  });

  it("withdraws a canary that cannot be loaded, not at the first problem", async () => {
    const { watch, calls, state } = await start(canaryRecord(), "it is not signed");
    state.nowMs += 4_900;
    watch.look();
    assert.deepEqual(calls, []);
    state.nowMs += 100;
    watch.look();
    assert.deepEqual(calls, ["withdraw 2.0.0 for loadable"]);
  });

  it("judges a canary that was started again anew", async () => {
    const { watch, models, calls, state, follow } = await start(canaryRecord());
    serve(models, state.nowMs, "2.0.0", 5, "INFERENCE_FAILED");
    watch.look();
    assert.equal(calls.length, 1);
    const again = new Date(state.nowMs + 1_000).toISOString();
    state.nowMs += 1_000;
    await follow(canaryRecord({ started_at: again, step_started_at: again }));
    serve(models, state.nowMs, "2.0.0", 100, 1);
    state.nowMs += 60_000;
    watch.look();
    assert.deepEqual(calls.slice(1), ["advance 0 after 100"]);
  });
});

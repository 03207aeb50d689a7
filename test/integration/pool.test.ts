/**
 * The worker pool with real threads: a lane that is replaced while a model is being loaded serves that model too.
 *
 * Lanes are kept busy, and made to hang, by a model that counts as long as it is told.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import type { PredictTask } from "../../workers/messages.ts";
import { type Lane, WorkerPool } from "../../workers/pool.ts";
import { eventually } from "../support/eventually.ts";
import { slowModel } from "../support/slow-model.ts";

const TASK_TIMEOUT_MS = 2_000;

function task(model: string, steps: number): PredictTask {
  const features = new Float32Array(new SharedArrayBuffer(4)).fill(steps);
  const outputs = new Float32Array(new SharedArrayBuffer(4));
  return {
    kind: "predict",
    key: `${model}@1.0.0`,
    rows: 1,
    inputWidth: 1,
    outputWidth: 1,
    features,
    outputs,
  };
}

async function measureStepsPerMs(lane: Lane): Promise<number> {
  const steps = 200_000;
  const startedMs = performance.now();
  await lane.predict(task("slow", steps));
  return steps / (performance.now() - startedMs);
}

describe("the worker pool", () => {
  it("gives a model to a lane that is replaced after it was loaded there and before it is loaded everywhere", async () => {
    const logger = pino({ level: "silent" });
    const options = { lanes: 3, taskTimeoutMs: TASK_TIMEOUT_MS, loadTimeoutMs: 30_000, logger };
    const pool = new WorkerPool(options, () => undefined);
    const claim = async (index: number): Promise<Lane> => {
      for (;;) {
        const lane = await eventually("a lane is free", () => pool.takeFree());
        if (lane.index === index) return lane;
        await lane.predict(task("slow", 1));
      }
    };
    try {
      await pool.load(slowModel());
      const stepsPerMs = await measureStepsPerMs(await claim(0));
      const hang = async (lane: Lane): Promise<void> =>
        assert.rejects(lane.predict(task("slow", stepsPerMs * TASK_TIMEOUT_MS * 3)), {
          code: "WORKER_FAILED",
        });
      const [first, second, third] = [pool.takeFree(), pool.takeFree(), pool.takeFree()] as [
        Lane,
        Lane,
        Lane,
      ];
      const secondHung = hang(second);
      const thirdDone = third.predict(task("slow", stepsPerMs * TASK_TIMEOUT_MS * 0.35));
      await first.predict(task("slow", 1));
      const loaded = pool.load(slowModel("late"));
      await setImmediate();
      const firstHung = hang(await claim(0));
      await thirdDone;
      const thirdHung = hang(await claim(2));
      await Promise.all([firstHung, secondHung, thirdHung, loaded]);
      await eventually("all lanes are back", () => pool.alive === 3);
      const lanes = [pool.takeFree(), pool.takeFree(), pool.takeFree()] as Lane[];
      const results = await Promise.all(lanes.map(async (lane) => lane.predict(task("late", 1))));
      assert.deepEqual(
        results.map(({ ok }) => ok),
        [true, true, true],
      );
    } finally {
      await pool.close();
    }
  });
});

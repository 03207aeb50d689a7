/**
 * The worker pool with real threads: a lane that is replaced while a model is being loaded serves that model too.
 *
 * Lanes are kept busy, and made to hang, by a model that counts as long as it is told.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import type { Lane } from "../../workers/lane.ts";
import type { PredictTask } from "../../workers/messages.ts";
import { WorkerPool } from "../../workers/pool.ts";
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

/** False while a lane is not free. */
async function servesEverywhere(pool: WorkerPool, model: string): Promise<boolean> {
  const lanes: Lane[] = [];
  for (let lane = pool.takeFree("slow@1.0.0", 1); lane !== undefined; lane = pool.takeFree("slow@1.0.0", 1))
    lanes.push(lane);
  const results = await Promise.all(lanes.map(async (lane) => lane.predict(task(model, 1))));
  return results.length === pool.size && results.every(({ ok }) => ok);
}

describe("the worker pool", () => {
  it("gives a model to a lane that is replaced after it was loaded there and before it is loaded everywhere", async () => {
    const logger = pino({ level: "silent" });
    const options = { lanes: 3, taskTimeoutMs: TASK_TIMEOUT_MS, loadTimeoutMs: 30_000, logger };
    const pool = new WorkerPool(options, () => undefined);
    const claim = async (index: number): Promise<Lane> => {
      for (;;) {
        const lane = await eventually("a lane is free", () => pool.takeFree("slow@1.0.0", 1), 20_000);
        if (lane.index === index) return lane;
        await lane.predict(task("slow", 1)).catch(() => undefined);
      }
    };
    try {
      await pool.load(slowModel());
      const stepsPerMs = await measureStepsPerMs(await claim(0));
      const hang = async (lane: Lane): Promise<void> =>
        assert.rejects(lane.predict(task("slow", stepsPerMs * TASK_TIMEOUT_MS * 3)), {
          code: "WORKER_FAILED",
        });
      const [first, second, third] = [
        pool.takeFree("slow@1.0.0", 1),
        pool.takeFree("slow@1.0.0", 1),
        pool.takeFree("slow@1.0.0", 1),
      ] as [Lane, Lane, Lane];
      const secondHung = hang(second);
      const thirdDone = third
        .predict(task("slow", stepsPerMs * TASK_TIMEOUT_MS * 0.35))
        .catch(() => undefined);
      await first.predict(task("slow", 1)).catch(() => undefined);
      const loaded = pool.load(slowModel("late"));
      await setImmediate();
      const firstHung = hang(await claim(0));
      await thirdDone;
      const thirdHung = hang(await claim(2));
      await Promise.all([firstHung, secondHung, thirdHung, loaded]);
      await eventually(
        "every lane serves the late model",
        async () => servesEverywhere(pool, "late"),
        20_000,
      );
    } finally {
      await pool.close();
    }
  });
});

/**
 * Light models run in the engine's own thread, in small batches, and give what the threads give; other models and larger batches do not.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { modelKey } from "../../engine/core/manifest.ts";
import { readModelFolder } from "../../storage/model-folder.ts";
import type { Lane } from "../../workers/lane.ts";
import { LIGHT_ROWS_MAX } from "../../workers/light-lane.ts";
import type { PredictTask } from "../../workers/messages.ts";
import { WorkerPool } from "../../workers/pool.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { eventually } from "../support/eventually.ts";
import { fixture } from "../support/model.ts";
import { slowModel } from "../support/slow-model.ts";

const LIGHT_INDEX = -1;

let pool: WorkerPool;
let freed = 0;
let trees: ModelArtifact;
let key: string;
before(async () => {
  const logger = pino({ level: "silent" });
  const options = { lanes: 1, taskTimeoutMs: 10_000, loadTimeoutMs: 60_000, logger };
  pool = new WorkerPool(options, () => freed++);
  trees = await readModelFolder(fixture("bench"));
  key = modelKey(trees.manifest);
  await pool.load(trees);
});
after(async () => pool.close());

function task(rows: number): PredictTask {
  const features = new Float32Array(new SharedArrayBuffer(rows * 30 * 4)).map((_, index) => Math.sin(index));
  const outputs = new Float32Array(new SharedArrayBuffer(rows * 2 * 4));
  return { kind: "predict", key, rows, inputWidth: 30, outputWidth: 2, features: shared(features), outputs };
}

function shared(floats: Float32Array): Float32Array<SharedArrayBuffer> {
  const copy = new Float32Array(new SharedArrayBuffer(floats.byteLength));
  copy.set(floats);
  return copy;
}

async function take(model: string, rows: number): Promise<Lane> {
  return eventually("a lane is free", () => pool.takeFree(model, rows), 20_000);
}

async function predicted(lane: Lane, rows: number): Promise<number[]> {
  const asked = task(rows);
  const result = await lane.predict(asked);
  assert.ok(result.ok);
  return [...asked.outputs];
}

describe("light models", () => {
  it("predict in the engine's thread what they predict in a worker's, to the bit", async () => {
    const [own, thread] = [await take(key, LIGHT_ROWS_MAX), await take("other", 1)];
    assert.deepEqual([own.index, thread.index], [LIGHT_INDEX, 0]);
    assert.deepEqual(await predicted(own, LIGHT_ROWS_MAX), await predicted(thread, LIGHT_ROWS_MAX));
  });

  it("have one batch at a time, and say when it is done", async () => {
    const lane = await take(key, 1);
    assert.equal(pool.takeFree(key, 1), undefined);
    const before = freed;
    await predicted(lane, 1);
    assert.equal(freed, before + 1);
    await predicted(await take(key, 1), 1);
  });

  it("leave larger batches to threads", async () => {
    const lane = await take(key, LIGHT_ROWS_MAX + 1);
    assert.equal(lane.index, 0);
    await predicted(lane, LIGHT_ROWS_MAX + 1);
  });

  it("are not those that loop, nor those of large files", async () => {
    const bytes = trees.files.get("model.onnx") as Uint8Array;
    const padding = Buffer.concat([Buffer.from([0x32, 0x80, 0x80, 0x20]), Buffer.alloc(0x80000)]); // doc_string of 512 KiB
    const files = new Map([...trees.files, ["model.onnx", Buffer.concat([bytes, padding])]]);
    const large = { ...trees, files, manifest: { ...trees.manifest, version: "9.0.0" } };
    for (const artifact of [slowModel(), large]) {
      await pool.load(artifact);
      const lane = await take(modelKey(artifact.manifest), 1);
      assert.equal(lane.index, 0);
      await lane.predict({ ...task(1), key: "none@1.0.0" });
    }
  });

  it("are gone once they are unloaded", async () => {
    const again = { ...trees, manifest: { ...trees.manifest, version: "8.0.0" } };
    await pool.load(again);
    const lane = await take("bench-trees@8.0.0", 1);
    assert.equal(lane.index, LIGHT_INDEX);
    await predicted(lane, 1);
    await pool.unload("bench-trees@8.0.0");
    const other = await take("bench-trees@8.0.0", 1);
    assert.equal(other.index, 0);
    await other.predict({ ...task(1), key: "none@1.0.0" });
  });
});

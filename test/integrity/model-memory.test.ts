/**
 * A thousand model versions come and go in the worker threads, and memory stays where it was.
 *
 * The threads share this process, so its resident memory is theirs. Each cycle loads a version of its own, predicts
 * with it and unloads it, beside another version that stays. The first cycles warm the allocators up. The threads'
 * JavaScript heaps are kept small here: left alone they put collection off and grow by tens of MiB before they level,
 * which would hide a leak as large.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { pino } from "pino";
import { modelKey, outputWidth } from "../../engine/core/manifest.ts";
import { WorkerPool } from "../../workers/pool.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { eventually } from "../support/eventually.ts";
import { readModelFolder } from "../support/model-folder.ts";
import { residentBytes } from "../support/processes.ts";

const LANES = 2;
const ROWS = 64;
const MIB = 1024 * 1024;
const GROWTH_MAX = 0.05;

const CASES = [
  { folder: "test/fixtures/elec", cycles: 1_000, warmCycles: 500 },
  { folder: "test/fixtures/tfjs-layers", cycles: 1_000, warmCycles: 500 },
] as const;

setFlagsFromString("--expose-gc");
setFlagsFromString("--max-semi-space-size=1"); // heaps made from now on: those of the threads
setFlagsFromString("--optimize-for-size");

for (const { folder, cycles, warmCycles } of CASES) {
  test(`${cycles} versions of ${folder} come and go, and memory grows by less than 5 %`, async (t) => {
    const artifact = readModelFolder(folder);
    const pool = new WorkerPool(
      { lanes: LANES, taskTimeoutMs: 10_000, loadTimeoutMs: 60_000, logger: pino({ level: "silent" }) },
      () => undefined,
    );
    try {
      await pool.load(artifact);
      await cycle(pool, artifact, warmCycles, 0);
      const figures = [residentAfterCollection()];
      const startedMs = performance.now();
      for (let part = 0; part < 5; part++) {
        await cycle(pool, artifact, cycles / 5, warmCycles + part * (cycles / 5));
        figures.push(residentAfterCollection());
      }
      const before = figures[0] ?? 0;
      const growth = ((figures.at(-1) ?? 0) - before) / before;
      const perCycleMs = (performance.now() - startedMs) / cycles;
      t.diagnostic(
        `resident MiB after warming and every ${cycles / 5} cycles: ` +
          `${figures.map((bytes) => (bytes / MIB).toFixed(1)).join(", ")}; growth ${(growth * 100).toFixed(2)} %; ` +
          `${perCycleMs.toFixed(1)} ms a cycle on ${LANES} threads`,
      );
      assert.ok(growth < GROWTH_MAX, `memory grew by ${(growth * 100).toFixed(2)} %`);
    } finally {
      await pool.close();
    }
  });
}

function residentAfterCollection(): number {
  (runInNewContext("gc") as () => void)();
  return residentBytes(process.pid);
}

/** Loads, uses and unloads so many versions, numbered from `first`. */
async function cycle(pool: WorkerPool, artifact: ModelArtifact, count: number, first: number): Promise<void> {
  const inputWidth = artifact.manifest.inputs.length;
  const width = outputWidth(artifact.manifest);
  const slab = {
    rows: ROWS,
    inputWidth,
    outputWidth: width,
    features: new Float32Array(new SharedArrayBuffer(ROWS * inputWidth * 4)),
    outputs: new Float32Array(new SharedArrayBuffer(ROWS * width * 4)),
  };
  for (let index = 0; index < count; index++) {
    const manifest = { ...artifact.manifest, version: `2.0.${first + index}` };
    const key = modelKey(manifest);
    await pool.load({ ...artifact, manifest });
    const lane = await eventually("a lane is free", () => pool.takeFree("", 1));
    const result = await lane.predict({ kind: "predict", key, ...slab });
    assert.ok(result.ok, "the version predicts");
    await pool.unload(key);
  }
}

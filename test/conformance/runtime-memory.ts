/**
 * Loads, uses and closes a model over and over in a process of its own and prints by what share resident memory
 * grew after the warm-up over 1,000 cycles, in the best of three windows. The runtime suite starts it: node --expose-gc --max-semi-space-size=1
 * runtime-memory.js <runtime> <folder>
 */
import { onnxRuntime } from "../../workers/runtime-onnx.ts";
import { tfjsRuntime } from "../../workers/runtime-tfjs.ts";
import { readModelFolder } from "../support/model-folder.ts";

const CYCLES = 1000;
const CYCLES_WARM_UP = 500;
/** A leak shows in every window; a heap that takes one step more (V8 under TensorFlow.js: +10 MB, once) in one. */
const WINDOWS = 3;
const SAMPLES = 31;

const [name = "onnx", folder = ""] = process.argv.slice(2);
const runtime = name === "onnx" ? onnxRuntime : tfjsRuntime;
const artifact = readModelFolder(folder);

async function cycle(): Promise<void> {
  const model = await runtime.load(artifact);
  await model.predict(new Float32Array(64 * artifact.manifest.inputs.length), 64, new Float32Array(64 * 8));
  await model.close();
}

/** Median over SAMPLES cycles: single readings jump with the garbage collector's pages. */
async function residentBytes(): Promise<number> {
  const readings: number[] = [];
  for (let index = 0; index < SAMPLES; index += 1) {
    await cycle();
    globalThis.gc?.();
    readings.push(process.memoryUsage.rss());
  }
  return readings.sort((a, b) => a - b)[SAMPLES >> 1] ?? 0;
}

for (let index = 0; index < CYCLES_WARM_UP; index += 1) await cycle();
let before = await residentBytes();
let growthLeast = Infinity;
for (let window = 0; window < WINDOWS; window += 1) {
  for (let index = 0; index < CYCLES; index += 1) await cycle();
  const after = await residentBytes();
  growthLeast = Math.min(growthLeast, after / before - 1);
  before = after;
}
process.stdout.write(String(growthLeast));

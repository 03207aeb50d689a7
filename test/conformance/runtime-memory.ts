/**
 * Loads, uses and closes a model over and over in a process of its own and prints by what share resident memory
 * grew after the warm-up. The runtime suite starts it: node --expose-gc runtime-memory.js <runtime> <folder>
 */
import { onnxRuntime } from "../../workers/runtime-onnx.ts";
import { tfjsRuntime } from "../../workers/runtime-tfjs.ts";
import { readModelFolder } from "../support/model-folder.ts";

const CYCLES = 1000;
const CYCLES_WARM_UP = 300;

const [name = "onnx", folder = ""] = process.argv.slice(2);
const runtime = name === "onnx" ? onnxRuntime : tfjsRuntime;
const artifact = readModelFolder(folder);

async function cycle(): Promise<void> {
  const model = await runtime.load(artifact);
  await model.predict(new Float32Array(64 * artifact.manifest.inputs.length), 64, new Float32Array(64 * 8));
  await model.close();
}

function residentBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

for (let index = 0; index < CYCLES_WARM_UP; index += 1) await cycle();
const before = residentBytes();
for (let index = 0; index < CYCLES; index += 1) await cycle();
process.stdout.write(String(residentBytes() / before - 1));

/**
 * The ceiling of inference: rows per second of the benchmarks' model in one thread, one batch after the other through ONNX Runtime and nothing
 * else. `node tight-loop.js ROWS SECONDS` prints them.
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { exampleFeatures } from "../engine/model-schema.ts";
import { readModelFolder } from "../storage/model-folder.ts";
import { fixture } from "../test/support/model.ts";
import { bindOnnx } from "../workers/onnx-binding.ts";
import { inspectOnnx } from "../workers/onnx-inspect.ts";
import { requestBody } from "./setup.ts";

const WARM_UP_CALLS = 20;

const [rows = 0, seconds = 0] = process.argv.slice(2).map(Number);
const { manifest, files } = await readModelFolder(fixture("bench"));
const bytes = Uint8Array.from(files.get("model.onnx") as Uint8Array);
const { inputs, output } = bindOnnx(manifest, inspectOnnx(bytes, "model.onnx"));
const { features } = JSON.parse(await requestBody()) as { features: Record<string, number> };
const row = Object.keys(exampleFeatures(manifest)).map((name) => features[name] as number);
const input = new Tensor(
  "float32",
  Float32Array.from({ length: rows * row.length }, (_, at) => row[at % row.length] as number),
  [rows, row.length],
);
const session = await InferenceSession.create(bytes, {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const feeds = { [inputs[0]?.name ?? ""]: input };
for (let call = 0; call < WARM_UP_CALLS; call++) await session.run(feeds, [output.name]);
const startedMs = performance.now();
let calls = 0;
let tookMs = 0;
for (; tookMs < seconds * 1000; tookMs = performance.now() - startedMs, calls++)
  await session.run(feeds, [output.name]);
console.log((calls * rows * 1000) / tookMs);

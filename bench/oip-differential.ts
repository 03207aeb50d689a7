/**
 * The same ONNX files in the engine, in MLServer and in Triton, asked the same random requests: `node dist/bench/oip-differential.js [requests]`.
 * Numbers must agree to 1e-6 (of their size, above 1), whole numbers and texts exactly. The engine gets each request in JSON and in binary form,
 * Triton binary, MLServer JSON, the only form that it has. A peer whose packages cannot be had is left out.
 */
import assert from "node:assert/strict";
import { messageOf } from "../engine/core/errors.ts";
import { startTestEngine } from "../test/support/engine.ts";
import { type OutputBytes, outputsOf } from "../test/support/oip-answer.ts";
import { createRandom } from "../test/support/random.ts";
import { serveTensorModels } from "../test/support/tensor-models.ts";
import { startTensorPeer } from "./peers/tensor-peer.ts";
import { elapsedSeconds, progress } from "./progress.ts";
import { mixedRequest, type TensorRequest, treesRequest } from "./tensor-requests.ts";

const TOLERANCE = 1e-6;
const FOLDERS = ["test/fixtures/bench", "test/fixtures/tensors/mixed"];
const PEERS = [
  { name: "MLServer", folder: "mlserver", form: "json" },
  { name: "Triton", folder: "triton", form: "binary" },
] as const;

type Form = "json" | "binary";

const requests = Number(process.argv[2] ?? 1000);
await using engine = await startTestEngine({ sample: false });
await serveTensorModels(engine);
for (const peer of PEERS) {
  try {
    console.log(await compare(peer));
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    console.log(`${peer.name} is left out: ${messageOf(error)}`);
  }
}

async function compare({ name, folder, form }: (typeof PEERS)[number]): Promise<string> {
  await using server = await startTensorPeer({ name, folder }, FOLDERS);
  const random = createRandom(7);
  const worst = { difference: 0, values: 0 };
  for (let count = 1; count <= requests; count++) {
    progress(`${name}: request ${count} of ${requests}`);
    for (const request of [treesRequest(random), mixedRequest(random)]) {
      const theirs = await infer(server.url, request, form);
      for (const ours of [
        await infer(engine.httpUrl, request, "json"),
        await infer(engine.httpUrl, request, "binary"),
      ])
        compareOutputs(request, ours, theirs, worst);
    }
  }
  progress("");
  const asked = `${requests} random requests of each of ${FOLDERS.length} models, each to the engine in JSON and in binary form`;
  return `${name}: ${asked}: ${worst.values} values compared, largest difference ${worst.difference} (${Math.round(elapsedSeconds())} s)`;
}

async function infer(url: string, request: TensorRequest, form: Form): Promise<OutputBytes[]> {
  const headers: Record<string, string> =
    form === "json"
      ? { "content-type": "application/json" }
      : {
          "content-type": "application/octet-stream",
          "inference-header-content-length": String(request.jsonLength),
        };
  const response = await fetch(`${url}/v2/models/${request.model}/infer`, {
    method: "POST",
    headers,
    body: new Uint8Array(request[form]),
  });
  const body = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, `${url}: ${body.toString()}`);
  return outputsOf({ status: 200, headers: Object.fromEntries(response.headers), body });
}

/** Triton has no labels of the trees: its configuration cannot describe a tensor of nothing but rows. */
function compareOutputs(
  { model }: TensorRequest,
  ours: readonly OutputBytes[],
  theirs: readonly OutputBytes[],
  worst: { difference: number; values: number },
): void {
  for (const { name, datatype, shape, data } of ours) {
    const other = theirs.find((output) => output.name === name);
    if (other === undefined && name === "label") continue;
    assert.ok(other !== undefined, `the peer has no ${name} of ${model}`);
    assert.deepEqual([other.datatype, other.shape], [datatype, shape], `${model} ${name}`);
    const numbers = toNumbers(datatype, data);
    worst.values += shape.reduce((product, size) => product * size, 1);
    if (numbers === undefined) {
      assert.deepEqual(data, other.data, `${model} ${name}`);
      continue;
    }
    const others = toNumbers(datatype, other.data) ?? [];
    numbers.forEach((value, index) => {
      const difference = Math.abs(value - (others[index] ?? Number.NaN)) / Math.max(1, Math.abs(value));
      assert.ok(difference <= TOLERANCE, `${model} ${name} ${index}: ${value} and ${others[index]}`);
      worst.difference = Math.max(worst.difference, difference);
    });
  }
}

/** Undefined for what must be the same to the byte. */
function toNumbers(datatype: string, data: Buffer): readonly number[] | undefined {
  const { buffer } = new Uint8Array(data);
  if (datatype === "FP32") return [...new Float32Array(buffer)];
  return datatype === "FP64" ? [...new Float64Array(buffer)] : undefined;
}

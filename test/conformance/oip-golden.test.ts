/**
 * Ordinary models over the Open Inference Protocol: the fixtures' golden rows as tensors of the datatypes that the models' metadata name, and
 * the outputs that the exporting library gave for them.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { readGolden, readModelFolder } from "../support/model-folder.ts";
import { pushBody, toFeatures, untilServed } from "../support/model-requests.ts";

const FOLDERS = [
  "bench",
  "multiclass",
  "regression",
  "columns",
  "typed",
  "tfjs-columns",
  "tfjs-graph",
  "tfjs-layers",
].map((name) => `test/fixtures/${name}`);
const TOLERANCE = 1e-5;

interface TensorJson {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}
type InputJson = TensorJson & { readonly data: readonly unknown[] };
type OutputJson = TensorJson & { readonly data: readonly number[] };

let engine: TestEngine;
before(async () => {
  engine = await startTestEngine({ sample: false });
});
after(async () => engine?.[Symbol.asyncDispose]());

describe("golden rows of ordinary models as tensors", () => {
  for (const folder of FOLDERS)
    it(`${folder}: the outputs that the library gave`, async () => {
      const { manifest, files } = readModelFolder(folder);
      const pushed = await engine.post("/models", pushBody({ manifest, files }, "production"));
      assert.equal(pushed.status, 201, await pushed.text());
      await untilServed(engine, manifest.name, manifest.version);
      const path = `/v2/models/${manifest.name}`;
      const { inputs } = (await (await engine.get(path)).json()) as { inputs: TensorJson[] };
      const { rows, expected } = readGolden(folder);
      const response = await engine.post(`${path}/infer`, { inputs: toTensors(inputs, manifest, rows) });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      const { outputs } = JSON.parse(text) as { outputs: OutputJson[] };
      const output = outputs.find(({ name }) => name === manifest.outputs[0]?.name);
      assert.equal(output?.shape[0], rows.length);
      assert.equal(output.data.length, expected.flat().length);
      expected.flat().forEach((value, index) => {
        const difference = Math.abs(value - (output.data[index] ?? Number.NaN));
        assert.ok(difference <= TOLERANCE * Math.max(1, Math.abs(value)), `element ${index}: ${difference}`);
      });
    });
});

/** One matrix of all features, or a tensor a feature. */
function toTensors(
  inputs: readonly TensorJson[],
  manifest: ModelManifest,
  rows: readonly (readonly number[])[],
): InputJson[] {
  return inputs.map(({ name, datatype, shape }) => {
    const rest = shape.slice(1);
    if (name === manifest.input_tensor)
      return { name, datatype, shape: [rows.length, ...rest], data: rows.flat() };
    const at = manifest.inputs.findIndex((input) => input.name === name);
    const data = rows.map((row) =>
      datatype === "BYTES" ? toFeatures(manifest, row)[name] : datatype === "BOOL" ? row[at] === 1 : row[at],
    );
    return { name, datatype, shape: [rows.length, ...rest], data };
  });
}

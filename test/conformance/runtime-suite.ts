/**
 * What every model runtime must do, whatever library it is built on. runtime.test.ts runs it for each of them.
 *
 * A case brings models with golden values that the runtime did not compute, and artifacts that it must refuse.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../engine/core/errors.ts";
import { type ModelManifest, outputWidth } from "../../engine/core/manifest.ts";
import type { LoadedModel, ModelArtifact, Runtime } from "../../workers/runtime.ts";
import { readGolden, readModelFolder } from "../support/model-folder.ts";

const TOLERANCE = 1e-5;
const ROW_COUNTS = [1, 2, 64, 255, 256, 257, 1000];

export interface Refusal {
  readonly title: string;
  readonly artifact: () => ModelArtifact;
  /** The field of model.json, or the file, that the error must name. */
  readonly field: string;
  /** What the message must say. */
  readonly says: RegExp;
}

export interface RuntimeCase {
  readonly runtime: Runtime;
  /** Model folders with golden.json. */
  readonly models: readonly string[];
  readonly refusals: readonly Refusal[];
}

export function describeRuntime(name: string, { runtime, models, refusals }: RuntimeCase): void {
  describe(`runtime ${name}`, () => {
    for (const folder of models) describeValues(runtime, folder);
    const [first = ""] = models;
    describeCalls(runtime, first);
    describeLifetime(runtime, first);
    describePreprocessing(runtime, first);
    for (const refusal of refusals) {
      it(`refuses ${refusal.title} and says what to do`, () => expectRefusal(runtime, refusal));
    }
  });
}

function describePreprocessing(runtime: Runtime, folder: string): void {
  const { manifest, files } = readModelFolder(folder);
  const columns = manifest.inputs.map(({ name }) => name);
  const withSteps = (...names: string[]): ModelArtifact => {
    const inputs: ModelManifest["inputs"] = [{ name: "more", type: "text" }, ...manifest.inputs];
    return { manifest: { ...manifest, inputs, preprocessing: [{ type: "select", columns: names }] }, files };
  };
  it("reads rows as wide as the preprocessing steps make them", async () => {
    const model = await runtime.load(withSteps(...columns));
    await expectGolden(model, folder, 64, true);
    await model.close();
  });
  it("refuses preprocessing that makes another width than the model takes", async () =>
    expectRefusal(runtime, {
      title: "",
      artifact: () => withSteps(...columns.slice(1)),
      field: "preprocessing",
      says: new RegExp(`make ${columns.length - 1} columns, but the model takes ${columns.length} `),
    }));
}

function describeValues(runtime: Runtime, folder: string): void {
  for (const rows of ROW_COUNTS) {
    it(`${folder}: gives the exporter's values for ${rows} row(s) over shared memory`, async () => {
      const model = await runtime.load(readModelFolder(folder));
      try {
        await expectGolden(model, folder, rows, true);
      } finally {
        await model.close();
      }
    });
  }
  it(`${folder}: gives the same values over plain memory`, async () => {
    const model = await runtime.load(readModelFolder(folder));
    await expectGolden(model, folder, 64, false);
    await model.close();
  });
}

function describeCalls(runtime: Runtime, folder: string): void {
  it("keeps calls apart that are made at the same time", async () => {
    const model = await runtime.load(readModelFolder(folder));
    await Promise.all([1, 300, 7, 64].map((rows, start) => expectGolden(model, folder, rows, true, start)));
    await model.close();
  });

  it("writes no further than its rows", async () => {
    const artifact = readModelFolder(folder);
    const model = await runtime.load(artifact);
    const { features, expected } = batch(folder, 3, false);
    const width = outputWidth(artifact.manifest);
    const outputs = new Float32Array(5 * width).fill(-7);
    await model.predict(features, 3, outputs);
    assert.ok(outputs.subarray(3 * width).every((value) => value === -7));
    assert.equal(expected.length, 3 * width);
    await model.close();
  });

  it("refuses arrays that are too short and stays usable", async () => {
    const model = await runtime.load(readModelFolder(folder));
    const { features } = batch(folder, 2, false);
    await assert.rejects(model.predict(features.subarray(1), 2, new Float32Array(64)), RangeError);
    await assert.rejects(model.predict(features, 2, new Float32Array(0)), RangeError);
    await expectGolden(model, folder, 64, true);
    await model.close();
  });
}

function describeLifetime(runtime: Runtime, folder: string): void {
  it("closes twice without harm and answers no more", async () => {
    const model = await runtime.load(readModelFolder(folder));
    await model.close();
    await model.close();
    const { features } = batch(folder, 1, false);
    await assert.rejects(model.predict(features, 1, new Float32Array(64)), { code: "NOT_READY" });
  });

  it("lets a call end before it closes", async () => {
    const model = await runtime.load(readModelFolder(folder));
    const call = expectGolden(model, folder, 1000, true);
    await Promise.all([call, model.close()]);
  });
}

async function expectRefusal(runtime: Runtime, { artifact, field, says }: Refusal): Promise<void> {
  await assert.rejects(runtime.load(artifact()), (error: unknown) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, "MODEL_INVALID");
    assert.equal(error.details[0]?.field, field, error.message);
    assert.match(error.message, says);
    return true;
  });
}

async function expectGolden(
  model: LoadedModel,
  folder: string,
  rows: number,
  isShared: boolean,
  start = 0,
): Promise<void> {
  const { features, expected } = batch(folder, rows, isShared, start);
  const bytes = expected.length * Float32Array.BYTES_PER_ELEMENT;
  const outputs = new Float32Array(isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  await model.predict(features, rows, outputs);
  expected.forEach((value, index) => {
    const difference = Math.abs((outputs[index] ?? Number.NaN) - value);
    assert.ok(
      difference <= TOLERANCE * Math.max(1, Math.abs(value)),
      `value ${index}: ${outputs[index]}, not ${value}`,
    );
  });
}

/**
 * `rows` golden rows from `start` on, beginning again when they are used up, each time one row further on: a period
 * of 64 would hide a runtime that repeats its first chunk.
 */
function batch(
  folder: string,
  rows: number,
  isShared: boolean,
  start = 0,
): { features: Float32Array; expected: number[] } {
  const golden = readGolden(folder);
  const picked = Array.from(
    { length: rows },
    (_, index) => (index + start + Math.floor(index / 64)) % golden.rows.length,
  );
  const values = picked.flatMap((index) => golden.rows[index] ?? []);
  const bytes = values.length * Float32Array.BYTES_PER_ELEMENT;
  const features = new Float32Array(isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  features.set(values);
  return { features, expected: picked.flatMap((index) => golden.expected[index] ?? []) };
}

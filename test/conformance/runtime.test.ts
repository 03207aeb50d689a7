/**
 * Runs the runtime suite for ONNX Runtime and for TensorFlow.js layers and graph models, and adds what only one of
 * them has.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { onnxRuntime } from "../../workers/runtime-onnx.ts";
import { tfjsRuntime } from "../../workers/runtime-tfjs.ts";
import { loadTfjs } from "../../workers/tfjs-backend.ts";
import { PROJECT, readModelFolder } from "../support/model-folder.ts";
import { describeRuntime, type Refusal } from "./runtime-suite.ts";

const fixture = (name: string): ModelArtifact => readModelFolder(`test/fixtures/${name}`);

function withManifest(name: string, change: Partial<ModelManifest>): ModelArtifact {
  const { manifest, files } = fixture(name);
  return { manifest: { ...manifest, ...change }, files };
}

function withFile(name: string, path: string, change: (bytes: Uint8Array) => Uint8Array): ModelArtifact {
  const { manifest, files } = fixture(name);
  const bytes = files.get(path);
  assert.ok(bytes !== undefined, `${name} has no file ${path}`);
  return { manifest, files: new Map(files).set(path, change(bytes)) };
}

function withoutFile(name: string, path: string): ModelArtifact {
  const { manifest, files } = fixture(name);
  const rest = new Map(files);
  assert.ok(rest.delete(path));
  return { manifest, files: rest };
}

const withText = (name: string, path: string, change: (text: string) => string): ModelArtifact =>
  withFile(name, path, (bytes) => Buffer.from(change(Buffer.from(bytes).toString("utf8"))));

function withoutInput(name: string): ModelArtifact {
  return withManifest(name, { inputs: fixture(name).manifest.inputs.slice(1) });
}

function withInput(name: string, index: number, input: ModelManifest["inputs"][number]): ModelArtifact {
  return withManifest(name, { inputs: fixture(name).manifest.inputs.with(index, input) });
}

const ONNX_REFUSALS: readonly Refusal[] = [
  {
    title: "a folder without model.onnx",
    artifact: () => withoutFile("multiclass", "model.onnx"),
    field: "model.onnx",
    says: /missing.*"model.json"/,
  },
  {
    title: "an empty file",
    artifact: () => withFile("multiclass", "model.onnx", () => new Uint8Array(0)),
    field: "model.onnx",
    says: /empty/,
  },
  ...[1, 10, 100, 5000, 10_000].map((cut) => ({
    title: `a file cut off ${cut} bytes before its end`,
    artifact: () => withFile("multiclass", "model.onnx", (bytes) => bytes.subarray(0, bytes.length - cut)),
    field: "model.onnx",
    says: /cut off|its end is missing/,
  })),
  {
    title: "a pickle",
    artifact: () => withFile("multiclass", "model.onnx", () => Uint8Array.of(0x80, 4, 0x95, 1, 2)),
    field: "model.onnx",
    says: /pickle.*Convert/,
  },
  {
    title: "a zip archive",
    artifact: () => withFile("multiclass", "model.onnx", () => Buffer.from("PK\u0003\u0004 archive")),
    field: "model.onnx",
    says: /zip/,
  },
  {
    title: "a wrong name of the input matrix",
    artifact: () => withManifest("multiclass", { input_tensor: "input" }),
    field: "input_tensor",
    says: /no input "input".*"features" float32 \[rows, 4\]/,
  },
  {
    title: "a matrix without input_tensor",
    artifact: () => {
      const { input_tensor: _, ...manifest } = fixture("multiclass").manifest;
      return { manifest, files: fixture("multiclass").files };
    },
    field: "input_tensor",
    says: /Set input_tensor to "features"/,
  },
  {
    title: "too few inputs for the matrix",
    artifact: () => withoutInput("multiclass"),
    field: "inputs",
    says: /lists 3 inputs, but model.onnx takes 4/,
  },
  {
    title: "a column that the file does not have",
    artifact: () => withInput("columns", 1, { name: "weight", type: "float" }),
    field: "inputs",
    says: /also takes "size" float32/,
  },
  {
    title: "a column too many",
    artifact: () =>
      withManifest("columns", {
        inputs: [...fixture("columns").manifest.inputs, { name: "weight", type: "float" }],
      }),
    field: "inputs.4.name",
    says: /no input "weight".*"color" string/,
  },
  {
    title: "a number for a column of strings",
    artifact: () => withInput("columns", 0, { name: "color", type: "float" }),
    field: "inputs.0.type",
    says: /string.*fits float32, float64/,
  },
  {
    title: "a wrong output name",
    artifact: () => withManifest("multiclass", { outputs: [{ name: "scores", type: "probabilities" }] }),
    field: "outputs.0.name",
    says: /no output "scores".*"probabilities" float32/,
  },
  {
    title: "too few classes",
    artifact: () => withManifest("multiclass", { classes: ["a", "b"] }),
    field: "classes",
    says: /2 classes, but model.onnx gives 3/,
  },
  {
    title: "probabilities as a value",
    artifact: () => withManifest("bench", { outputs: [{ name: "probabilities", type: "value" }] }),
    field: "outputs.0.type",
    says: /\[rows\] or \[rows, 1\]/,
  },
  {
    title: "labels as probabilities",
    artifact: () => withManifest("multiclass", { outputs: [{ name: "label", type: "probabilities" }] }),
    field: "outputs.0.type",
    says: /probabilities are \[rows, classes\]|int64/,
  },
  {
    title: "values that are no probabilities",
    artifact: () =>
      withManifest("regression", {
        outputs: [{ name: "variable", type: "probability" }],
        classes: ["a", "b"],
      }),
    field: "outputs.0.type",
    says: /no probability/,
  },
  {
    title: "maps of probabilities",
    artifact: () => fixture("zipmap"),
    field: "outputs.0.name",
    says: /zipmap=False/,
  },
  ...["external-data", "external-data-nested"].map((name) => ({
    title: name,
    artifact: () => fixture(`refused/${name}`),
    field: "model.onnx",
    says: /outside the file.*save_as_external_data=False/,
  })),
  ...["custom-domain", "custom-domain-nested"].map((name) => ({
    title: name,
    artifact: () => fixture(`refused/${name}`),
    field: "model.onnx",
    says: /"Score" is of the domain "com.example"/,
  })),
  {
    title: "answers that are no numbers",
    artifact: () => fixture("refused/not-a-number"),
    field: "outputs.0.name",
    says: /answers NaN/,
  },
  {
    title: "a model of another runtime",
    artifact: () => fixture("tfjs-layers"),
    field: "runtime",
    says: /"tfjs"/,
  },
];

const tfjsRefusals = (name: "tfjs-layers" | "tfjs-graph", inputs: number): readonly Refusal[] => [
  {
    title: "a folder without tfjs/model.json",
    artifact: () => withoutFile(name, "tfjs/model.json"),
    field: "tfjs/model.json",
    says: /missing/,
  },
  {
    title: "a model.json that is cut off",
    artifact: () => withText(name, "tfjs/model.json", (text) => text.slice(0, -20)),
    field: "tfjs/model.json",
    says: /not JSON, or cut off/,
  },
  {
    title: "another JSON",
    artifact: () => withText(name, "tfjs/model.json", () => '{"weights": 1}'),
    field: "tfjs/model.json",
    says: /not a TensorFlow.js model: modelTopology/,
  },
  {
    title: "a missing shard",
    artifact: () => withoutFile(name, "tfjs/group1-shard1of1.bin"),
    field: "tfjs/group1-shard1of1.bin",
    says: /missing/,
  },
  {
    title: "a shard that is cut off",
    artifact: () => withFile(name, "tfjs/group1-shard1of1.bin", (bytes) => bytes.subarray(4)),
    field: "tfjs/group1-shard1of1.bin",
    says: /cut off/,
  },
  ...["../model.json", "https://example.com/weights.bin", "/etc/hostname", ".."].map((path) => ({
    title: `weights at ${path}`,
    artifact: () => withText(name, "tfjs/model.json", (text) => text.replace("group1-shard1of1.bin", path)),
    field: "tfjs/model.json",
    says: /plain name/,
  })),
  {
    title: "a wrong name of the input matrix",
    artifact: () => withManifest(name, { input_tensor: "input" }),
    field: "input_tensor",
    says: /no input "input".*"features" float32/,
  },
  {
    title: "too few inputs for the matrix",
    artifact: () => withoutInput(name),
    field: "inputs",
    says: new RegExp(`lists ${inputs - 1} inputs, but the model takes ${inputs}`),
  },
  {
    title: "a wrong output name",
    artifact: () =>
      withManifest(name, {
        outputs: [{ name: "scores", type: fixture(name).manifest.outputs[0]?.type ?? "value" }],
      }),
    field: "outputs.0.name",
    says: /no output "scores"/,
  },
  {
    title: "a wrong number of classes",
    artifact: () =>
      withManifest(name, {
        outputs: [{ name: name === "tfjs-graph" ? "Identity" : "probabilities", type: "probabilities" }],
        classes: ["a", "b", "c", "d"],
      }),
    field: "classes",
    says: /4 classes|shape \[1, 1\]/,
  },
];

describeRuntime("onnx", {
  runtime: onnxRuntime,
  models: ["bench", "multiclass", "regression", "columns", "typed"].map((name) => `test/fixtures/${name}`),
  refusals: ONNX_REFUSALS,
});

describeRuntime("tfjs layers", {
  runtime: tfjsRuntime,
  models: ["test/fixtures/tfjs-layers", "test/fixtures/tfjs-columns"],
  refusals: [
    ...tfjsRefusals("tfjs-layers", 4),
    {
      title: "a Lambda layer",
      artifact: () =>
        withText("tfjs-layers", "tfjs/model.json", (text) => text.replace('"Dense"', '"Lambda"')),
      field: "tfjs/model.json",
      says: /Lambda/,
    },
  ],
});

describeRuntime("tfjs graph", {
  runtime: tfjsRuntime,
  models: ["test/fixtures/tfjs-graph"],
  refusals: [
    ...tfjsRefusals("tfjs-graph", 5),
    {
      title: "an unknown operator",
      artifact: () =>
        withText("tfjs-graph", "tfjs/model.json", (text) => text.replace('"Sigmoid"', '"Sorcery"')),
      field: "tfjs/model.json",
      says: /Sorcery/,
    },
  ],
});

it("onnx: a call that fails inside the model leaves the model usable", async () => {
  const model = await onnxRuntime.load(fixture("typed"));
  const good = Float32Array.of(0, 0, 0, 0, 0, 2);
  const bad = Float32Array.of(0, 0, 0, 0, 0, 9);
  const outputs = new Float32Array(1);
  for (let round = 0; round < 3; round += 1) {
    await assert.rejects(model.predict(bad, 1, outputs), /Gather/);
    await assert.rejects(
      model.predict(Float32Array.of(0, 0, 0.5, 0, 0, 1), 1, outputs),
      /"i64": 0.5 is no whole/,
    );
    await model.predict(good, 1, outputs);
    assert.ok(Math.abs((outputs[0] ?? 0) - 1 / (1 + Math.exp(-2))) < 1e-6);
  }
  await model.close();
});

it("onnx: an index outside a list of string categories is an error, not a guess", async () => {
  const model = await onnxRuntime.load(fixture("columns"));
  for (const index of [3, -1, 0.5, Number.NaN]) {
    await assert.rejects(model.predict(Float32Array.of(index, 1, 20, 0), 1, new Float32Array(2)), /"color"/);
  }
  await model.close();
});

it("onnx: the elec sample matches scikit-learn's predictions", async () => {
  const folder = join(PROJECT, "test/fixtures/elec");
  const details = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as {
    sample: { step: number };
  };
  const golden = readFileSync(join(folder, "golden.f32"));
  const rows = readFileSync(join(folder, "sample.csv"), "utf8").trim().split("\n").slice(1);
  const features = Float32Array.from(rows.flatMap((row) => row.split(",").slice(0, 6).map(Number)));
  const outputs = new Float32Array(rows.length * 2);
  const model = await onnxRuntime.load(fixture("elec"));
  await model.predict(features, rows.length, outputs);
  await model.close();
  assert.equal(rows.length, 200);
  rows.forEach((_, index) => {
    const expected = golden.readFloatLE(index * details.sample.step * 4);
    assert.ok(Math.abs((outputs[index * 2 + 1] ?? 0) - expected) <= 1e-5, `row ${index}`);
  });
});

it("tfjs: no tensor outlives its model, whether it was loaded, used or refused", async () => {
  const { core } = await loadTfjs();
  const before = core.memory().numTensors;
  for (const name of ["tfjs-layers", "tfjs-columns", "tfjs-graph"]) {
    const artifact = fixture(name);
    const model = await tfjsRuntime.load(artifact);
    const loaded = core.memory().numTensors;
    for (let call = 0; call < 10; call += 1) {
      await model.predict(
        new Float32Array(64 * artifact.manifest.inputs.length),
        64,
        new Float32Array(64 * 3),
      );
    }
    assert.equal(core.memory().numTensors, loaded);
    await model.close();
    await assert.rejects(
      tfjsRuntime.load(withManifest(name, { outputs: [{ name: "none", type: "value" }] })),
    );
  }
  assert.equal(core.memory().numTensors, before);
});

it("tfjs: an ONNX model is refused", async () => {
  await assert.rejects(tfjsRuntime.load(fixture("bench")), { code: "MODEL_INVALID" });
});

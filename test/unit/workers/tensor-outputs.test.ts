/** Outputs as tensors, of graphs that do not give a row for each row, or rows of different shapes. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseManifest } from "../../../engine/core/manifest.ts";
import { layTensors } from "../../../engine/core/tensor-layout.ts";
import type { PredictTask } from "../../../workers/messages.ts";
import { TaskRunner } from "../../../workers/task-runner.ts";
import { floatTensor, intTensor, type OnnxModel, rowsPort } from "../../../workers/train/onnx/onnx-model.ts";
import { encodeOnnx } from "../../../workers/train/onnx/onnx-writer.ts";

const floats = (...values: number[]) => {
  const shared = new Float32Array(new SharedArrayBuffer(values.length * 4));
  shared.set(values);
  return shared;
};

function task(key: string, rows: number, widths: readonly [number, number], values: number[]): PredictTask {
  const [inputWidth, outputWidth] = widths;
  const outputs = floats(...Array.from({ length: rows * outputWidth }, () => 0));
  return {
    kind: "predict",
    key,
    rows,
    inputWidth,
    outputWidth,
    features: floats(...values),
    outputs,
    texts: [],
  };
}

async function load(runner: TaskRunner, manifest: object, model: OnnxModel) {
  const files = new Map([["model.onnx", encodeOnnx(model)]]);
  const result = await runner.run({ kind: "load", key: "m", manifest: parseManifest(manifest), files });
  assert.ok(result.ok, JSON.stringify(result));
  return result.loaded;
}

it("an output that has no row for each row is none of the model's, and harms no prediction", async () => {
  const runner = new TaskRunner();
  const loaded = await load(
    runner,
    {
      name: "sums",
      version: "1.0.0",
      runtime: "onnx",
      inputs: [
        { name: "a", type: "float" },
        { name: "b", type: "float" },
      ],
      input_tensor: "x",
      outputs: [{ name: "sum", type: "value" }],
    },
    {
      nodes: [
        {
          operator: "ReduceSum",
          inputs: ["x", "axes"],
          outputs: ["sum"],
          attributes: { keepdims: { int: 1 } },
        },
        { operator: "Identity", inputs: ["weights"], outputs: ["constant"] },
      ],
      initializers: [intTensor("axes", [1]), floatTensor("weights", [1, 2, 3])],
      inputs: [rowsPort("x", 2)],
      outputs: [rowsPort("sum", 1), { name: "constant", type: "float32", shape: [undefined] }],
    },
  );
  assert.deepEqual(
    loaded?.outputs.map(({ name }) => name),
    ["sum"],
  );
  const asked = task("m", 2, [2, 1], [1, 2, 3, 4]);
  const result = await runner.run(asked);
  assert.ok(result.ok && result.failedRows.length === 0);
  assert.deepEqual([...asked.outputs], [3, 7]);
  assert.deepEqual(
    result.tensors?.map(({ name, shape }) => [name, ...shape]),
    [["sum", 2, 1]],
  );
});

it("rows whose outputs have different shapes are given each its own, beside one that fails", async () => {
  const runner = new TaskRunner();
  const inputs = [{ name: "n", datatype: "INT64", shape: [-1, 1] }] as const;
  const tensors = { inputs, outputs: [{ name: "ones", datatype: "FP32", shape: [-1, -1] }] };
  await load(
    runner,
    { name: "ones", version: "1.0.0", runtime: "onnx", tensors },
    {
      // as many ones as its number and one more, of one row; of several rows as many as theirs add up to, if those can be shared evenly
      nodes: [
        { operator: "ReduceSum", inputs: ["n"], outputs: ["sum"], attributes: { keepdims: { int: 0 } } },
        { operator: "Reshape", inputs: ["sum", "one"], outputs: ["size"] },
        { operator: "Shape", inputs: ["n"], outputs: ["shape"] },
        { operator: "Slice", inputs: ["shape", "zero", "one"], outputs: ["rows"] },
        { operator: "Add", inputs: ["size", "rows"], outputs: ["total"] },
        { operator: "Expand", inputs: ["seed", "total"], outputs: ["made"] },
        {
          operator: "Concat",
          inputs: ["rows", "rest"],
          outputs: ["target"],
          attributes: { axis: { int: 0 } },
        },
        { operator: "Reshape", inputs: ["made", "target"], outputs: ["ones"] },
      ],
      initializers: [
        intTensor("one", [1]),
        intTensor("zero", [0]),
        intTensor("rest", [-1]),
        floatTensor("seed", [1]),
      ],
      inputs: [{ name: "n", type: "int64", shape: [undefined, 1] }],
      outputs: [{ name: "ones", type: "float32", shape: [undefined, undefined] }],
    },
  );
  const { width } = layTensors(inputs);
  const features = floats(0, 0, 0, 0, 0, 0);
  new BigInt64Array(features.buffer).set([2n, -2n, 4n]);
  const asked = { ...task("m", 3, [width, 1], []), features };
  const result = await runner.run(asked);
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(
    result.failedRows.map(({ row }) => row),
    [1],
  );
  assert.deepEqual(
    result.tensorsByRow?.map((outputs) => outputs[0]?.shape),
    [[1, 3], undefined, [1, 5]],
  );
});

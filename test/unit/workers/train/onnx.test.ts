/**
 * ONNX models written here, run by ONNX Runtime: every kind of attribute and tensor has an operator that needs it.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { EngineError } from "../../../../engine/core/errors.ts";
import { onnxRuntime } from "../../../../workers/runtime-onnx.ts";
import {
  commonOpsets,
  embedModel,
  floatTensor,
  intTensor,
  type OnnxModel,
  type OnnxNode,
  rowsPort,
} from "../../../../workers/train/onnx/onnx-model.ts";
import { decodeOnnx } from "../../../../workers/train/onnx/onnx-reader.ts";
import { encodeOnnx } from "../../../../workers/train/onnx/onnx-writer.ts";
import { readModelFolder } from "../../../support/model-folder.ts";

/** y = 2·x₁ + 3·x₂ + 1, or other weights. */
function linear(weights: readonly number[] = [2, 3], intercept = 1): OnnxModel {
  return {
    nodes: [
      { operator: "MatMul", inputs: ["features", "weights"], outputs: ["product"] },
      { operator: "Add", inputs: ["product", "intercept"], outputs: ["value"] },
    ],
    initializers: [floatTensor("weights", weights, 1), floatTensor("intercept", [intercept])],
    inputs: [rowsPort("features", weights.length)],
    outputs: [rowsPort("value", 1)],
  };
}

/** The shorthand of a test: one float32 matrix in, `outputs` out. */
function graph(nodes: readonly OnnxNode[], outputs: OnnxModel["outputs"], width = 2): OnnxModel {
  return { nodes, initializers: [], inputs: [rowsPort("x", width)], outputs };
}

async function run(model: OnnxModel, rows: readonly number[][]): Promise<number[]> {
  const session = await InferenceSession.create(encodeOnnx(model), { logSeverityLevel: 4 });
  const [input = ""] = session.inputNames;
  const [output = ""] = session.outputNames;
  const tensor = new Tensor("float32", Float32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);
  const result = await session.run({ [input]: tensor });
  await session.release();
  return Array.from(result[output]?.data as Float32Array, Number);
}

describe("ONNX models written here", () => {
  it("are served by the engine's runtime, for any number of rows", async () => {
    const model = await onnxRuntime.load({
      manifest: {
        name: "linear",
        version: "1.0.0",
        runtime: "onnx",
        inputs: [
          { name: "a", type: "float" },
          { name: "b", type: "float" },
        ],
        input_tensor: "features",
        outputs: [{ name: "value", type: "value" }],
      },
      files: new Map([["model.onnx", encodeOnnx(linear())]]),
    });
    for (const rows of [1, 3, 300]) {
      const features = Float32Array.from({ length: rows * 2 }, (_, index) => index);
      const outputs = new Float32Array(rows);
      await model.predict(features, rows, outputs);
      assert.deepEqual(
        [...outputs],
        Array.from(outputs, (_, row) => 4 * row + 3 * (2 * row + 1) + 1),
      );
    }
    await model.close();
  });

  it("have attributes of whole numbers, lists of them and negative ones", async () => {
    const gather: OnnxNode[] = [
      { operator: "Transpose", inputs: ["x"], outputs: ["t"], attributes: { perm: { ints: [1, 0] } } },
      { operator: "Softmax", inputs: ["t"], outputs: ["y"], attributes: { axis: { int: -2 } } },
    ];
    const y = await run(graph(gather, [{ name: "y", type: "float32", shape: [2, undefined] }]), [[0, 0]]);
    assert.deepEqual(y, [0.5, 0.5]);
  });

  it("have attributes of numbers, lists of numbers and domains", async () => {
    const scaled: OnnxNode[] = [
      { operator: "LeakyRelu", inputs: ["x"], outputs: ["r"], attributes: { alpha: { float: 0.25 } } },
      {
        operator: "Scaler",
        domain: "ai.onnx.ml",
        inputs: ["r"],
        outputs: ["y"],
        attributes: {
          offset: { floats: Float32Array.of(1, 2) },
          scale: { floats: Float32Array.of(10, 100) },
        },
      },
    ];
    assert.deepEqual(await run(graph(scaled, [rowsPort("y", 2)]), [[-4, 3]]), [-20, 100]);
  });

  it("have attributes of texts and lists of texts", async () => {
    const trees = {
      nodes_treeids: { ints: [0, 0, 0] },
      nodes_nodeids: { ints: [0, 1, 2] },
      nodes_featureids: { ints: Int32Array.of(1, 0, 0) },
      nodes_values: { floats: Float32Array.of(0.5, 0, 0) },
      nodes_modes: { strings: ["BRANCH_LEQ", "LEAF", "LEAF"] },
      nodes_truenodeids: { ints: [1, 0, 0] },
      nodes_falsenodeids: { ints: [2, 0, 0] },
      target_treeids: { ints: [0, 0] },
      target_nodeids: { ints: [1, 2] },
      target_ids: { ints: [0, 0] },
      target_weights: { floats: Float32Array.of(7, 9) },
      n_targets: { int: 1 },
      post_transform: { string: "NONE" },
    };
    const node: OnnxNode = {
      operator: "TreeEnsembleRegressor",
      domain: "ai.onnx.ml",
      inputs: ["x"],
      outputs: ["y"],
      attributes: trees,
    };
    const model = graph([node], [rowsPort("y", 1)]);
    assert.deepEqual(
      await run(model, [
        [0, 0.5],
        [0, 0.6],
      ]),
      [7, 9],
    );
    assert.deepEqual(encodeOnnx(decodeOnnx(encodeOnnx(model))), encodeOnnx(model));
  });

  it("have tensors of every type, as initializers and as attributes", async () => {
    const cast = (name: string): OnnxNode => ({
      operator: "Cast",
      inputs: [name],
      outputs: [`${name}.float`],
      attributes: { to: { int: 1 } },
    });
    const constant = { name: "c", shape: [2], data: Uint8Array.of(1, 255) };
    const names = ["f64", "i32", "i64", "u8"];
    const model: OnnxModel = {
      ...graph(
        [
          { operator: "Constant", inputs: [], outputs: ["u8"], attributes: { value: { tensor: constant } } },
          ...names.map(cast),
          { operator: "Sum", inputs: ["x", ...names.map((name) => `${name}.float`)], outputs: ["y"] },
        ],
        [rowsPort("y", 2)],
      ),
      initializers: [
        { name: "f64", shape: [2], data: Float64Array.of(0.25, -1e9) },
        { name: "i32", shape: [2], data: Int32Array.of(-3, 1e9) },
        intTensor("i64", [-1000, 2 ** 40]),
      ],
    };
    assert.deepEqual(await run(model, [[0, 0]]), [1 - 1000 - 3 + 0.25, Math.fround(2 ** 40 + 255)]);
    assert.deepEqual(encodeOnnx(decodeOnnx(encodeOnnx(model))), encodeOnnx(model));
  });

  it("have the same bytes each time, and are read back as they were", () => {
    const bytes = encodeOnnx(linear());
    assert.deepEqual(encodeOnnx(linear()), bytes);
    const { opsets, ...rest } = decodeOnnx(bytes);
    assert.deepEqual(rest, linear());
    assert.deepEqual(opsets, { "": 17, "ai.onnx.ml": 3 });
  });

  it("stand in a larger model under names of their own", async () => {
    const members = [linear(), linear([10, 0], -5)];
    const parts = members.map((model, index) =>
      embedModel(model, `member${index}/`, new Map([["features", "features"]])),
    );
    const merged: OnnxModel = {
      nodes: [
        ...parts.flatMap(({ nodes }) => nodes),
        { operator: "Add", inputs: ["member0/value", "member1/value"], outputs: ["value"] },
      ],
      initializers: parts.flatMap(({ initializers }) => initializers),
      inputs: [rowsPort("features", 2)],
      outputs: [rowsPort("value", 1)],
      opsets: commonOpsets(members),
    };
    assert.deepEqual(
      await run(merged, [
        [1, 1],
        [0, 2],
      ]),
      [6 + 5, 7 - 5],
    );
  });

  it("cannot stand together when they need different versions of the operators", () => {
    assert.throws(
      () => commonOpsets([linear(), { ...linear(), opsets: { "": 18 } }]),
      /versions 17 and 18 of the operators ""/,
    );
  });

  it("have tensors as large as their shapes say", () => {
    const wrong = { ...linear(), initializers: [{ name: "w", shape: [3], data: new Float32Array(2) }] };
    assert.throws(() => encodeOnnx(wrong), /"w" of shape \[3\] has 2 numbers/);
  });
});

describe("the reader of ONNX models", () => {
  const expectRefusal = (bytes: Uint8Array, says: RegExp): void => {
    assert.throws(
      () => decodeOnnx(bytes),
      (error) => error instanceof EngineError && error.code === "MODEL_INVALID" && says.test(error.message),
    );
  };

  it("refuses a file of another exporter that it cannot hold, and says what to do", () => {
    const bytes = readModelFolder("test/fixtures/columns").files.get("model.onnx");
    expectRefusal(bytes ?? new Uint8Array(), /no trainer here made.*FULL_RETRAIN/);
  });

  it("refuses a file that is cut off or damaged anywhere, and never gives anything but a model or a refusal", () => {
    const bytes = encodeOnnx(linear());
    for (let cut = 0; cut < bytes.length; cut++) {
      if (cut < bytes.length - 40) expectRefusal(bytes.subarray(0, cut), /cut off|empty|end is missing/);
      const damaged = Uint8Array.from(bytes).fill(0xff, cut, cut + 1);
      try {
        decodeOnnx(damaged);
      } catch (error) {
        assert.ok(error instanceof EngineError, String(error));
      }
    }
  });
});

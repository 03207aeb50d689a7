/** Rows out of a request's tensors: of a matrix, of columns, of a model of tensors. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesOf } from "../../../../engine/core/elements.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import { parseManifest } from "../../../../engine/core/manifest.ts";
import { Metrics } from "../../../../engine/core/metrics.ts";
import type { Datatype, Tensor } from "../../../../engine/core/tensor.ts";
import { toInputRows } from "../../../../engine/oip/input-rows.ts";
import { RowSource } from "../../../../engine/row-source.ts";
import { ServedModel } from "../../../../engine/served-model.ts";
import { mixedManifest } from "../../../support/manifests.ts";

const ROWS_MAX = 8;

function tensor(name: string, datatype: Datatype, shape: number[], data: Tensor["data"]): Tensor {
  return { name, datatype, shape, data };
}

function floats(name: string, shape: number[], ...values: number[]): Tensor {
  return tensor(name, "FP32", shape, bytesOf(Float32Array.from(values)));
}

/** What the batch would hold of all rows. */
function written(model: ServedModel, tensors: readonly Tensor[]): { floats: number[]; texts: string[] } {
  const { count, sourceOf } = toInputRows(model, tensors, ROWS_MAX);
  const { plan } = model;
  const row = new Float32Array(count * plan.width);
  const texts = Array.from({ length: count * plan.texts }, () => "");
  for (let index = 0; index < count; index++) {
    const source = sourceOf(index);
    const at = [row, index * plan.width, texts, index * plan.texts] as const;
    const error = source instanceof RowSource ? source.write(plan, ...at) : plan.write(source, ...at);
    assert.equal(error, undefined);
  }
  return { floats: [...row], texts };
}

function refused(model: ServedModel, tensors: readonly Tensor[], pattern: RegExp): void {
  assert.throws(
    () => toInputRows(model, tensors, ROWS_MAX),
    (error) => {
      assert.ok(error instanceof EngineError && error.meaning.status === 400, String(error));
      assert.match(error.message, pattern);
      return true;
    },
  );
}

describe("rows of a matrix", () => {
  const manifest = mixedManifest({ input_tensor: "features" });
  const model = new ServedModel(manifest, new Metrics(), undefined, {
    inputs: [{ name: "features", datatype: "FP32", shape: [-1, 4] }],
    outputs: [],
  });

  it("are its floats, at whatever offset they came", () => {
    const values = Float32Array.of(1.5, 20, 2, 1, -10, 0, 0, 0);
    const bytes = Buffer.concat([Buffer.alloc(1), Buffer.from(values.buffer)]).subarray(1);
    assert.deepEqual(written(model, [tensor("features", "FP32", [2, 4], bytes)]).floats, [...values]);
  });

  it("are checked feature by feature", () => {
    const wrong: [number[], RegExp][] = [
      [[11, 0, 0, 0], /row 1: feature size must be at most 10/],
      [[Number.NaN, 0, 0, 0], /row 1: feature size must be a finite/],
      [[0, 1.5, 0, 0], /row 1: feature age must be an integer/],
      [[0, -1, 0, 0], /row 1: feature age must be at least 0/],
      [[0, 0, 3, 0], /row 1: feature color must be the index of one of its 3/],
      [[0, 0, 0.5, 0], /row 1: feature color/],
      [[0, 0, 0, 2], /row 1: feature new must be 1 or 0/],
    ];
    for (const [row, pattern] of wrong)
      refused(model, [floats("features", [2, 4], 0, 0, 0, 0, ...row)], pattern);
  });

  it("are refused where a float32 does not hold a whole number", () => {
    const wide = new ServedModel(manifest, new Metrics(), undefined, {
      inputs: [{ name: "features", datatype: "FP64", shape: [-1, 4] }],
      outputs: [],
    });
    const row = (age: number): Tensor =>
      tensor("features", "FP64", [1, 4], bytesOf(Float64Array.of(1, age, 0, 1)));
    assert.deepEqual(written(wide, [row(16_777_216)]).floats, [1, 16_777_216, 0, 1]);
    refused(wide, [row(16_777_217)], /row 0: feature age must be exactly representable/);
  });

  it("are a matrix too where model.json does not name the tensor", () => {
    const unnamed = new ServedModel(mixedManifest(), new Metrics(), undefined, {
      inputs: [{ name: "dense_input", datatype: "FP32", shape: [-1, 4] }],
      outputs: [],
    });
    assert.deepEqual(written(unnamed, [floats("dense_input", [1, 4], 1, 2, 0, 1)]).floats, [1, 2, 0, 1]);
  });

  it("are refused in another shape, datatype or number", () => {
    refused(
      model,
      [floats("features", [1, 5], 1, 2, 3, 4, 5)],
      /has shape \[1, 5\]; the model takes \[-1, 4\]/,
    );
    refused(model, [floats("features", [4], 1, 2, 3, 4)], /has shape \[4\]/);
    refused(
      model,
      [tensor("features", "FP64", [1, 4], new Uint8Array(32))],
      /datatype FP64; the model takes FP32/,
    );
    refused(model, [floats("features", [0, 4])], /has no rows/);
    refused(
      model,
      [floats("features", [9, 4], ...Array.from({ length: 36 }, () => 0))],
      /9 rows, more than the 8/,
    );
    refused(model, [floats("other", [1, 4], 1, 2, 3, 4)], /"other" is no input of this model/);
  });
});

describe("rows of a matrix whose width the file leaves open", () => {
  const manifest = mixedManifest({ input_tensor: "features" });
  for (const shape of [[-1, -1], [-1]])
    it(`are as wide as there are inputs, of [${shape.join(", ")}]`, () => {
      const model = new ServedModel(manifest, new Metrics(), undefined, {
        inputs: [{ name: "features", datatype: "FP32", shape }],
        outputs: [],
      });
      assert.deepEqual(model.tensors.inputs[0]?.shape, [-1, 4]);
      refused(model, [floats("features", [1, 8], 0, 0, 0, 0, 0, 0, 0, 0)], /has shape \[1, 8\]/);
      refused(model, [floats("features", [2, 2], 0, 0, 0, 0)], /has shape \[2, 2\]/);
      assert.deepEqual(written(model, [floats("features", [1, 4], 1, 2, 0, 1)]).floats, [1, 2, 0, 1]);
    });
});

describe("rows of columns", () => {
  const inputs = (["FP32", "INT64", "BYTES", "BOOL"] as const).map((datatype, index) => ({
    name: mixedManifest().inputs[index]?.name ?? "",
    datatype,
    shape: [-1, 1],
  }));
  const model = new ServedModel(mixedManifest(), new Metrics(), undefined, { inputs, outputs: [] });
  const columns = [
    floats("size", [2, 1], 1.5, -2.5),
    tensor("age", "INT64", [2, 1], bytesOf(BigInt64Array.of(20n, 30n))),
    tensor("color", "BYTES", [2], ["blue", "red"]),
    tensor("new", "BOOL", [2, 1], Uint8Array.of(1, 0)),
  ];

  it("are values by name; what has a default may be left out", () => {
    assert.deepEqual(written(model, columns).floats, [1.5, 20, 2, 1, -2.5, 30, 0, 0]);
    const [size, , , flag] = columns as [Tensor, Tensor, Tensor, Tensor];
    assert.deepEqual(written(model, [flag, size]).floats, [1.5, 30, 1, 1, -2.5, 30, 1, 0]);
  });

  it("are checked as POST /predict does it, before any is accepted", () => {
    const [size, age, , flag] = columns as [Tensor, Tensor, Tensor, Tensor];
    refused(model, [size, age], /row 0: features.new is required/);
    refused(model, [size, flag, tensor("color", "BYTES", [2], ["red", "pink"])], /row 1: features.color/);
    refused(model, [floats("size", [2, 1], 0, 99), flag], /row 1: features.size must be at most 10/);
    const long = tensor("age", "INT64", [2, 1], bytesOf(BigInt64Array.of(1n, 2n ** 53n + 1n)));
    refused(model, [size, flag, long], /row 1: features.age/);
    refused(
      model,
      [size, floats("age", [2, 1], 1, 2), flag],
      /"age" has datatype FP32; the model takes INT64/,
    );
    refused(
      model,
      [size, tensor("new", "BOOL", [1, 1], Uint8Array.of(1))],
      /"new" has 1 rows, other tensors/,
    );
  });
});

describe("rows of a model of tensors", () => {
  const manifest = parseManifest({
    name: "tensors",
    version: "1.0.0",
    runtime: "onnx",
    tensors: {
      inputs: [
        { name: "a", datatype: "UINT8", shape: [-1, 3] },
        { name: "t", datatype: "BYTES", shape: [-1, 2] },
        { name: "b", datatype: "INT64", shape: [-1] },
      ],
      outputs: [{ name: "o", datatype: "FP32", shape: [-1, -1] }],
    },
  });
  const model = new ServedModel(manifest, new Metrics());
  const tensors = [
    tensor("b", "INT64", [2], bytesOf(BigInt64Array.of(-1n, 2n ** 62n))),
    tensor("a", "UINT8", [2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)),
    tensor("t", "BYTES", [2, 2], ["p", "q", "r", "s"]),
  ];

  it("are its bytes, tensor after tensor, and its texts", () => {
    const { count, sourceOf } = toInputRows(model, tensors, ROWS_MAX);
    assert.equal(model.plan.width, 3);
    const row = new Float32Array(count * 3);
    const texts = ["", "", "", ""];
    for (const index of [0, 1])
      (sourceOf(index) as RowSource).write(model.plan, row, index * 3, texts, index * 2);
    const bytes = Buffer.from(row.buffer);
    assert.deepEqual([...bytes.subarray(0, 3)], [1, 2, 3]);
    assert.equal(bytes.readBigInt64LE(3), -1n);
    assert.deepEqual([...bytes.subarray(12, 15)], [4, 5, 6]);
    assert.equal(bytes.readBigInt64LE(15), 2n ** 62n);
    assert.deepEqual(texts, ["p", "q", "r", "s"]);
  });

  it("need every tensor, and take no features", () => {
    refused(model, tensors.slice(1), /"b" is missing/);
    assert.match(model.plan.write({}, new Float32Array(3), 0)?.message ?? "", /it takes tensors/);
  });
});

/** Inference requests out of bytes: what is read, and what is refused. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../engine/core/errors.ts";
import type { ModelTensors } from "../../../../engine/core/tensor.ts";
import { readInferRequest } from "../../../../engine/oip/infer-request.ts";

const FLOATS = Buffer.from(Float32Array.of(1, 2, 3).buffer);
const TENSORS: ModelTensors = {
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 3] }],
  outputs: [],
};

function binary(json: object, ...blobs: Buffer[]): { body: Buffer; length: string } {
  const head = Buffer.from(JSON.stringify(json));
  return { body: Buffer.concat([head, ...blobs]), length: String(head.length) };
}

function input(change: object = {}) {
  return { name: "x", datatype: "FP32", shape: [1, 3], parameters: { binary_data_size: 12 }, ...change };
}

function read({ body, length }: { body: Buffer; length: string | undefined }, tensors = TENSORS) {
  return readInferRequest(body, length, () => tensors);
}

function refused(body: Parameters<typeof read>[0], pattern: RegExp, code = "INVALID_REQUEST"): void {
  assert.throws(
    () => read(body),
    (error) => {
      assert.ok(error instanceof EngineError && error.code === code, String(error));
      assert.match(error.message, pattern);
      return true;
    },
  );
}

describe("an inference request", () => {
  it("has binary data and JSON data side by side", () => {
    const inputs = [
      input(),
      { name: "y", datatype: "INT8", shape: [2], data: [4, 5] },
      input({ name: "z", datatype: "BOOL", shape: [1, 2], parameters: { binary_data_size: 2 } }),
    ];
    const request = read(binary({ id: "7", inputs }, FLOATS, Buffer.of(1, 0)));
    assert.equal(request.id, "7");
    assert.deepEqual(
      request.inputs.map(({ name, data }) => [name, ...(data as Uint8Array)]),
      [
        ["x", ...FLOATS],
        ["y", 4, 5],
        ["z", 1, 0],
      ],
    );
  });

  it("is read anew each time, though its JSON is known", () => {
    const first = read(binary({ inputs: [input()] }, FLOATS));
    const other = Buffer.from(Float32Array.of(4, 5, 6).buffer);
    const second = read(binary({ inputs: [input()] }, other));
    assert.deepEqual(Buffer.from(first.inputs[0]?.data as Uint8Array), FLOATS);
    assert.deepEqual(Buffer.from(second.inputs[0]?.data as Uint8Array), other);
    refused(binary({ inputs: [input()] }, FLOATS.subarray(0, 11)), /is cut off/);
    refused(binary({ inputs: [input()] }, FLOATS, Buffer.of(1)), /13 bytes follow/);
  });

  it("asks for outputs in binary form, all or each", () => {
    const outputs = [{ name: "a" }, { name: "b", parameters: { binary_data: false } }];
    const parameters = { binary_data_output: true };
    const request = read(binary({ inputs: [input()], outputs, parameters }, FLOATS));
    assert.equal(request.isBinary, true);
    assert.deepEqual(request.outputs, [
      { name: "a", isBinary: true },
      { name: "b", isBinary: false },
    ]);
  });

  it("is one row of the model's only input when it is raw", () => {
    const request = read({ body: FLOATS, length: "0" });
    assert.deepEqual(request.inputs, [{ name: "x", datatype: "FP32", shape: [1, 3], data: FLOATS }]);
    assert.equal(request.isBinary, true);
    const two = { ...TENSORS, inputs: [...TENSORS.inputs, ...TENSORS.inputs] };
    assert.throws(() => read({ body: FLOATS, length: "0" }, two), /for models of one input/);
    const text: ModelTensors = { inputs: [{ name: "t", datatype: "BYTES", shape: [-1] }], outputs: [] };
    assert.deepEqual(read({ body: Buffer.from("one text"), length: "0" }, text).inputs[0]?.data, [
      "one text",
    ]);
  });

  it("is refused when sizes lie", () => {
    const { body } = binary({ inputs: [input()] }, FLOATS);
    refused({ body, length: String(body.length + 1) }, /inference-header-content-length must be/);
    for (const length of ["-1", "1.5", "x", "9".repeat(30)]) refused({ body, length }, /must be the length/);
    refused({ body, length: "10" }, /not JSON/, "INVALID_JSON");
    refused(binary({ inputs: [input({ parameters: { binary_data_size: 8 } })] }, FLOATS), /8 bytes; shape/);
    for (const binary_data_size of [-4, 1.5, "12", true])
      refused(
        binary({ inputs: [input({ parameters: { binary_data_size } })] }, FLOATS),
        /no number of bytes/,
      );
    refused(binary({ inputs: [input({ data: [1, 2, 3] })] }, FLOATS), /is there twice/);
    refused(binary({ inputs: [input({ shape: [2 ** 31, 2 ** 31] })] }, FLOATS), /too many elements/);
  });

  it("is refused when its JSON is no request", () => {
    const json = (value: unknown) => ({ body: Buffer.from(JSON.stringify(value)), length: undefined });
    refused({ body: Buffer.from("{"), length: undefined }, /not JSON/, "INVALID_JSON");
    refused({ body: Buffer.alloc(0), length: undefined }, /not JSON/, "INVALID_JSON");
    const nested = "[".repeat(200_000);
    refused({ body: Buffer.from(nested), length: undefined }, /not JSON/, "INVALID_JSON");
    for (const value of [null, [], 7, {}, { inputs: [] }, { inputs: {} }])
      refused(json(value), /body|inputs/);
    const one = { name: "x", datatype: "FP32", shape: [1], data: [1] };
    refused(json({ inputs: [{ ...one, datatype: "FP8" }] }), /inputs.0.datatype/);
    refused(json({ inputs: [{ ...one, shape: [-1] }] }), /inputs.0.shape.0/);
    refused(json({ inputs: [{ ...one, shape: [] }] }), /inputs.0.shape/);
    refused(json({ inputs: [one, one] }), /"x" twice/);
    refused(json({ inputs: [one], outputs: [{ name: "a" }, { name: "a" }] }), /outputs has "a" twice/);
    refused(json({ inputs: [one], id: 7 }), /^id/);
    refused(json({ inputs: [one], parameters: { a: {} } }), /parameters/);
  });
});

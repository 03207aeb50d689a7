import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decodeInferResult,
  encodeInferCall,
  type InferCall,
} from "../../../../engine/client/infer-bodies.ts";
import type { InferInput } from "../../../../engine/client/infer-tensors.ts";
import { DATATYPES, type Datatype, type Tensor } from "../../../../engine/core/tensor.ts";
import { type InferRequest, readInferRequest } from "../../../../engine/oip/infer-request.ts";
import { encodeInferResponse } from "../../../../engine/oip/infer-response.ts";

/** What the engine reads of what the client writes. */
function received(call: InferCall, leftMs = 1_000): InferRequest {
  const { body, jsonLength } = encodeInferCall(call)(leftMs);
  return readInferRequest(Buffer.from(body), String(jsonLength), () => assert.fail("it is not raw"));
}

/** What the client reads of what the engine writes. */
function answered(outputs: readonly Tensor[], isBinary = true) {
  const response = { model_name: "m", model_version: "1.0.0", id: "a", parameters: { k: 1 }, outputs };
  const { body, jsonLength } = encodeInferResponse(response, { outputs: undefined, isBinary });
  return decodeInferResult(Buffer.from(body), jsonLength === undefined ? undefined : String(jsonLength));
}

/** Inputs, and the elements that they come back as. */
const SAMPLES: Readonly<Record<Datatype, readonly [InferInput["data"], ArrayLike<unknown>]>> = {
  BOOL: [[true, false, true], Uint8Array.of(1, 0, 1)],
  UINT8: [Uint8Array.of(0, 7, 255), Uint8Array.of(0, 7, 255)],
  UINT16: [Uint16Array.of(0, 7, 65_535), Uint16Array.of(0, 7, 65_535)],
  UINT32: [Uint32Array.of(0, 7, 2 ** 32 - 1), Uint32Array.of(0, 7, 2 ** 32 - 1)],
  UINT64: [BigUint64Array.of(0n, 7n, 2n ** 64n - 1n), BigUint64Array.of(0n, 7n, 2n ** 64n - 1n)],
  INT8: [Int8Array.of(-128, 0, 127), Int8Array.of(-128, 0, 127)],
  INT16: [Int16Array.of(-32_768, 0, 1), Int16Array.of(-32_768, 0, 1)],
  INT32: [Int32Array.of(-(2 ** 31), 0, 1), Int32Array.of(-(2 ** 31), 0, 1)],
  INT64: [[-(2n ** 63n), 0n, 2n ** 53n + 1n], BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 53n + 1n)],
  FP16: [[1.5, -65_504, 0.1], Float32Array.of(1.5, -65_504, 0.0999755859375)],
  FP32: [Float32Array.of(1.5, Number.NaN, -Infinity), Float32Array.of(1.5, Number.NaN, -Infinity)],
  FP64: [Float64Array.of(0.1, -0, 1e300), Float64Array.of(0.1, -0, 1e300)],
  BYTES: [
    ["", "häß", "a\u0000b"],
    ["", "häß", "a\u0000b"],
  ],
};

describe("tensors of the client", () => {
  for (const datatype of Object.keys(DATATYPES) as Datatype[]) {
    it(`of ${datatype} arrive as they are, and come back as they are`, () => {
      const [data, elements] = SAMPLES[datatype];
      // an input of one byte before it, so that nothing is aligned
      const inputs = [
        { name: "odd", shape: [1], data: Uint8Array.of(1) },
        { name: "x", datatype, shape: [3, 1], data },
      ];
      const request = received({ inputs });
      assert.deepEqual(
        request.inputs.map(({ name, shape }) => [name, shape]),
        [
          ["odd", [1]],
          ["x", [3, 1]],
        ],
      );
      const result = answered(request.inputs);
      const back = result.data("x", datatype);
      assert.equal(Object.prototype.toString.call(back), Object.prototype.toString.call(elements));
      assert.deepEqual(Array.from(back as ArrayLike<unknown>), Array.from(elements));
      const again = received({ inputs: result.outputs });
      assert.deepEqual(again.inputs, request.inputs);
    });
  }

  it("of answers in JSON are understood, too", () => {
    const { inputs } = received({
      inputs: [
        { name: "flags", shape: [2], data: [true, false] },
        { name: "counts", shape: [2], data: [1n, -2n] },
        { name: "words", shape: [2], data: ["a", "b"] },
        { name: "weights", datatype: "FP16", shape: [2], data: [0.5, 2] },
      ],
    });
    const result = answered(inputs, false);
    assert.deepEqual(result.data("flags", "BOOL"), Uint8Array.of(1, 0));
    assert.deepEqual(result.data("counts", "INT64"), BigInt64Array.of(1n, -2n));
    assert.deepEqual(result.data("words", "BYTES"), ["a", "b"]);
    assert.deepEqual(result.data("weights", "FP16"), Float32Array.of(0.5, 2));
    const nested = {
      model_name: "m",
      model_version: "1",
      outputs: [
        {
          name: "y",
          datatype: "INT8",
          shape: [2, 2],
          data: [
            [1, 2],
            [3, 4],
          ],
        },
      ],
    };
    assert.deepEqual(
      decodeInferResult(Buffer.from(JSON.stringify(nested)), undefined).data("y", "INT8"),
      Int8Array.of(1, 2, 3, 4),
    );
  });

  it("of FP16 may be given as bits, and of other numbers in any array", () => {
    const bits = received({
      inputs: [{ name: "x", datatype: "FP16", shape: [1], data: Uint16Array.of(0x3e00) }],
    });
    assert.deepEqual(answered(bits.inputs).data("x", "FP16"), Float32Array.of(1.5));
    const whole = received({ inputs: [{ name: "x", datatype: "INT64", shape: [2], data: [1, -5] }] });
    assert.deepEqual(answered(whole.inputs).data("x", "INT64"), BigInt64Array.of(1n, -5n));
    const wide = received({
      inputs: [{ name: "x", datatype: "FP32", shape: [1], data: Float64Array.of(0.1) }],
    });
    assert.deepEqual(answered(wide.inputs).data("x", "FP32"), Float32Array.of(0.1));
  });

  it("that do not fit are refused, and it is said why", () => {
    const wrong: readonly (readonly [InferInput, RegExp])[] = [
      [
        { name: "x", shape: [2, 2], data: Float32Array.of(1) },
        /tensor "x": data has 1 elements, and shape \[2, 2\] says 4/,
      ],
      [{ name: "x", shape: [1], data: [1] }, /datatype is needed/],
      [{ name: "x", datatype: "INT8", shape: [1], data: [128] }, /128 is no INT8/],
      [{ name: "x", datatype: "INT8", shape: [1], data: [0.5] }, /0.5 is no INT8/],
      [{ name: "x", datatype: "UINT64", shape: [1], data: [-1n] }, /-1 is no UINT64/],
      [{ name: "x", datatype: "BOOL", shape: [1], data: [2] }, /2 is no BOOL/],
      [{ name: "x", datatype: "BYTES", shape: [1], data: [2] }, /2 is no BYTES/],
      [{ name: "x", datatype: "FP32", shape: [1], data: ["2"] }, /2 is no FP32/],
    ];
    for (const [input, message] of wrong)
      assert.throws(() => encodeInferCall({ inputs: [input] }), { name: "TypeError", message });
  });

  it("are asked for by name and datatype", () => {
    const result = answered([{ name: "y", datatype: "INT8", shape: [1], data: Uint8Array.of(255) }]);
    assert.deepEqual(
      [result.modelName, result.modelVersion, result.id, result.parameters],
      ["m", "1.0.0", "a", { k: 1 }],
    );
    assert.throws(() => result.data("y", "FP32"), /no output "y" of FP32; there is y \(INT8\)/);
    assert.throws(() => result.data("z", "INT8"), TypeError);
  });

  it("that are cut off are not taken for an answer", () => {
    const response = {
      model_name: "m",
      model_version: "1",
      outputs: [{ name: "y", datatype: "INT8", shape: [4], parameters: { binary_data_size: 4 } }],
    };
    const json = Buffer.from(JSON.stringify(response));
    assert.throws(
      () => decodeInferResult(Buffer.concat([json, Buffer.of(1, 2)]), String(json.length)),
      /has 2 bytes/,
    );
  });
});

describe("inference requests of the client", () => {
  const inputs = [{ name: "x", shape: [1], data: Float32Array.of(1) }];

  it("ask for all outputs as binary data, or for some", () => {
    assert.deepEqual(received({ inputs }).outputs, undefined);
    assert.equal(received({ inputs }).isBinary, true);
    assert.deepEqual(received({ inputs, outputs: ["y"] }).outputs, [{ name: "y", isBinary: true }]);
  });

  it("tell what is left of the deadline in microseconds, and never more than their own", () => {
    assert.equal(received({ inputs }, 1_500).parameters["timeout"], 1_500_000);
    assert.equal(received({ inputs, parameters: { timeout: 2_500 } }, 1_500).parameters["timeout"], 2_500);
    assert.equal(received({ inputs, parameters: { timeout: 0 } }, 1_500).parameters["timeout"], 1_500_000);
    assert.equal(received({ inputs }, 10_000_000).parameters["timeout"], 600_000_000);
  });

  it("carry id and parameters", () => {
    const request = received({ inputs, id: "a", parameters: { priority: 1, entity_id: "card-1" } });
    assert.equal(request.id, "a");
    assert.equal(request.parameters["priority"], 1);
    assert.equal(request.parameters["entity_id"], "card-1");
  });
});

/** Tensors there and back in both forms, and what is refused of each. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toValues } from "../../../../engine/core/elements.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import type { Datatype, Tensor, TensorSpec } from "../../../../engine/core/tensor.ts";
import { fromTensorBytes, toTensorBytes } from "../../../../engine/core/tensor-bytes.ts";
import { fromTensorJson, parseTensorJson, toTensorJson } from "../../../../engine/core/tensor-json.ts";
import { createRandom } from "../../../support/random.ts";
import { ALL_DATATYPES, extremeTensor, randomTensor } from "../../../support/tensors.ts";

const refusal = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof EngineError && error.code === "INVALID_REQUEST", String(error));
  assert.match(error.message, pattern);
  return true;
};

function spec(datatype: Datatype, ...shape: number[]): TensorSpec {
  return { name: "x", datatype, shape };
}

/** Elements as values, NaN and all. */
function valuesOf({ datatype, data }: Pick<Tensor, "datatype" | "data">): readonly unknown[] {
  return toValues(datatype, data);
}

describe("tensors in binary form", () => {
  it("are read back as they were, of every datatype", () => {
    const random = createRandom();
    for (const datatype of ALL_DATATYPES)
      for (const tensor of [
        extremeTensor(datatype),
        ...Array.from({ length: 50 }, () => randomTensor(datatype, random)),
      ]) {
        const padded = Buffer.concat([Buffer.alloc(1), toTensorBytes(tensor)]); // not aligned
        const data = fromTensorBytes(tensor, padded.subarray(1));
        assert.deepEqual(valuesOf({ datatype, data }), valuesOf(tensor), `${datatype}, seed ${random.seed}`);
      }
  });

  it("are refused when their bytes are not those of the shape", () => {
    assert.throws(() => fromTensorBytes(spec("FP32", 2, 2), Buffer.alloc(15)), refusal(/15 bytes.*takes 16/));
    assert.throws(() => fromTensorBytes(spec("INT64", 1), Buffer.alloc(16)), refusal(/16 bytes.*takes 8/));
    const text = toTensorBytes({ data: ["ab"] });
    assert.throws(() => fromTensorBytes(spec("BYTES", 2), text), refusal(/1 elements; its shape says 2/));
    assert.throws(() => fromTensorBytes(spec("BYTES", 0), text), refusal(/more than the 0 elements/));
    for (const cut of [text.subarray(0, 5), text.subarray(0, 3)])
      assert.throws(() => fromTensorBytes(spec("BYTES", 1), cut), refusal(/is cut off: element 0/));
    const huge = Buffer.from([0xff, 0xff, 0xff, 0xff, 1]);
    assert.throws(() => fromTensorBytes(spec("BYTES", 1), huge), refusal(/is cut off/));
  });

  it("are refused when a text is not UTF-8", () => {
    const bytes = Buffer.from([2, 0, 0, 0, 0xc3, 0x28]);
    assert.throws(() => fromTensorBytes(spec("BYTES", 1), bytes), refusal(/element 0 that are not UTF-8/));
  });
});

describe("tensors in JSON", () => {
  it("are read back as they were, of every datatype, where JSON has their numbers", () => {
    const random = createRandom();
    for (const datatype of ALL_DATATYPES)
      for (const tensor of [
        extremeTensor(datatype),
        ...Array.from({ length: 50 }, () => randomTensor(datatype, random)),
      ]) {
        const text = toTensorJson(tensor);
        const parsed = parseTensorJson(text) as unknown[];
        if (parsed.includes(null)) continue; // NaN or infinite
        const data = fromTensorJson(tensor, parsed);
        const expected = valuesOf(tensor).map((value) => (Object.is(value, -0) ? 0 : value));
        assert.deepEqual(valuesOf({ datatype, data }), expected, `${datatype}, seed ${random.seed}`);
      }
  });

  it("may be nested as their shape says, or flat", () => {
    const flat = fromTensorJson(spec("INT8", 2, 1, 2), [1, 2, 3, 4]);
    assert.deepEqual(fromTensorJson(spec("INT8", 2, 1, 2), [[[1, 2]], [[3, 4]]]), flat);
    for (const wrong of [
      [[[1, 2, 3]], [[4]]],
      [
        [1, 2],
        [3, 4],
      ],
      [[[[1], [2]]], [[3, 4]]],
      [[1, 2], 3, 4],
    ])
      assert.throws(() => fromTensorJson(spec("INT8", 2, 1, 2), wrong), refusal(/nested/));
    assert.throws(() => fromTensorJson(spec("INT8", 2, 2), [1, 2, 3]), refusal(/3 elements; shape \[2, 2\]/));
    assert.throws(() => fromTensorJson(spec("INT8", 1), undefined), refusal(/is missing/));
    assert.throws(() => fromTensorJson(spec("INT8", 1), 7), refusal(/is missing/));
  });

  it("are refused for the first element that the datatype does not hold", () => {
    const wrong: [Datatype, unknown][] = [
      ["UINT8", 256],
      ["UINT8", -1],
      ["INT8", 1.5],
      ["INT16", 32_768],
      ["UINT32", 2 ** 32],
      ["INT32", "1"],
      ["INT64", 2n ** 63n],
      ["UINT64", -1],
      ["UINT64", 2n ** 64n],
      ["INT64", 1.5],
      ["FP16", 65_520],
      ["FP32", 1e39],
      ["FP64", null],
      ["FP32", true],
      ["BOOL", 2],
      ["BOOL", "true"],
      ["BYTES", 1],
    ];
    for (const [datatype, value] of wrong)
      assert.throws(() => fromTensorJson(spec(datatype, 1), [value]), refusal(/element 0 must be/), datatype);
  });

  it("keep 64-bit integers that a double does not hold", () => {
    const parsed = parseTensorJson("[9007199254740993, -9223372036854775808, 12]") as unknown[];
    const data = fromTensorJson(spec("INT64", 3), parsed);
    assert.equal(toTensorJson({ datatype: "INT64", data }), "[9007199254740993,-9223372036854775808,12]");
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Datatype, Tensor, TensorData } from "../../../../engine/core/tensor.ts";
import { toTensorBytes } from "../../../../engine/core/tensor-bytes.ts";
import type { ContentsMessage } from "../../../../engine/grpc/messages.ts";
import { fromContents, hasContents, toContents } from "../../../../engine/grpc/tensor-contents.ts";
import { hasCode } from "../../../support/error-code.ts";
import { receivedInfer } from "../../../support/grpc-messages.ts";
import { createRandom } from "../../../support/random.ts";
import { ALL_DATATYPES, extremeTensor, randomTensor } from "../../../support/tensors.ts";

/** What the server has after a caller sent these contents. */
function received(contents: object): ContentsMessage | null {
  return receivedInfer({ inputs: [{ name: "x", contents }] }).inputs[0]?.contents ?? null;
}

function refused(datatype: Datatype, shape: readonly number[], contents: object, pattern: RegExp): void {
  assert.throws(
    () => fromContents({ name: "x", datatype, shape }, received(contents)),
    hasCode("INVALID_REQUEST", pattern),
  );
}

/** NaN has many forms, and only one of them comes back from a number. */
function comparable({ datatype, data }: Pick<Tensor, "datatype" | "data">): unknown {
  if (datatype === "BYTES") return data;
  const bytes = Uint8Array.from(toTensorBytes({ data }));
  if (datatype === "FP32") return [...new Float32Array(bytes.buffer)];
  if (datatype === "FP64") return [...new Float64Array(bytes.buffer)];
  return bytes;
}

function assertComesBack(tensor: Tensor, what: string): void {
  const data: TensorData = fromContents(tensor, received(toContents(tensor)));
  assert.deepEqual(comparable({ ...tensor, data }), comparable(tensor), what);
}

const typed = ALL_DATATYPES.filter(hasContents);

describe("tensor contents", () => {
  it("are there for every datatype but FP16", () => {
    assert.deepEqual(
      ALL_DATATYPES.filter((datatype) => !hasContents(datatype)),
      ["FP16"],
    );
  });

  for (const datatype of typed) {
    it(`of ${datatype} come back as they were, to the ends of what it holds`, () => {
      assertComesBack(extremeTensor(datatype), datatype);
    });
  }

  it("come back as they were, whatever the elements and the shape", () => {
    const random = createRandom();
    for (let round = 0; round < 300; round++) {
      const tensor = randomTensor(typed[round % typed.length] ?? "FP32", random);
      assertComesBack(tensor, `${tensor.datatype} [${tensor.shape.join()}], TEST_SEED=${random.seed}`);
    }
  });

  it("may be left out where there are no elements", () => {
    assert.deepEqual(fromContents({ name: "x", datatype: "FP32", shape: [0, 3] }, null), new Uint8Array(0));
  });

  it("are refused when they are too few, too many, or not there", () => {
    refused(
      "FP32",
      [2, 2],
      { fp32_contents: [1, 2, 3] },
      /has 3 elements in fp32_contents; shape \[2, 2\] says 4/,
    );
    refused("BYTES", [1], { bytes_contents: [Buffer.from("a"), Buffer.from("b")] }, /has 2 elements/);
    assert.throws(
      () => fromContents({ name: "x", datatype: "INT64", shape: [1] }, null),
      hasCode("INVALID_REQUEST", /has 0 elements in int64_contents/),
    );
  });

  it("are refused in the field of another datatype, even beside the right one", () => {
    refused("FP32", [1], { fp64_contents: [1] }, /is in fp64_contents; FP32 belongs into fp32_contents/);
    refused("INT64", [1], { int64_contents: [1], int_contents: [1] }, /is in int_contents; INT64/);
    refused("FP16", [1], { fp32_contents: [1] }, /FP16, which is sent in raw_input_contents only/);
  });

  it("are refused when the datatype does not hold them", () => {
    refused("INT8", [2], { int_contents: [127, 128] }, /element 1 must be a whole number from -128 to 127/);
    refused("INT16", [1], { int_contents: [-32_769] }, /from -32768 to 32767/);
    refused("UINT8", [1], { uint_contents: [256] }, /from 0 to 255/);
    refused("UINT16", [1], { uint_contents: [65_536] }, /from 0 to 65535/);
    refused("BYTES", [1], { bytes_contents: [Buffer.of(0xff)] }, /element 0 that are not UTF-8/);
  });
});

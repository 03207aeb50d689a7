import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toTensorBytes } from "../../../../engine/core/tensor-bytes.ts";
import { fromInferMessage, toInferMessage } from "../../../../engine/grpc/infer-messages.ts";
import type { InferResponseMessage } from "../../../../engine/grpc/messages.ts";
import type { InferRequest } from "../../../../engine/oip/infer-request.ts";
import type { InferResponse } from "../../../../engine/oip/infer-response.ts";
import { hasCode } from "../../../support/error-code.ts";
import { receivedInfer, sentAnswer } from "../../../support/grpc-messages.ts";
import { createRandom } from "../../../support/random.ts";
import { ALL_DATATYPES, extremeTensor, randomTensor } from "../../../support/tensors.ts";

const FLOAT = Buffer.from(Float32Array.of(1.5).buffer);
const INPUT = { name: "x", datatype: "FP32", shape: [1] };

function read(message: object): InferRequest {
  return fromInferMessage(receivedInfer(message));
}

function refused(message: object, pattern: RegExp): void {
  assert.throws(() => read({ model_name: "m", ...message }), hasCode("INVALID_REQUEST", pattern));
}

/** What a caller has of an answer. */
function sent(response: InferResponse, isBinary: boolean): InferResponseMessage {
  return sentAnswer(toInferMessage(response, isBinary));
}

describe("a request over gRPC", () => {
  it("is read from raw contents, of every datatype, to the ends of what it holds", () => {
    const inputs = ALL_DATATYPES.map((datatype) => ({ ...extremeTensor(datatype), name: datatype }));
    const request = read({ inputs, raw_input_contents: inputs.map(toTensorBytes) });
    assert.deepEqual(
      request.inputs.map((tensor) => ({ ...tensor, data: Buffer.from(toTensorBytes(tensor)) })),
      inputs.map((tensor) => ({ ...tensor, data: Buffer.from(toTensorBytes(tensor)) })),
    );
    assert.deepEqual(
      request.inputs.find(({ datatype }) => datatype === "BYTES")?.data,
      extremeTensor("BYTES").data,
    );
  });

  it("is read from raw contents whatever they are", () => {
    const random = createRandom();
    for (let round = 0; round < 200; round++) {
      const tensor = randomTensor(ALL_DATATYPES[round % ALL_DATATYPES.length] ?? "FP32", random);
      const [input] = read({ inputs: [tensor], raw_input_contents: [toTensorBytes(tensor)] }).inputs;
      assert.ok(input !== undefined);
      assert.deepEqual(input.shape, tensor.shape);
      assert.deepEqual(
        Buffer.from(toTensorBytes(input)),
        Buffer.from(toTensorBytes(tensor)),
        `${tensor.datatype}, TEST_SEED=${random.seed}`,
      );
    }
  });

  it("keeps its id, its parameters and the outputs it asks for", () => {
    const request = read({
      id: "r-7",
      parameters: {
        yes: { bool_param: false },
        text: { string_param: "" },
        whole: { int64_param: 0 },
        low: { int64_param: "-9223372036854775808" },
        high: { uint64_param: "18446744073709551615" },
        share: { double_param: 0.5 },
      },
      inputs: [INPUT],
      outputs: [{ name: "b", parameters: { classification: { int64_param: 3 } } }, { name: "a" }],
      raw_input_contents: [FLOAT],
    });
    assert.equal(request.id, "r-7");
    assert.deepEqual(request.parameters, {
      yes: false,
      text: "",
      whole: 0,
      low: -(2n ** 63n),
      high: 2n ** 64n - 1n,
      share: 0.5,
    });
    assert.deepEqual(
      request.outputs?.map(({ name }) => name),
      ["b", "a"],
    );
  });

  it("asks for all outputs when it names none", () => {
    const request = read({ inputs: [INPUT], raw_input_contents: [FLOAT] });
    assert.equal(request.outputs, undefined);
    assert.equal(request.id, "");
  });

  it("has all its tensors raw or none", () => {
    const contents = { fp32_contents: [1.5] };
    refused(
      { inputs: [{ ...INPUT, contents }], raw_input_contents: [FLOAT] },
      /tensor "x" is there twice: contents must be empty/,
    );
    refused(
      { inputs: [INPUT, { ...INPUT, name: "y", contents }], raw_input_contents: [FLOAT] },
      /raw_input_contents has 1 tensors; there are 2 inputs/,
    );
    refused({ inputs: [INPUT], raw_input_contents: [FLOAT, FLOAT] }, /has 2 tensors; there are 1 inputs/);
    read({ inputs: [{ ...INPUT, contents: {} }], raw_input_contents: [FLOAT] });
  });

  it("is refused for what is wrong with its tensors, by name", () => {
    refused({ inputs: [] }, /inputs/);
    refused({ inputs: [{ ...INPUT, datatype: "BF16" }], raw_input_contents: [FLOAT] }, /inputs\.0\.datatype/);
    refused({ inputs: [{ ...INPUT, shape: [-1] }], raw_input_contents: [FLOAT] }, /inputs\.0\.shape/);
    refused({ inputs: [{ ...INPUT, shape: ["9223372036854775807"] }], raw_input_contents: [FLOAT] }, /shape/);
    refused(
      { inputs: [{ ...INPUT, shape: [2 ** 20, 2 ** 20] }], raw_input_contents: [FLOAT] },
      /too many elements/,
    );
    refused({ inputs: [{ ...INPUT, shape: [2] }], raw_input_contents: [FLOAT] }, /has 4 bytes; .* takes 8/);
    refused({ inputs: [INPUT, INPUT], raw_input_contents: [FLOAT, FLOAT] }, /inputs has "x" twice/);
    refused({ inputs: [{ ...INPUT, name: "" }], raw_input_contents: [FLOAT] }, /inputs\.0\.name/);
  });

  it("is refused for a parameter without a value, and too many of them", () => {
    const request = { inputs: [INPUT], raw_input_contents: [FLOAT] };
    refused({ ...request, parameters: { a: {} } }, /parameters\.a has no value/);
    refused({ inputs: [{ ...INPUT, parameters: { b: {} } }] }, /inputs\.0\.parameters\.b has no value/);
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`p${at}`, { bool_param: true }]));
    refused({ ...request, parameters: many }, /at most 64 parameters/);
  });
});

describe("an answer over gRPC", () => {
  const outputs = ALL_DATATYPES.map((datatype) => ({ ...extremeTensor(datatype), name: datatype }));
  const response = { model_name: "m", model_version: "1.2.0", id: "r-7", parameters: {}, outputs };

  it("has raw contents, in the order of its outputs", () => {
    const message = sent(response, true);
    assert.deepEqual(
      message.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(Number) })),
      outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    );
    assert.ok(message.outputs.every(({ contents }) => contents === null));
    assert.deepEqual(
      message.raw_output_contents?.map(Buffer.from),
      outputs.map((output) => Buffer.from(toTensorBytes(output))),
    );
  });

  it("has typed contents when the request says binary_data_output = false", () => {
    const request = read({
      parameters: { binary_data_output: { bool_param: false } },
      inputs: [{ ...INPUT, contents: { fp32_contents: [1] } }],
    });
    const typed = outputs.filter(({ datatype }) => datatype === "INT64" || datatype === "BYTES");
    const message = sent({ ...response, outputs: typed }, request.isBinary);
    assert.deepEqual(message.raw_output_contents, []);
    assert.deepEqual(message.outputs[0]?.contents?.int64_contents, [
      "-9223372036854775808",
      "0",
      "1",
      "9223372036854775806",
      "9223372036854775807",
    ]);
    assert.deepEqual(message.outputs[1]?.contents?.bytes_contents?.map(String), extremeTensor("BYTES").data);
  });

  it("has raw contents even then when an output has no other form", () => {
    const message = sent(response, false);
    assert.equal(message.raw_output_contents?.length, outputs.length);
    assert.ok(message.outputs.every(({ contents }) => contents === null));
  });

  it("says what it is the answer to, and its parameters", () => {
    const parameters = { a: true, b: "t", c: -3, d: 0.25, e: 2n ** 63n, f: -(2n ** 63n) };
    const message = sent({ ...response, parameters }, true);
    assert.equal(message.model_name, "m");
    assert.equal(message.model_version, "1.2.0");
    assert.equal(message.id, "r-7");
    assert.deepEqual(
      Object.values(message.parameters ?? {}).map((value) => [
        value.parameter_choice,
        value[value.parameter_choice ?? "bool_param"],
      ]),
      [
        ["bool_param", true],
        ["string_param", "t"],
        ["int64_param", "-3"],
        ["double_param", 0.25],
        ["uint64_param", "9223372036854775808"],
        ["int64_param", "-9223372036854775808"],
      ],
    );
  });
});

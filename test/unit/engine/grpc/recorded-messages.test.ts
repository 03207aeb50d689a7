/**
 * The bytes of messages as tritonclient 2.73.0 writes them: field numbers and types are the protocol's.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toValues } from "../../../../engine/core/elements.ts";
import { fromInferMessage, toInferMessage } from "../../../../engine/grpc/infer-messages.ts";
import type { InferRequestMessage } from "../../../../engine/grpc/messages.ts";
import { readRequest, writeResponse } from "../../../support/grpc-messages.ts";

const TYPED_REQUEST =
  "0a016d1205312e322e301a03722d3722120a03626967120b28ffffffffffffffffff0122120a057368617265120921000000000000e03f220c0a047465787412041a02c3bc220e0a0774696d656f7574120310882722090a03796573120208012a120a01621204424f4f4c1a01022a040a0201002a1c0a0269381204494e54381a01022a0d120b80ffffffffffffffff017f2a260a036936341205494e5436341a01022a151a1380808080808080808001ffffffffffffffff7f2a180a03753136120655494e5431361a01022a06220400ffff032a1f0a03753634120655494e5436341a01022a0d2a0b00ffffffffffffffffff012a180a01661204465033321a01022a0a32080000c07f000000802a200a01641204465036341a01022a123a10a0c8eb85f3cce17f01000000000000002a150a0174120542595445531a01022a064202c3a94200321b0a036f757412140a0e636c617373696669636174696f6e12021003";
const RAW_REQUEST =
  "0a016d1a0137220e0a087072696f7269747912022801220e0a0774696d656f7574120310e8072a0d0a01781204465033321a0201022a0e0a0174120542595445531a02010132030a01793a080000c03f000000c03a070300000068c3a9";
const LOAD_REQUEST =
  "0a017212016d1a0e0a06636f6e66696712041a027b7d1a190a1166696c653a312f6d6f64656c2e6f6e6e78120422020102";
const INFER_RESPONSE =
  "0a016d1205312e322e301a013722100a016e120b10ffffffffffffffffff012a0d0a01791204465033321a02010132040000803e";
const CONFIG_RESPONSE =
  "0a4e0a016d12106f6e6e7872756e74696d655f6f6e6e781a040a0208012080022a080a0178100b22011e32080a0179100d1a01013a070a0161100220025a0310f4038a010b6f6e6e7872756e74696d65";
const STATISTICS_RESPONSE =
  "0a570a016d1205312e322e301880bcf4d7a7332007280332300a04080110021204080310041a04080510062204080710082a040809100a3204080b100c3a04080d100e4204080f10103a0e0804120208011a02100222020803";
const INDEX_RESPONSE = "0a160a016d1201311a055245414459220762656361757365";
const METADATA_RESPONSE =
  "0a016d1201311a017022160a01781204465033321a0bffffffffffffffffff011e2a150a01791204465033321a0affffffffffffffffff01";
const STREAM_RESPONSE = "0a026e6f12031a0137";

function request(method: string, hex: string): object {
  return readRequest(method, Buffer.from(hex, "hex"));
}

function assertWritten(method: string, message: object, hex: string): void {
  assert.equal(Buffer.from(writeResponse(method, message)).toString("hex"), hex);
}

describe("recorded gRPC messages", () => {
  it("a request with typed contents, of every field", () => {
    const { id, parameters, inputs, outputs } = fromInferMessage(
      request("ModelInfer", TYPED_REQUEST) as InferRequestMessage,
    );
    assert.equal(id, "r-7");
    assert.deepEqual(parameters, { big: 2n ** 64n - 1n, share: 0.5, text: "ü", timeout: 5000, yes: true });
    assert.deepEqual(
      inputs.map(({ name, datatype, data }) => [name, datatype, toValues(datatype, data)]),
      [
        ["b", "BOOL", [true, false]],
        ["i8", "INT8", [-128, 127]],
        ["i64", "INT64", [-(2n ** 63n), 2n ** 63n - 1n]],
        ["u16", "UINT16", [0, 65_535]],
        ["u64", "UINT64", [0n, 2n ** 64n - 1n]],
        ["f", "FP32", [Number.NaN, -0]],
        ["d", "FP64", [1e308, 5e-324]],
        ["t", "BYTES", ["é", ""]],
      ],
    );
    assert.deepEqual(
      outputs?.map(({ name }) => name),
      ["out"],
    );
  });

  it("a request as the client's own calls make it: raw", () => {
    const { id, parameters, inputs } = fromInferMessage(
      request("ModelInfer", RAW_REQUEST) as InferRequestMessage,
    );
    assert.equal(id, "7");
    assert.deepEqual(parameters, { priority: 1, timeout: 1000 });
    assert.deepEqual(
      inputs.map(({ shape, datatype, data }) => [shape, toValues(datatype, data)]),
      [
        [
          [1, 2],
          [1.5, -2],
        ],
        [[1, 1], ["hé"]],
      ],
    );
  });

  it("a request to load a model, with what this engine does not read", () => {
    const { repository_name, model_name } = request("RepositoryModelLoad", LOAD_REQUEST) as {
      repository_name: string;
      model_name: string;
    };
    assert.deepEqual([repository_name, model_name], ["r", "m"]);
  });

  it("an answer", () => {
    const data = Buffer.from(Float32Array.of(0.25).buffer);
    const message = toInferMessage(
      {
        model_name: "m",
        model_version: "1.2.0",
        id: "7",
        parameters: { n: -1 },
        outputs: [{ name: "y", datatype: "FP32", shape: [1, 1], data }],
      },
      true,
    );
    assertWritten("ModelInfer", message, INFER_RESPONSE);
    const failure = { error_message: "no", infer_response: { id: "7" } };
    assertWritten("ModelStreamInfer", failure, STREAM_RESPONSE);
  });

  it("a model's configuration, as its JSON has it", () => {
    const config = {
      name: "m",
      platform: "onnxruntime_onnx",
      backend: "onnxruntime",
      version_policy: { latest: { num_versions: 1 } },
      max_batch_size: 256,
      input: [{ name: "x", data_type: "TYPE_FP32", dims: [30] }],
      output: [{ name: "y", data_type: "TYPE_STRING", dims: [1] }],
      instance_group: [{ name: "a", count: 2, kind: "KIND_CPU" }],
      dynamic_batching: { max_queue_delay_microseconds: 500 },
    };
    assertWritten("ModelConfig", { config }, CONFIG_RESPONSE);
  });

  it("a model's statistics, as their JSON has them", () => {
    const inference_stats = {
      success: { count: 1, ns: 2 },
      fail: { count: 3, ns: 4 },
      queue: { count: 5, ns: 6 },
      compute_input: { count: 7, ns: 8 },
      compute_infer: { count: 9, ns: 10 },
      compute_output: { count: 11, ns: 12 },
      cache_hit: { count: 13, ns: 14 },
      cache_miss: { count: 15, ns: 16 },
    };
    const batch = {
      batch_size: 4,
      compute_input: { count: 1 },
      compute_infer: { ns: 2 },
      compute_output: { count: 3 },
    };
    const model = {
      name: "m",
      version: "1.2.0",
      last_inference: 1_763_000_000_000,
      inference_count: 7,
      execution_count: 3,
      inference_stats,
      batch_stats: [batch],
    };
    assertWritten("ModelStatistics", { model_stats: [model] }, STATISTICS_RESPONSE);
  });

  it("the index of the repository and a model's metadata, as their JSON has them", () => {
    const models = [{ name: "m", version: "1", state: "READY", reason: "because" }];
    assertWritten("RepositoryIndex", { models }, INDEX_RESPONSE);
    const metadata = {
      name: "m",
      versions: ["1"],
      platform: "p",
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 30] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
    };
    assertWritten("ModelMetadata", metadata, METADATA_RESPONSE);
  });
});

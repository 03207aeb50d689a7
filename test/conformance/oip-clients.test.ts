/**
 * Unmodified clients of the Open Inference Protocol against a whole engine: the programs of test/conformance/oip, with whatever Python
 * TEST_PYTHON names. Their requests as recorded bytes are tested without it (oip-recorded.test.ts).
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { clientsPython, runClient } from "../support/python-programs.ts";
import { serveTensorModels } from "../support/tensor-models.ts";

const PYTHON = clientsPython();
const PROGRAMS = {
  "tritonclient over HTTP": [
    "triton_http_service",
    "triton_http_infer",
    "triton_http_datatypes",
    "triton_http_refusals",
    "triton_http_repository",
  ],
  "tritonclient over gRPC": ["triton_grpc_service", "triton_grpc_infer", "triton_grpc_refusals"],
  "the client generated from the protocol's OpenAPI file": ["open_inference_openapi"],
  "the gRPC stubs of the protocol's working group": ["open_inference_grpc"],
  "KServe's InferenceRESTClient": ["kserve_rest"],
  "pydantic-open-inference": ["pydantic_client"],
  "JSON answers and the protocol's OpenAPI file": ["json_answers"],
  "bytes that no client would send": ["http_bytes_refusals"],
} as const;

describe("unmodified clients", {
  skip: PYTHON === undefined && "TEST_PYTHON names no Python with test/conformance/oip/requirements.txt",
}, () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startTestEngine({ sample: false });
    await serveTensorModels(engine);
  });
  after(async () => engine?.[Symbol.asyncDispose]());

  for (const [client, programs] of Object.entries(PROGRAMS))
    for (const program of programs)
      it(`${client}: ${program}`, async () => {
        const checks = await runClient(PYTHON ?? "", program, {
          url: engine.httpUrl,
          grpcAddress: engine.grpcAddress,
        });
        const failed = checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
        assert.deepEqual(failed, []);
      });
});

/**
 * The Open Inference Protocol over gRPC on a whole engine: where it is found, what it answers, and what is logged and counted of it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { toTensorBytes } from "../../engine/core/tensor-bytes.ts";
import type { InferResponseMessage } from "../../engine/grpc/messages.ts";
import { jsonOf } from "../support/answers.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { GrpcClient, hasStatus } from "../support/grpc-client.ts";
import { serveIdentity } from "../support/identity-model.ts";
import { PROJECT } from "../support/model-folder.ts";
import { parseMetrics, sampleOf } from "../support/prometheus.ts";
import { markedBlock, readReadme } from "../support/readme.ts";
import { ALL_DATATYPES, extremeTensor } from "../support/tensors.ts";

const EXTREMES = [-(2n ** 63n), 2n ** 53n + 1n, 2n ** 63n - 1n];
const LONGS = Buffer.from(BigInt64Array.from(EXTREMES).buffer);

function longs(more: object = {}): object {
  const inputs = [{ name: "x", datatype: "INT64", shape: [1, 3] }];
  return { model_name: "identity-int64", inputs, raw_input_contents: [LONGS], ...more };
}

describe("an engine over gRPC", () => {
  let engine: TestEngine;
  let client: GrpcClient;
  before(async () => {
    engine = await startTestEngine();
    for (const datatype of ALL_DATATYPES) await serveIdentity(engine, `identity-${datatype.toLowerCase()}`);
    client = new GrpcClient(engine.grpcAddress);
  });
  after(async () => {
    client?.[Symbol.dispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  it("is found where the engine says", async () => {
    const card = await jsonOf<{ addresses: Record<string, string> }>(await engine.get("/"));
    assert.equal(card.addresses["grpc"], engine.grpcAddress);
    assert.deepEqual(await client.call("ServerReady"), { ready: true });
    assert.deepEqual(await client.health(), { status: "SERVING" });
  });

  it("answers the client that the README shows", async () => {
    const block = markedBlock(readReadme(), "grpc").replaceAll("127.0.0.1:8001", engine.grpcAddress);
    const { stdout } = await promisify(execFile)("sh", ["-ec", block], { cwd: PROJECT });
    const [, legitimate, fraud] = /^order-18 \[ ([\d.]+), ([\d.]+) \]\n$/.exec(stdout) ?? [];
    assert.ok(Math.abs(Number(legitimate) + Number(fraud) - 1) < 1e-6, stdout);
  });

  it("describes a model as over HTTP", async () => {
    const path = "/v2/models/identity-int64";
    const json = await jsonOf<Record<string, unknown>>(await engine.get(path));
    const message = await client.call("ModelMetadata", { name: "identity-int64" });
    const numbers = (tensors: unknown): unknown =>
      (tensors as { shape: string[] }[]).map((tensor) => ({ ...tensor, shape: tensor.shape.map(Number) }));
    assert.deepEqual(
      { ...message, inputs: numbers(message["inputs"]), outputs: numbers(message["outputs"]) },
      json,
    );
    const config = await jsonOf<Record<string, unknown>>(await engine.get(`${path}/config`));
    const answer = await client.call<{ config: Record<string, unknown> }>("ModelConfig", {
      name: "identity-int64",
    });
    for (const field of ["name", "platform", "backend", "max_batch_size", "default_model_filename"])
      assert.equal(answer.config[field], config[field], field);
  });

  for (const datatype of ALL_DATATYPES) {
    it(`answers ${datatype} as it was sent, raw`, async () => {
      const { data, shape } = extremeTensor(datatype);
      const [count = 0] = shape;
      const rows = Math.floor(count / 3); // the model takes rows of three
      const bytes = Array.isArray(data)
        ? toTensorBytes({ data: data.filter((text) => !text.includes("\u0000")) }) // no model takes those
        : (data as Uint8Array).subarray(0, (data.length / count) * rows * 3);
      const inputs = [{ name: "x", datatype, shape: [rows, 3] }];
      const answer = await client.call<InferResponseMessage>("ModelInfer", {
        model_name: `identity-${datatype.toLowerCase()}`,
        inputs,
        raw_input_contents: [bytes],
      });
      assert.deepEqual(answer.raw_output_contents, [Buffer.from(bytes)]);
    });
  }

  it("answers typed contents, and in them when that is asked for", async () => {
    const contents = { int64_contents: EXTREMES.map(String) };
    const inputs = [{ name: "x", datatype: "INT64", shape: [1, 3], contents }];
    const request = longs({ inputs, raw_input_contents: [], id: "order-42" });
    const raw = await client.call<InferResponseMessage>("ModelInfer", request);
    assert.equal(raw.id, "order-42");
    assert.deepEqual(raw.raw_output_contents, [LONGS]);
    const parameters = { binary_data_output: { bool_param: false } };
    const typed = await client.call<InferResponseMessage>("ModelInfer", { ...request, parameters });
    assert.deepEqual(typed.outputs[0]?.contents?.int64_contents, EXTREMES.map(String));
    assert.deepEqual(typed.raw_output_contents, []);
  });

  it("answers many requests of a stream in their order", async () => {
    const stream = client.stream();
    const ids: string[] = [];
    stream.on("data", (answer: { infer_response: { id: string } }) => ids.push(answer.infer_response.id));
    const sent = Array.from({ length: 500 }, (_, at) => `s-${at}`);
    for (const id of sent) stream.write(longs({ id }));
    stream.end();
    await eventually("all are answered", () => ids.length === sent.length, 20_000);
    assert.deepEqual(ids, sent);
  });

  it("refuses what it does not have, and what does not fit", async () => {
    const infer = async (more: object): Promise<unknown> => client.call("ModelInfer", longs(more));
    await assert.rejects(infer({ model_name: "nothing" }), hasStatus("NOT_FOUND"));
    await assert.rejects(infer({ model_version: "9.9.9" }), hasStatus("NOT_FOUND"));
    await assert.rejects(
      infer({ outputs: [{ name: "z" }] }),
      hasStatus("INVALID_ARGUMENT", /"z" is no output/),
    );
    const floats = [{ name: "x", datatype: "FP64", shape: [1, 3] }];
    await assert.rejects(infer({ inputs: floats }), hasStatus("INVALID_ARGUMENT", /INT64/));
    await assert.rejects(client.call("ModelMetadata", { name: "nothing" }), hasStatus("NOT_FOUND"));
    await assert.rejects(
      client.call("RepositoryModelLoad", {
        model_name: "identity-int8",
        parameters: { config: { string_param: "{}" } },
      }),
      hasStatus("INVALID_ARGUMENT", /parameters\.config/),
    );
  });

  it("unloads and loads a model", async () => {
    const name = "identity-bool";
    await client.call("RepositoryModelUnload", { model_name: name });
    assert.deepEqual(await client.call("ModelReady", { name }), { ready: false });
    const index = await client.call<{ models: { name: string; state: string }[] }>("RepositoryIndex");
    assert.equal(index.models.find((entry) => entry.name === name)?.state, "UNAVAILABLE");
    await client.call("RepositoryModelLoad", { model_name: name });
    assert.deepEqual(await client.call("ModelReady", { name }), { ready: true });
  });

  it("logs its requests as those of gRPC, and counts them", async () => {
    await client.call("ModelInfer", longs({ id: "logged-over-grpc" }));
    const row = await eventually(
      "it is in the log",
      async () =>
        (
          await engine.sql("SELECT source FROM millrace.predictions WHERE request_id = 'logged-over-grpc'")
        )[0],
      20_000,
    );
    assert.deepEqual(row, { source: "grpc" });
    const metrics = parseMetrics(await (await engine.get("/metrics")).text());
    assert.ok(sampleOf(metrics, "engine_grpc_responses_total", { status: "OK" }) > 500);
    assert.ok(sampleOf(metrics, "engine_grpc_responses_total", { status: "NOT_FOUND" }) >= 3);
    const [statistics] = (
      await client.call<{ model_stats: { inference_count: string }[] }>("ModelStatistics", {
        name: "identity-int64",
      })
    ).model_stats;
    assert.ok(Number(statistics?.inference_count) >= 500);
  });
});

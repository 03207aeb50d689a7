/**
 * The gRPC server over an engine made up: what every call answers, which status each error has, deadlines, cancelled calls, streams,
 * bounds, and a stop with calls under way.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { EngineError, ERRORS, type ErrorCode } from "../../engine/core/errors.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import type { InferResponseMessage, StreamInferResponseMessage } from "../../engine/grpc/messages.ts";
import { startGrpc } from "../../engine/grpc/start-grpc.ts";
import { hasCode } from "../support/error-code.ts";
import { eventually } from "../support/eventually.ts";
import { GrpcClient, hasStatus, type InferStreamCall } from "../support/grpc-client.ts";
import { MadeUpInference } from "../support/made-up-inference.ts";

const MESSAGE_BYTES_MAX = 400_000;
const TIMEOUT_MS = 5_000;
const LOGGER = pino({ level: "silent" });

async function start(port = 0) {
  const engine = new MadeUpInference();
  const metrics = new Metrics();
  const server = await startGrpc({
    host: "127.0.0.1",
    port,
    server: engine,
    messageBytesMax: MESSAGE_BYTES_MAX,
    timeoutMs: TIMEOUT_MS,
    metrics,
    logger: LOGGER,
  });
  const client = new GrpcClient(`127.0.0.1:${server.port}`);
  const close = async (): Promise<void> => {
    for (const index of engine.taken.keys()) if (!engine.isAnswered(index)) engine.answer(index);
    client[Symbol.dispose]();
    await server.stop();
  };
  return { engine, metrics, server, client, [Symbol.asyncDispose]: close };
}

/** A request of one row; one whose id starts with "now" is answered at once. */
function request(id: string, more: object = {}): object {
  const inputs = [{ name: "x", datatype: "FP32", shape: [1, 3] }];
  const raw_input_contents = [Buffer.from(Float32Array.of(1, 2, 3).buffer)];
  return { model_name: "m", id, inputs, raw_input_contents, ...more };
}

/** Answers of a stream as they come, and how it ends. */
function collect(stream: InferStreamCall) {
  const answers: StreamInferResponseMessage[] = [];
  stream.on("data", (answer: StreamInferResponseMessage) => answers.push(answer));
  const end = new Promise<ServiceError | undefined>((resolve) => {
    stream.once("end", () => resolve(undefined));
    stream.once("error", (error) => resolve(error as ServiceError));
  });
  return { answers, end };
}

function idsOf(answers: readonly StreamInferResponseMessage[]): string[] {
  return answers.map(({ infer_response: { id } }) => id);
}

describe("the gRPC server", () => {
  it("says that it lives, whether it is ready, and which models are", async () => {
    await using fixture = await start();
    const { client, engine } = fixture;
    assert.deepEqual(await client.call("ServerLive"), { live: true });
    assert.deepEqual(await client.call("ServerReady"), { ready: true });
    assert.deepEqual(await client.health(), { status: "SERVING" });
    assert.deepEqual(await client.health("inference.GRPCInferenceService"), { status: "SERVING" });
    engine.ready = false;
    assert.deepEqual(await client.call("ServerReady"), { ready: false });
    assert.deepEqual(await client.health(), { status: "NOT_SERVING" });
    await assert.rejects(client.health("another"), hasStatus("NOT_FOUND", /service must be empty or/));
    assert.deepEqual(await client.call("ModelReady", { name: "m" }), { ready: true });
    assert.deepEqual(await client.call("ModelReady", { name: "m", version: "2.0.0" }), { ready: false });
    assert.deepEqual(await client.call("ModelReady", { name: "n" }), { ready: false });
  });

  it("tells of itself and its models", async () => {
    await using fixture = await start();
    const { client } = fixture;
    assert.deepEqual(await client.call("ServerMetadata"), {
      name: "made-up",
      version: "1.2.3",
      extensions: ["statistics"],
    });
    const metadata = await client.call("ModelMetadata", { name: "m" });
    assert.deepEqual(metadata["versions"], ["every"]);
    assert.deepEqual(metadata["inputs"], [{ name: "x", datatype: "FP32", shape: ["-1", "3"] }]);
    assert.deepEqual((await client.call("ModelMetadata", { name: "m", version: "1.0.0" }))["versions"], [
      "1.0.0",
    ]);
    const { config } = await client.call<{ config: Record<string, unknown> }>("ModelConfig", { name: "m" });
    assert.equal(config["max_batch_size"], 8);
    assert.equal(config["scheduling_choice"], "dynamic_batching");
    const all = await client.call<{ model_stats: unknown[] }>("ModelStatistics");
    assert.equal(all.model_stats.length, 2);
    const one = await client.call<{ model_stats: { name: string }[] }>("ModelStatistics", { name: "n" });
    assert.deepEqual(
      one.model_stats.map(({ name }) => name),
      ["n"],
    );
    await assert.rejects(client.call("ModelMetadata", { name: "n" }), hasStatus("NOT_FOUND", /no model n/));
  });

  it("loads and unloads models, and lists them", async () => {
    await using fixture = await start();
    const { client, engine } = fixture;
    const index = await client.call<{ models: unknown[] }>("RepositoryIndex", { ready: true });
    assert.deepEqual(index.models, [{ name: "m", version: "1.0.0", state: "READY", reason: "" }]);
    const file = { bytes_param: Buffer.of(1, 2) };
    const parameters = {
      version: { string_param: "1.0.0" },
      n: { int64_param: 3 },
      "file:1/model.onnx": file,
    };
    assert.deepEqual(await client.call("RepositoryModelLoad", { model_name: "m", parameters }), {});
    const unload = { model_name: "m", parameters: { unload_dependents: { bool_param: false } } };
    assert.deepEqual(await client.call("RepositoryModelUnload", unload), {});
    assert.deepEqual(engine.loaded, [
      ["load", "m", { version: "1.0.0", n: 3, "file:1/model.onnx": 0 }],
      ["unload", "m", { unload_dependents: false }],
    ]);
    await assert.rejects(
      client.call("RepositoryModelLoad", { model_name: "broken" }),
      hasStatus("INVALID_ARGUMENT", /cannot be loaded/),
    );
  });

  it("answers an inference with its id, parameters and raw contents", async () => {
    await using fixture = await start();
    const { client, engine } = fixture;
    const parameters = { note: { string_param: "any" } };
    const answer = await client.call<InferResponseMessage>("ModelInfer", request("now", { parameters }));
    assert.equal(answer.id, "now");
    assert.equal(answer.model_version, "1.0.0");
    assert.equal(answer.parameters?.["note"]?.string_param, "any");
    assert.deepEqual(answer.raw_output_contents, [Buffer.from(Float32Array.of(1, 2, 3).buffer)]);
    await client.call("ModelInfer", request("now", { model_version: "2.0.0" }));
    assert.deepEqual(
      engine.taken.map(({ call }) => call.version),
      [undefined, "2.0.0"],
    );
  });

  it("has for each error the status that follows from its HTTP status", async () => {
    await using fixture = await start();
    const { client, engine, metrics } = fixture;
    const expected = new Map<number, keyof typeof status>([
      [404, "NOT_FOUND"],
      [429, "RESOURCE_EXHAUSTED"],
      [500, "INTERNAL"],
      [501, "UNIMPLEMENTED"],
      [503, "UNAVAILABLE"],
      [504, "DEADLINE_EXCEEDED"],
    ]);
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      engine.failure = new EngineError(code, `refused as ${code}`);
      const name = expected.get(ERRORS[code].status) ?? "INVALID_ARGUMENT";
      await assert.rejects(
        client.call("ModelInfer", request("a")),
        hasStatus(name, new RegExp(`^refused as ${code}$`)),
      );
    }
    assert.match(metrics.toText(), /engine_errors_total\{code="QUEUE_FULL"\} 1\n/);
    assert.match(metrics.toText(), /engine_grpc_responses_total\{status="UNAVAILABLE"\} [1-9]/);
    const internal = Object.values(ERRORS).filter((meaning) => meaning.status === 500).length;
    const counted = /engine_grpc_responses_total\{status="INTERNAL"\} (\d+)\n/.exec(metrics.toText());
    assert.equal(counted?.[1], String(internal));
  });

  it("refuses a request that does not fit before the engine has it", async () => {
    await using fixture = await start();
    const { client, engine } = fixture;
    const wrong = request("a", { raw_input_contents: [Buffer.alloc(11)] });
    await assert.rejects(
      client.call("ModelInfer", wrong),
      hasStatus("INVALID_ARGUMENT", /tensor "x" has 11 bytes/),
    );
    assert.equal(engine.taken.length, 0);
  });

  it("refuses names of any length and any characters, and goes on", async () => {
    await using fixture = await start();
    const { client } = fixture;
    const long = "x".repeat(50_000);
    const wide = "水".repeat(50_000);
    for (const method of ["ModelMetadata", "ModelConfig", "ModelStatistics"]) {
      await assert.rejects(client.call(method, { name: long }), hasStatus("NOT_FOUND"));
      await assert.rejects(client.call(method, { name: "m", version: long }), hasStatus("NOT_FOUND"));
    }
    await assert.rejects(client.call("RepositoryModelLoad", { model_name: "A b" }), hasStatus("NOT_FOUND"));
    await assert.rejects(
      client.call("ModelInfer", request("a", { model_name: long })),
      hasStatus("NOT_FOUND"),
    );
    const parameters = { [`${"a".repeat(127)}😀`]: {} }; // cut between the two halves of a character
    await assert.rejects(
      client.call("ModelInfer", request("a", { parameters })),
      hasStatus("INVALID_ARGUMENT", /aaa\ufffd has no value/),
    );
    await assert.rejects(
      client.call("ModelInfer", request("a", { parameters: { [wide]: { string_param: wide } } })),
      hasStatus("INVALID_ARGUMENT", /水{400}/),
    );
    const key = { [long]: { string_param: long } };
    await assert.rejects(
      client.call("ModelInfer", request("a", { parameters: key })),
      hasStatus("INVALID_ARGUMENT", /^parameters\.x{400}/),
    );
    assert.deepEqual(await client.call("ServerLive"), { live: true });
  });

  it("bounds what a request may take by its call's deadline", async () => {
    await using fixture = await start();
    const { client, engine } = fixture;
    await client.call("ModelInfer", request("now"), 60_000);
    await client.call("ModelInfer", request("now"), 1_000);
    const [usual = 0, short = 0] = engine.taken.map(({ call }) => call.timeoutMs);
    assert.equal(usual, TIMEOUT_MS);
    assert.ok(short > 0 && short <= 1_000, `${short} ms`);
    await assert.rejects(client.call("ModelInfer", request("late"), 50), hasStatus("DEADLINE_EXCEEDED"));
  });

  it("does not answer a call that was cancelled, and goes on", async () => {
    await using fixture = await start();
    const { client, engine, metrics } = fixture;
    const { call, answer } = client.start("ModelInfer", request("later"));
    answer.catch(() => undefined);
    await eventually("the engine has it", () => engine.taken.length === 1);
    call.cancel();
    await assert.rejects(answer, hasStatus("CANCELLED"));
    await client.call("ModelInfer", request("now")); // the server has read of the cancellation by then
    engine.answer(0);
    assert.match(metrics.toText(), /engine_grpc_responses_total\{status="CANCELLED"\} 1\n/);
    assert.match(metrics.toText(), /engine_grpc_responses_total\{status="OK"\} 1\n/);
  });

  it("refuses a message over the limit and takes one at it", async () => {
    await using fixture = await start();
    const { client } = fixture;
    const rows = (count: number): object => ({
      model_name: "m",
      id: "now",
      inputs: [{ name: "x", datatype: "UINT8", shape: [count] }],
      raw_input_contents: [Buffer.alloc(count)],
    });
    await assert.rejects(client.call("ModelInfer", rows(MESSAGE_BYTES_MAX)), hasStatus("RESOURCE_EXHAUSTED"));
    const answer = await client.call<InferResponseMessage>("ModelInfer", rows(MESSAGE_BYTES_MAX - 100));
    assert.equal(answer.raw_output_contents?.[0]?.length, MESSAGE_BYTES_MAX - 100);
  });

  it("survives what is no gRPC", async () => {
    await using fixture = await start();
    const { client, server } = fixture;
    const response = await fetch(`http://127.0.0.1:${server.port}/`).catch((error: unknown) => error);
    assert.ok(response instanceof Error);
    assert.deepEqual(await client.call("ServerLive"), { live: true });
  });

  it("names the setting when its port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    assert.ok(typeof address === "object" && address !== null);
    await assert.rejects(start(address.port), hasCode("SERVICE_UNAVAILABLE", /MILLRACE_GRPC_PORT/));
    taken.close();
  });
});

describe("a stream of inferences", () => {
  it("is answered in the order of its requests, whichever is done first", async () => {
    await using fixture = await start();
    const { client, engine } = fixture;
    const stream = client.stream();
    const { answers, end } = collect(stream);
    for (const id of ["a", "b", "c"]) stream.write(request(id));
    stream.end();
    await eventually("the engine has them", () => engine.taken.length === 3);
    for (const index of [2, 0]) engine.answer(index);
    await eventually("the first is answered", () => answers.length === 1);
    engine.answer(1);
    assert.equal(await end, undefined);
    assert.deepEqual(idsOf(answers), ["a", "b", "c"]);
    assert.ok(answers.every(({ error_message }) => error_message === ""));
  });

  it("goes on after a request that fails, and says which one it was", async () => {
    await using fixture = await start();
    const { client } = fixture;
    const stream = client.stream();
    const { answers, end } = collect(stream);
    stream.write(request("now 1"));
    stream.write(request("wrong", { raw_input_contents: [Buffer.alloc(1)] }));
    stream.write(request("now 2"));
    stream.end();
    assert.equal(await end, undefined);
    assert.deepEqual(idsOf(answers), ["now 1", "wrong", "now 2"]);
    assert.deepEqual(
      answers.map(({ error_message }) => /has 1 bytes/.test(error_message ?? "")),
      [false, true, false],
    );
  });

  it("is read no further than its bound while nothing is answered", async () => {
    await using fixture = await start();
    const { client, engine } = fixture;
    const stream = client.stream();
    const { answers, end } = collect(stream);
    const sent = 2_000;
    for (let at = 0; at < sent; at++) stream.write(request(`r${at}`));
    stream.end();
    await eventually("the engine has as many as it takes", () => engine.taken.length === 256);
    await client.call("ServerLive");
    assert.equal(engine.taken.length, 256);
    for (let at = 0; at < sent; at++) {
      await eventually(`request ${at} is taken`, () => engine.taken.length > at);
      engine.answer(at);
    }
    assert.equal(await end, undefined);
    assert.deepEqual(
      idsOf(answers),
      Array.from({ length: sent }, (_, at) => `r${at}`),
    );
  });

  it("that is cancelled is forgotten", async () => {
    await using fixture = await start();
    const { client, engine, metrics } = fixture;
    const stream = client.stream();
    const { end } = collect(stream);
    stream.write(request("later"));
    await eventually("the engine has it", () => engine.taken.length === 1);
    stream.cancel();
    assert.equal((await end)?.code, status.CANCELLED);
    await client.call("ServerLive");
    engine.answer(0);
    assert.match(metrics.toText(), /engine_grpc_responses_total\{status="CANCELLED"\} 1\n/);
  });
});

describe("a gRPC server that stops", () => {
  it("answers what it has taken, ends streams as unavailable, and takes nothing more", async () => {
    await using fixture = await start();
    const { client, engine, server } = fixture;
    const { answer } = client.start("ModelInfer", request("unary"));
    const stream = client.stream();
    const { answers, end } = collect(stream);
    stream.write(request("streamed"));
    await eventually("the engine has both", () => engine.taken.length === 2);
    const ended = client.stream();
    const whole = collect(ended);
    ended.end(request("last"));
    await eventually("the engine has the last", () => engine.taken.length === 3);
    await client.call("ServerLive"); // the server has read the end of the stream by then
    let isStopped = false;
    const stop = server.stop().then(() => {
      isStopped = true;
    });
    await assert.rejects(client.call("ServerLive"), hasStatus("UNAVAILABLE"));
    assert.equal(isStopped, false);
    engine.answer(0);
    engine.answer(1);
    engine.answer(2);
    assert.equal((await answer)["id"], "unary");
    assert.equal(await whole.end, undefined);
    assert.deepEqual(idsOf(whole.answers), ["last"]);
    assert.equal((await end)?.code, status.UNAVAILABLE);
    assert.deepEqual(idsOf(answers), ["streamed"]);
    await stop;
  });
});

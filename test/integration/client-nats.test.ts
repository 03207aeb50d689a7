/** The client over NATS against a whole engine: request and reply, durable requests and their results. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { ServiceErrorCodeHeader, ServiceErrorHeader } from "@nats-io/services";
import { connect, headers } from "@nats-io/transport-node";
import type { InferInput } from "../../engine/client/infer-tensors.ts";
import { MillraceError } from "../../engine/client/millrace-client.ts";
import { connectNats, type MillraceNatsClient } from "../../engine/client/nats-client.ts";
import type { ModelMetadata } from "../../engine/contract/open-inference.ts";
import { prediction } from "../../engine/contract/predictions.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";

const MODEL = "card-fraud";
const ROW = { model: MODEL, features: PAYMENT };

async function failureOf(call: Promise<unknown>): Promise<MillraceError> {
  const error = await call.then(
    () => assert.fail("it was answered"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof MillraceError)) throw error;
  return error;
}

describe("the client over NATS", () => {
  let engine: TestEngine;
  let client: MillraceNatsClient;
  before(async () => {
    engine = await startTestEngine();
    client = await connectNats(engine.natsUrl);
  });
  after(async () => {
    await client?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  it("predicts one row, and explains it", async () => {
    const one = prediction.parse(await client.predict({ ...ROW, request_id: "over-nats" }));
    assert.equal(one.request_id, "over-nats");
    assert.equal((await client.predict({ ...ROW, explain: 2 })).top_features?.length, 2);
  });

  it("tells the engine's errors", async () => {
    const error = await failureOf(client.predict({ model: MODEL, features: { ...PAYMENT, amount: -1 } }));
    assert.deepEqual(
      [error.code, error.status, error.details[0]?.field],
      ["INVALID_FEATURES", 400, "features.amount"],
    );
    assert.equal((await failureOf(client.predict({ ...ROW, model: "nobody" }))).code, "MODEL_NOT_FOUND");
    await assert.rejects(client.predict({ ...ROW, model: "a.b" }), /"a.b" is no name of a model/);
  });

  it("infers from tensors, and tells what is wrong with them", async () => {
    const one = await client.predict(ROW);
    const metadata = (await (await engine.get(`/v2/models/${MODEL}`)).json()) as ModelMetadata;
    const inputs = Object.entries(PAYMENT).map(([name, value]): InferInput => {
      const datatype = metadata.inputs.find((input) => input.name === name)?.datatype ?? "FP32";
      const data = typeof value === "string" ? [value] : [Number(value)];
      return { name, datatype, shape: [1], data };
    });
    const result = await client.infer(MODEL, { id: "over-nats", version: "production", inputs });
    assert.deepEqual([result.id, result.modelVersion], ["over-nats", one.model_version]);
    assert.ok(Math.abs((result.data("probabilities", "FP32")[1] ?? 0) - one.predicted_value) < 1e-6);
    const error = await failureOf(client.infer(MODEL, { inputs: inputs.slice(1) }));
    assert.deepEqual([error.code, error.status], [undefined, 400]);
    const unknown = await failureOf(client.infer(MODEL, { inputs, version: "9.9.9" }));
    assert.equal(unknown.status, 404);
  });

  it("ends by its deadline, or when nobody is there", async () => {
    const error = await failureOf(client.predict(ROW, { timeoutMs: 0.01 }));
    assert.equal(error.code, "DEADLINE_EXCEEDED");
    const elsewhere = await connectNats(engine.natsUrl, { prefix: "nobody", retriesMax: 1 });
    const unheard = await failureOf(elsewhere.predict(ROW));
    assert.deepEqual(
      [unheard.code, unheard.message],
      ["CONNECTION_FAILED", "no engine answers at the subject"],
    );
    await elsewhere.close();
    const refused = await failureOf(connectNats("nats://127.0.0.1:1"));
    assert.equal(refused.code, "CONNECTION_FAILED");
  });

  it("asks again what was refused, not what came too late, and tells what is left of the deadline", async () => {
    const server = await connect({ servers: engine.natsUrl });
    const told: number[] = [];
    const answers = [429, 503, 200, 504];
    server.subscribe("scripted.predict.m", {
      callback: (_, message) => {
        told.push(message.json<{ timeout_ms: number }>().timeout_ms);
        const status = answers[told.length - 1] ?? 500;
        if (status === 200) return void message.respond('{"predicted_value":0.5}');
        const head = headers();
        head.set(ServiceErrorCodeHeader, String(status));
        head.set(ServiceErrorHeader, "refused");
        const code = { 429: "QUEUE_FULL", 503: "NOT_READY" }[status] ?? "DEADLINE_EXCEEDED";
        message.respond(JSON.stringify({ error: { code, message: "refused", details: [] } }), {
          headers: head,
        });
      },
    });
    await server.flush();
    const scripted = await connectNats(engine.natsUrl, { prefix: "scripted", timeoutMs: 10_000 });
    assert.equal((await scripted.predict({ model: "m", features: {} })).predicted_value, 0.5);
    const error = await failureOf(scripted.predict({ model: "m", features: {} }));
    assert.deepEqual([error.code, error.status, told.length], ["DEADLINE_EXCEEDED", 504, 4]);
    const [first = 0, second = 0, third = 0] = told;
    assert.ok(first > 9_000 && second <= first - 1_000 && third <= second - 1_000, told.join(", "));
    await scripted.close();
    await server.close();
  });

  it("stores durable requests once, and tells their results once each", async () => {
    const id = randomUUID();
    const since = new Date();
    const first = await client.publish({ ...ROW, request_id: id });
    assert.deepEqual([first.id, first.isDuplicate], [id, false]);
    const again = await client.publish({ ...ROW, request_id: id });
    assert.deepEqual([again.sequence, again.isDuplicate], [first.sequence, true]);
    const last = await client.publish(ROW);
    const results: string[] = [];
    for await (const result of client.predictions(MODEL, { since })) {
      results.push(prediction.parse(result).request_id);
      if (results.length === 2) break;
    }
    assert.equal(results[0], id);
    assert.ok(last.sequence > first.sequence);
  });

  it("tells results as they come", async () => {
    const coming = client.predictions(MODEL);
    const next = coming.next();
    const published: string[] = [];
    const timer = setInterval(() => {
      const request_id = randomUUID();
      published.push(request_id);
      void client.publish({ ...ROW, request_id });
    }, 50);
    const { value } = await next;
    clearInterval(timer);
    assert.ok(value !== undefined && published.includes((value as { request_id: string }).request_id));
    await coming.return(undefined);
  });
});

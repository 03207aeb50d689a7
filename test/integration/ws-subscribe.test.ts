/**
 * Subscriptions over WebSocket with a whole engine: predictions through every entrance and of other engines, events, slow readers,
 * and nothing read while nobody is subscribed.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { z } from "zod";
import type { Prediction } from "../../engine/core/prediction.ts";
import { serverMessage } from "../../engine/ws/messages.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { readModelFolder } from "../support/model-folder.ts";
import { pushBody, withManifest } from "../support/model-requests.ts";
import { parseMetrics, sampleOf } from "../support/prometheus.ts";
import { markedBlock, readReadme } from "../support/readme.ts";
import { frameOf, TEXT, WsClient } from "../support/ws-client.ts";

const WAIT_MS = 20_000;

describe("subscriptions over WebSocket", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  let manager: JetStreamManager;
  before(async () => {
    engine = await startTestEngine({ env: { MILLRACE_WS_BUFFERED_BYTES_MAX: "262144" } });
    nats = await connect({ servers: engine.natsUrl });
    manager = await jetstreamManager(nats);
    const model = withManifest(readModelFolder("engine/sample/card-fraud"), { name: "other-model" });
    assert.equal((await engine.post("/models", pushBody(model, "production"))).status, 201);
    await eventually(
      "the other model is served",
      async () => (await engine.post("/predict", { model: "other-model", features: PAYMENT })).status === 200,
      WAIT_MS,
    );
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  const subscribed = async (more: object): Promise<WsClient> => {
    const client = await WsClient.open(engine.httpUrl);
    client.send({ type: "subscribe", id: "s", model: "card-fraud", ...more });
    assert.equal((await client.answerTo("s")).type, "subscribed");
    return client;
  };

  /** Consumers of the log that no other part of the engine has: it reads by sequence. */
  const watches = async (stream: string): Promise<number> => {
    const { state } = await manager.streams.info(stream);
    return state.consumer_count;
  };

  const predict = async (body: object): Promise<Prediction> =>
    (await (
      await engine.post("/predict", { model: "card-fraud", features: PAYMENT, ...body })
    ).json()) as Prediction;

  const seen = async (client: WsClient, count: number): Promise<Prediction[]> => {
    await eventually(`${count} predictions are seen`, () => client.of("observed").length >= count, WAIT_MS);
    return client.of("observed").map(({ prediction }) => prediction);
  };

  it("bring every prediction of the model, whatever its entrance, as it was answered", async () => {
    using client = await subscribed({ predictions: true });
    const http = await predict({ request_id: "r-http", entity_id: 'e "1"' });
    const named = { features: PAYMENT, request_id: "r-other" };
    assert.equal((await engine.post("/predict", { model: "other-model", ...named })).status, 200);
    const batch = { model: "card-fraud", instances: [{ features: PAYMENT, request_id: "r-batch" }] };
    assert.equal((await engine.post("/predict/batch", batch)).status, 200);
    await nats.request(
      "millrace.predict.card-fraud",
      JSON.stringify({ features: PAYMENT, request_id: "r-nats" }),
    );
    const durable = JSON.stringify({ features: PAYMENT, request_id: "r-stream" });
    await jetstream(nats).publish("millrace.requests.card-fraud", durable);
    client.send({ type: "predict", id: "p", model: "card-fraud", features: PAYMENT, request_id: "r-ws" });
    await client.answerTo("p");
    const predictions = await seen(client, 5);
    assert.deepEqual(predictions.map(({ request_id }) => request_id).sort(), [
      "r-batch",
      "r-http",
      "r-nats",
      "r-stream",
      "r-ws",
    ]);
    const { confidence: _unknown, latency_ms, ...rest } = http;
    const found = predictions.find(({ request_id }) => request_id === "r-http");
    assert.ok(Math.abs((found?.latency_ms ?? 0) - latency_ms) < 0.0011, "the log has it as float32");
    assert.deepEqual(found, { ...rest, latency_ms: found?.latency_ms });
  });

  it("come as the README shows them, to the client that Node has", async () => {
    const block = markedBlock(readReadme(), "ws").replaceAll(
      "ws://127.0.0.1:8080",
      engine.httpUrl.replace("http", "ws"),
    );
    const { stdout } = await promisify(execFile)("sh", ["-ec", block]);
    const messages = stdout
      .trim()
      .split("\n")
      .map((line) => serverMessage.parse(JSON.parse(line)));
    assert.deepEqual(messages.map(({ type }) => type).sort(), [
      "hello",
      "observed",
      "prediction",
      "subscribed",
    ]);
  });

  it("tell of features that had their default, as the answer does", async () => {
    using client = await subscribed({ predictions: true });
    const short = { amount: 42.5, hour: 14, merchant_category: "grocery" };
    const answer = await predict({ features: short, entities: { card_id: "c", merchant_id: "m" } });
    assert.ok(answer.feature_status !== undefined);
    const [prediction] = await seen(client, 1);
    assert.deepEqual(prediction?.feature_status, answer.feature_status);
  });

  it("bring events about the model, of the kinds that were asked for", async () => {
    using all = await subscribed({ events: true });
    using some = await subscribed({ events: ["model_promoted", "drift_detected"] });
    using others = await WsClient.open(engine.httpUrl);
    others.send({ type: "subscribe", id: "s", model: "other-model", events: true });
    assert.equal((await others.answerTo("s")).type, "subscribed");
    const incident = { change: "detected", incident: { incident_id: "i", model_name: "card-fraud" } };
    const client = jetstream(nats);
    await client.publish("millrace.events.drift_detected", JSON.stringify(incident));
    await client.publish("millrace.events.drift_detected", "no JSON");
    await client.publish(
      "millrace.events.alert_raised",
      JSON.stringify({ model_name: "card-fraud", rule: "r" }),
    );
    const change = { version: "1.0.0", alias: "staging", reason: "as the test wants it" };
    assert.equal((await engine.post("/models/card-fraud/promote", change)).status, 200);
    await eventually("the promotion is told", () => some.of("event").length === 2, WAIT_MS);
    await eventually("all is told", () => all.of("event").length >= 3, WAIT_MS);
    assert.deepEqual(
      all.of("event").map(({ kind }) => kind),
      ["drift_detected", "alert_raised", "model_promoted"],
    );
    const [drift, promoted] = some.of("event");
    assert.deepEqual([drift?.kind, drift?.event], ["drift_detected", incident]);
    const { reason } = z.object({ reason: z.string() }).parse(promoted?.event);
    assert.equal(reason, change.reason);
    assert.deepEqual(others.of("event"), []);
    assert.deepEqual(all.of("observed"), []);
  });

  it("end with unsubscribe, and with their client; then nothing is read any more", async () => {
    const noneOf = async (stream: string): Promise<void> =>
      eventually(`nobody reads ${stream}`, async () => (await watches(stream)) === 0).then(() => undefined);
    await noneOf("MILLRACE_LOG");
    await noneOf("MILLRACE_EVENTS");
    const first = await subscribed({ predictions: true, events: true });
    using second = await subscribed({ predictions: true });
    assert.equal(await watches("MILLRACE_LOG"), 1, "one watch for all");
    assert.equal(await watches("MILLRACE_EVENTS"), 1);
    second.send({ type: "subscribe", id: "s", model: "card-fraud", predictions: true });
    await eventually("the id is taken", () => second.of("error").length === 1);
    assert.match(second.of("error")[0]?.error.message ?? "", /choose another/);
    first.socket.resetAndDestroy();
    await noneOf("MILLRACE_EVENTS");
    second.messages.length = 0;
    second.send({ type: "unsubscribe", id: "s" });
    assert.equal((await second.answerTo("s")).type, "unsubscribed");
    await noneOf("MILLRACE_LOG");
    await predict({});
    second.messages.length = 0;
    second.send({ type: "subscribe", id: "s", model: "card-fraud", predictions: true });
    assert.equal((await second.answerTo("s")).type, "subscribed");
    const { prediction_id } = await predict({});
    assert.deepEqual(
      (await seen(second, 1)).map((prediction) => prediction.prediction_id),
      [prediction_id],
    );
  });

  it("are bounded in number", async () => {
    using client = await WsClient.open(engine.httpUrl);
    for (let index = 0; index <= 32; index++)
      client.send({ type: "subscribe", id: `s-${index}`, model: "card-fraud", events: true });
    await eventually("all are answered", () => client.messages.length === 34);
    assert.equal(client.of("subscribed").length, 32);
    assert.deepEqual(
      client.of("error").map(({ id, error }) => [id, error.code]),
      [["s-32", "QUEUE_FULL"]],
    );
  });

  it("drop for a client that reads slowly, and tell it how many, while others get all", async () => {
    using slow = await subscribed({ predictions: true });
    using quick = await subscribed({ predictions: true });
    using asking = await WsClient.open(engine.httpUrl);
    slow.socket.pause();
    const dropped = async (): Promise<number> =>
      sampleOf(parseMetrics(await (await engine.get("/metrics")).text()), "engine_ws_dropped_total", {
        reason: "slow_reader",
      });
    const earlier = await dropped();
    let asked = 0;
    const request_id = "x".repeat(100);
    while ((await dropped()) === earlier) {
      assert.ok(asked < 200_000, "nothing is dropped");
      asking.messages.length = 0;
      const frames = Array.from({ length: 500 }, () =>
        frameOf(
          TEXT,
          Buffer.from(
            JSON.stringify({
              type: "predict",
              id: `${asked++}`,
              model: "card-fraud",
              features: PAYMENT,
              request_id,
            }),
          ),
        ),
      );
      asking.socket.write(Buffer.concat(frames));
      await eventually("they are answered", () => asking.messages.length === 500, WAIT_MS);
      assert.equal(asking.of("prediction").length, 500);
    }
    await eventually("the quick one has all", () => quick.of("observed").length === asked, WAIT_MS);
    assert.deepEqual(quick.of("dropped"), []);
    slow.socket.resume();
    const total = (): number =>
      slow.of("observed").length + slow.of("dropped").reduce((sum, { count }) => sum + count, 0);
    await eventually("what was dropped is told", () => total() === asked, WAIT_MS);
    assert.ok(slow.of("dropped").length > 0);
  });
});

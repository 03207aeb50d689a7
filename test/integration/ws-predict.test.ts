/**
 * Predictions over WebSocket with a whole engine: many in flight, back-pressure both ways, bad messages, clients that vanish.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ErrorCode } from "../../engine/core/errors.ts";
import { checkErrorBody, errorOf } from "../support/answers.ts";
import { checkPrediction, PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { parseMetrics, sampleOf } from "../support/prometheus.ts";
import { createRandom } from "../support/random.ts";
import { BINARY, frameOf, TEXT, type UpgradeRefused, WsClient } from "../support/ws-client.ts";

const IN_FLIGHT_MAX = 1_024;
const BODY_BYTES_MAX = 65_536;
const BUFFERED_BYTES_MAX = 262_144;
const WAIT_MS = 30_000;
const FUZZ_ROUNDS = 20;
const FUZZ_MESSAGES = 500;

const predict = (id: string, more: object = {}) => ({ type: "predict", id, features: PAYMENT, ...more });

describe("predictions over WebSocket", () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startTestEngine({
      env: {
        MILLRACE_BODY_BYTES_MAX: String(BODY_BYTES_MAX),
        MILLRACE_WS_CONNECTIONS_MAX: "4",
        MILLRACE_WS_BUFFERED_BYTES_MAX: String(BUFFERED_BYTES_MAX),
      },
    });
  });
  after(async () => engine[Symbol.asyncDispose]());

  const metric = async (name: string, labels: Record<string, string> = {}): Promise<number> =>
    sampleOf(parseMetrics(await (await engine.get("/metrics")).text()), name, labels);

  const untilFree = async (): Promise<void> => {
    for (const name of ["engine_ws_connections", "engine_ws_in_flight", "engine_ws_subscriptions"])
      await eventually(`${name} is 0`, async () => (await metric(name)) === 0, WAIT_MS);
  };

  async function refused(
    client: WsClient,
    id: string | null,
    code: ErrorCode,
    field?: string,
  ): Promise<string> {
    const answer = await client.answerTo(id);
    assert.equal(answer.type, "error", JSON.stringify(answer));
    const error = checkErrorBody({ error: (answer as { error: unknown }).error });
    assert.equal(error.code, code, error.message);
    if (field !== undefined) assert.equal(error.details[0]?.field, field);
    client.messages.length = 0;
    return error.message;
  }

  it("are those of HTTP, behind a greeting that tells the limits, and are logged with their source", async () => {
    using client = await WsClient.open(engine.httpUrl);
    client.send(
      predict("1", { request_id: "ws-1", entity_id: "e", model: "card-fraud", version: "production" }),
    );
    const { type, id, ...prediction } = (await client.answerTo("1")) as Record<string, unknown>;
    assert.deepEqual([type, id], ["prediction", "1"]);
    const checked = checkPrediction(prediction);
    assert.equal(checked.request_id, "ws-1");
    const http = (await (await engine.post("/predict", { features: PAYMENT })).json()) as typeof checked;
    assert.equal(checked.predicted_value, http.predicted_value);
    assert.deepEqual(client.messages[0], {
      type: "hello",
      version: "0.1.0",
      in_flight_max: IN_FLIGHT_MAX,
      message_bytes_max: BODY_BYTES_MAX,
      subscriptions_max: 32,
    });
    await eventually(
      "it is stored",
      async () =>
        (
          await engine.sql(
            "SELECT source FROM millrace.predictions WHERE request_id = 'ws-1' AND source = 'ws'",
          )
        ).length === 1,
      WAIT_MS,
    );
    client.send(predict("2", { explain: 2 }));
    const explained = (await client.answerTo("2")) as Record<string, unknown>;
    assert.equal((explained["top_features"] as unknown[]).length, 2);
  });

  it("are each answered once, 10,000 of them in a window as large as the connection allows", async () => {
    using client = await WsClient.open(engine.httpUrl);
    const total = 10_000;
    let asked = 0;
    const ask = (): void => {
      if (asked < total) client.send(predict(`id-${asked++}`));
    };
    client.onMessage = ({ type }) => {
      if (type === "prediction") ask();
    };
    for (let index = 0; index < IN_FLIGHT_MAX; index++) ask();
    const answers = (): number => client.messages.length - 1;
    await eventually("all are answered", () => answers() >= total, WAIT_MS);
    assert.equal(client.of("prediction").length, total);
    const ids = new Set(client.of("prediction").map(({ id }) => id));
    assert.equal(ids.size, total);
    assert.equal(new Set(client.of("prediction").map(({ prediction_id }) => prediction_id)).size, total);
    assert.equal(await metric("engine_ws_in_flight"), 0);
  });

  it("are answered or refused, each once, when 10,000 are asked for at once", async () => {
    using client = await WsClient.open(engine.httpUrl);
    const total = 10_000;
    const frames = Array.from({ length: total }, (_, index) =>
      frameOf(TEXT, Buffer.from(JSON.stringify(predict(`burst-${index}`)))),
    );
    client.socket.write(Buffer.concat(frames));
    await eventually("all are answered", () => client.messages.length > total, WAIT_MS);
    const ids = client.messages.slice(1).map((message) => (message as { id: string }).id);
    assert.equal(ids.length, total);
    assert.equal(new Set(ids).size, total);
    assert.ok(client.of("prediction").length >= IN_FLIGHT_MAX);
    for (const { error } of client.of("error")) {
      assert.equal(error.code, "QUEUE_FULL");
      assert.match(error.message, /in flight.*wait for answers/);
    }
    client.messages.length = 0;
    client.send(predict("later"));
    assert.equal((await client.answerTo("later")).type, "prediction");
  });

  it("are refused to a client that does not read, which is disconnected if it goes on; others are served", async () => {
    using slow = await WsClient.open(engine.httpUrl);
    using other = await WsClient.open(engine.httpUrl);
    slow.socket.pause();
    const closes = async (): Promise<number> =>
      metric("engine_ws_closes_total", { reason: "slow_reader" }).catch(() => 0);
    const framesOf = (round: number): Buffer =>
      Buffer.concat(
        Array.from({ length: 200 }, (_, index) =>
          frameOf(TEXT, Buffer.from(JSON.stringify(predict(`slow-${round}-${index}-${"x".repeat(100)}`)))),
        ),
      );
    for (let round = 0; (await closes()) === 0; round++) {
      assert.ok(round < 2_000, "it is served for ever");
      if (!slow.socket.writableNeedDrain) slow.socket.write(framesOf(round));
      other.send(predict(`other-${round}`));
      assert.equal((await other.answerTo(`other-${round}`)).type, "prediction");
    }
    slow.socket.resume();
    assert.equal(await slow.closed(WAIT_MS), 1013);
    assert.match(slow.closeReason, /were not read/);
    assert.ok(slow.of("prediction").length > 0);
    assert.ok(slow.of("error").some(({ error }) => /read the answers/.test(error.message)));
    const answered = slow.messages.slice(1).map((message) => (message as { id: string }).id);
    assert.equal(new Set(answered).size, answered.length, "no message was answered twice");
  });

  it("say what is wrong with a message, by its id where it has one, and go on", async () => {
    using client = await WsClient.open(engine.httpUrl);
    await eventually("it is greeted", () => client.messages.length === 1);
    client.messages.length = 0;
    const cases: [message: unknown, id: string | null, code: ErrorCode, field?: string][] = [
      ["no JSON", null, "INVALID_JSON"],
      ["", null, "INVALID_JSON"],
      ['{"type":"predict","id":"1","features":{"amount":NaN}}', null, "INVALID_JSON"],
      ["[1]", null, "INVALID_REQUEST"],
      ["null", null, "INVALID_REQUEST"],
      [{ type: "predict", features: PAYMENT }, null, "INVALID_REQUEST", "id"],
      [{ type: "predict", id: 7, features: PAYMENT }, null, "INVALID_REQUEST", "id"],
      [{ type: "predict", id: "", features: PAYMENT }, null, "INVALID_REQUEST", "id"],
      [{ type: "predict", id: "x".repeat(129), features: PAYMENT }, null, "INVALID_REQUEST", "id"],
      [{ id: "a", features: PAYMENT }, "a", "INVALID_REQUEST", "type"],
      [{ type: "shout", id: "b" }, "b", "INVALID_REQUEST", "type"],
      [{ type: "constructor", id: "b" }, "b", "INVALID_REQUEST", "type"],
      [predict("c", { features: { ...PAYMENT, hour: 99 } }), "c", "INVALID_FEATURES"],
      [predict("d", { model: "unheard-of" }), "d", "MODEL_NOT_FOUND"],
      [predict("e", { modle: "card-fraud" }), "e", "INVALID_REQUEST", "modle"],
      [predict("f", { instances: [] }), "f", "INVALID_REQUEST", "instances"],
      [predict("g", { timeout_ms: 0.001 }), "g", "DEADLINE_EXCEEDED"],
      [{ type: "predict", id: "h" }, "h", "INVALID_FEATURES"],
      [{ type: "subscribe", id: "i", model: "card-fraud" }, "i", "INVALID_REQUEST", "predictions"],
      [{ type: "subscribe", id: "j", model: "NO", predictions: true }, "j", "INVALID_REQUEST", "model"],
      [{ type: "subscribe", id: "k", model: "unheard-of", predictions: true }, "k", "MODEL_NOT_FOUND"],
      [{ type: "subscribe", id: "l", model: "card-fraud", events: "all" }, "l", "INVALID_REQUEST", "events"],
      [
        { type: "subscribe", id: "l", model: "card-fraud", events: ["x.>"] },
        "l",
        "INVALID_REQUEST",
        "events.0",
      ],
      [{ type: "unsubscribe", id: "m" }, "m", "INVALID_REQUEST", "id"],
    ];
    for (const [message, id, code, field] of cases) {
      client.send(message);
      await refused(client, id, code, field);
    }
    client.sendFrame(BINARY, Buffer.from(JSON.stringify(predict("n"))));
    assert.match(await refused(client, null, "INVALID_REQUEST"), /text frames/);
    client.send(predict("o", { request_id: "x".repeat(BODY_BYTES_MAX) }));
    assert.match(await refused(client, null, "PAYLOAD_TOO_LARGE"), /MILLRACE_BODY_BYTES_MAX/);
    client.send(predict("p"));
    assert.equal((await client.answerTo("p")).type, "prediction");
  });

  it("have one answer for each message, whatever is in it", async (t) => {
    const random = createRandom();
    t.diagnostic(`TEST_SEED=${random.seed}`);
    using client = await WsClient.open(engine.httpUrl);
    const whole = [
      predict("1", { model: "card-fraud", request_id: "r", timeout_ms: 9_000, explain: false }),
      { type: "subscribe", id: "2", model: "card-fraud", predictions: true, events: ["drift_detected"] },
      { type: "unsubscribe", id: "2" },
    ].map((message) => JSON.stringify(message));
    const pieces = [
      '"',
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "\\",
      "null",
      "true",
      "1e999",
      "-0",
      "predict",
      '"id":',
      " ",
      "\u0000",
      "é",
    ];
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T;
    const mutated = (): string => {
      let text = pick(whole);
      for (let left = Math.floor(random.next() * 4); left > 0; left--) {
        const at = Math.floor(random.next() * (text.length + 1));
        const removed = Math.floor(random.next() * 8);
        text = text.slice(0, at) + pick(pieces) + text.slice(at + removed);
      }
      return text;
    };
    const answers = (): number =>
      client.messages.filter(({ type }) =>
        ["prediction", "error", "subscribed", "unsubscribed"].includes(type),
      ).length;
    const counts = new Map<string, number>();
    for (let round = 0; round < FUZZ_ROUNDS; round++) {
      client.messages.length = 0;
      for (let index = 0; index < FUZZ_MESSAGES; index++) client.send(mutated());
      await eventually("each is answered", () => answers() >= FUZZ_MESSAGES, WAIT_MS);
      client.send({ type: "unsubscribe", id: "no such" });
      await client.answerTo("no such");
      assert.equal(answers(), FUZZ_MESSAGES + 1, "no message has two answers");
      for (const message of client.messages) {
        const kind = message.type === "error" ? message.error.code : message.type;
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
    }
    t.diagnostic([...counts].map(([kind, count]) => `${kind} ${count}`).join(", "));
    assert.equal(counts.get("INTERNAL"), undefined);
    for (const kind of [
      "prediction",
      "subscribed",
      "unsubscribed",
      "INVALID_JSON",
      "INVALID_REQUEST",
      "INVALID_FEATURES",
    ])
      assert.ok((counts.get(kind) ?? 0) > 0, kind);
  });

  it("end with a message that is far too large, or broken frames, without harm to others", async () => {
    using client = await WsClient.open(engine.httpUrl);
    client.send(predict("o", { request_id: "x".repeat(3 * BODY_BYTES_MAX) }));
    await client.closed();
    using broken = await WsClient.open(engine.httpUrl);
    broken.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    await broken.closed();
    using invalid = await WsClient.open(engine.httpUrl);
    invalid.sendFrame(TEXT, Buffer.from([0xc3, 0x28]));
    await invalid.closed();
    using other = await WsClient.open(engine.httpUrl);
    other.send(predict("p"));
    assert.equal((await other.answerTo("p")).type, "prediction");
  });

  it("are not for web pages of other sites, nor for more clients than the limit", async () => {
    await untilFree();
    const answer = async (headers: Record<string, string>): Promise<UpgradeRefused> =>
      WsClient.open(engine.httpUrl, headers).then(
        () => assert.fail("it was let in"),
        (error: unknown) => error as UpgradeRefused,
      );
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { host: "evil.example:8080", origin: "http://evil.example:8080" },
    ]) {
      const { status, body } = await answer(headers);
      assert.equal(status, 403, body);
      assert.equal(checkErrorBody(JSON.parse(body)).code, "FORBIDDEN");
    }
    const clients = [];
    for (let count = 0; count < 4; count++)
      clients.push(
        await WsClient.open(engine.httpUrl, { origin: engine.httpUrl, "sec-fetch-site": "same-origin" }),
      );
    const { status, body } = await answer({});
    assert.equal(status, 429, body);
    for (const client of clients) client.close();
    for (const client of clients) assert.equal(await client.closed(), 1000);
    await untilFree();
  });

  it("leave a path that says what it is for to those who do not upgrade", async () => {
    await errorOf(await engine.get("/ws"), 400, "INVALID_REQUEST");
    await errorOf(await engine.post("/ws", {}), 405, "METHOD_NOT_ALLOWED");
  });

  it("leave nothing behind when their client vanishes in the middle", async () => {
    const client = await WsClient.open(engine.httpUrl);
    client.send({ type: "subscribe", id: "s", model: "card-fraud", predictions: true, events: true });
    assert.equal((await client.answerTo("s")).type, "subscribed");
    assert.equal(await metric("engine_ws_subscriptions"), 1);
    for (let index = 0; index < IN_FLIGHT_MAX; index++) client.send(predict(`gone-${index}`));
    await client.answerTo("gone-0");
    client.socket.resetAndDestroy();
    await untilFree();
    assert.equal((await engine.post("/predict", { features: PAYMENT })).status, 200);
  });
});

it("without uWebSockets.js' own binaries nobody is let in, and the engine goes on", async () => {
  await using engine = await startTestEngine({ env: { UWS_USE_FALLBACK: "1" } });
  await assert.rejects(WsClient.open(engine.httpUrl));
  const { message } = await errorOf(await engine.get("/ws"), 503, "SERVICE_UNAVAILABLE");
  assert.match(message, /Node 20/);
  assert.equal((await engine.post("/predict", { features: PAYMENT })).status, 200);
});

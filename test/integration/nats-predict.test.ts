/**
 * The NATS entrances of a whole engine: request/reply, durable requests and their results, dead letters.
 *
 * The queue takes 8 rows only, so that all that comes from the stream has to wait for room; a request may come four
 * times, so that one for a model that never comes is given up within seven seconds.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type JetStreamClient, type JetStreamManager, jetstream, type StoredMsg } from "@nats-io/jetstream";
import { ServiceError, ServiceErrorCodeHeader, ServiceErrorHeader, Svcm } from "@nats-io/services";
import { connect, headers, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { ERRORS, type ErrorCode } from "../../engine/core/errors.ts";
import type { Prediction } from "../../engine/core/prediction.ts";
import { checkErrorBody } from "../support/answers.ts";
import { checkPrediction, PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { readModelFolder } from "../support/model-folder.ts";
import { pushBody, withManifest } from "../support/model-requests.ts";
import { parseMetrics, sampleOf } from "../support/prometheus.ts";

const REQUESTS = "MILLRACE_REQUESTS";
const PREDICTIONS = "MILLRACE_PREDICTIONS";
const DEAD = "MILLRACE_DEAD";
const SUBJECT = "millrace.requests.card-fraud";
const WAIT_MS = 20_000;

function headersOf(record: Readonly<Record<string, string>>): MsgHdrs {
  const head = headers();
  for (const [name, value] of Object.entries(record)) head.set(name, value);
  return head;
}

describe("NATS", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  let client: JetStreamClient;
  let manager: JetStreamManager;
  before(async () => {
    engine = await startTestEngine({
      env: { MILLRACE_QUEUE_ROWS_MAX: "8", MILLRACE_STREAM_DELIVERIES_MAX: "4" },
    });
    nats = await connect({ servers: engine.natsUrl });
    client = jetstream(nats);
    manager = await client.jetstreamManager();
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  const ask = async (model: string, body: unknown, head: Record<string, string> = {}): Promise<Msg> =>
    nats.request(`millrace.predict.${model}`, typeof body === "string" ? body : JSON.stringify(body), {
      timeout: 10_000,
      headers: headersOf(head),
    });

  const refused = async (model: string, body: unknown, code: ErrorCode): Promise<string> => {
    const message = await ask(model, body);
    const error = checkErrorBody(message.json());
    assert.equal(error.code, code, error.message);
    assert.ok(ServiceError.isServiceError(message));
    assert.equal(message.headers?.get(ServiceErrorCodeHeader), String(ERRORS[code].status));
    assert.ok((message.headers?.get(ServiceErrorHeader) ?? "").length > 0);
    return error.message;
  };

  /** Publishes a durable request; the sequence it got. */
  const publish = async (
    body: unknown,
    head: Record<string, string> = {},
    subject = SUBJECT,
  ): Promise<{ seq: number; duplicate: boolean }> =>
    client.publish(subject, typeof body === "string" ? body : JSON.stringify(body), {
      headers: headersOf(head),
    });

  const stored = async (stream: string): Promise<StoredMsg[]> => {
    const { state } = await manager.streams.info(stream);
    const messages: StoredMsg[] = [];
    for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(stream, { seq });
      if (message !== null) messages.push(message);
    }
    return messages;
  };

  /** Every request so far is settled: acknowledged, or moved to the dead letters. */
  const untilSettled = async (): Promise<void> => {
    const { state } = await manager.streams.info(REQUESTS);
    await eventually(
      "every request is settled",
      async () => (await manager.consumers.info(REQUESTS, "engines")).ack_floor.stream_seq >= state.last_seq,
      WAIT_MS,
    );
  };

  const predictionsWith = async (prefix: string): Promise<Prediction[]> =>
    (await stored(PREDICTIONS))
      .map((message) => message.json<Prediction>())
      .filter(({ request_id }) => request_id.startsWith(prefix));

  const rowsWith = async (prefix: string): Promise<{ rows: number; ids: number }> => {
    const [row] = await engine.sql<{ rows: number; ids: number }>(
      `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(prediction_id)) AS ids
       FROM millrace.predictions WHERE startsWith(request_id, {prefix:String})`,
      { prefix },
    );
    return row ?? { rows: 0, ids: 0 };
  };

  /** Puts a request behind all others through the log, so that what was to be stored before it is. */
  const untilStored = async (): Promise<void> => {
    const marker = `marker-${randomUUID()}`;
    await publish({ features: PAYMENT, request_id: marker });
    await eventually("the marker is stored", async () => (await rowsWith(marker)).rows === 1, WAIT_MS);
  };

  it("answers a request with the prediction that HTTP gives, and logs it", async () => {
    const message = await ask(
      "card-fraud",
      { features: PAYMENT, entity_id: "e" },
      { "X-Request-Id": "rr-1" },
    );
    const prediction = checkPrediction(message.json());
    assert.equal(prediction.request_id, "rr-1");
    assert.equal(prediction.entity_id, "e");
    assert.equal(message.headers?.get(ServiceErrorCodeHeader) ?? "", "");
    const http = (await (await engine.post("/predict", { features: PAYMENT })).json()) as Prediction;
    assert.equal(prediction.predicted_value, http.predicted_value);
    await eventually("it is stored", async () => (await rowsWith("rr-1")).rows === 1, WAIT_MS);
  });

  it("answers errors by the services' headers, the code being the HTTP status", async () => {
    await refused("unheard-of", { features: PAYMENT }, "MODEL_NOT_FOUND");
    await refused("card-fraud", { version: "9.9.9", features: PAYMENT }, "MODEL_NOT_FOUND");
    await refused("card-fraud", { version: "a\r\nb: c", features: PAYMENT }, "MODEL_NOT_FOUND");
    await refused("card-fraud", { features: { ...PAYMENT, hour: 99 } }, "INVALID_FEATURES");
    await refused("card-fraud", { features: { ...PAYMENT, "x\r\ny": 1 } }, "INVALID_FEATURES");
    await refused("card-fraud", { model: "other", features: PAYMENT }, "INVALID_REQUEST");
    await refused("card-fraud", { features: PAYMENT, timeout_ms: 0.001 }, "DEADLINE_EXCEEDED");
    await refused("card-fraud", [1, 2], "INVALID_REQUEST");
  });

  it("answers a payload that is not JSON, line ends in it included", async () => {
    for (const payload of ["", "amount=1", '{\r\n\r\n"features"\r\n', "\u0000", '{"features":NaN}'])
      await refused("card-fraud", payload, "INVALID_JSON");
  });

  it("answers strange subject tokens as names that are none", async () => {
    for (const token of ["UPPER", "__proto__", "a*b", "a>b", "%2e", "$SYS", "name\u00fc", "x".repeat(200)])
      assert.match(await refused(token, { features: PAYMENT }, "INVALID_REQUEST"), /name of a model/);
  });

  it("can be discovered, and counts its requests, as a NATS service", async () => {
    const services = new Svcm(nats).client({ strategy: "count", maxMessages: 1, maxWait: 5_000 });
    const collect = async <T>(found: Promise<AsyncIterable<T>>): Promise<T[]> => {
      const all: T[] = [];
      for await (const one of await found) all.push(one);
      return all;
    };
    const [ping] = await collect(services.ping());
    assert.equal(ping?.name, "millrace");
    assert.match(ping?.version ?? "", /^\d+\.\d+\.\d+$/);
    const [info] = await collect(services.info("millrace"));
    assert.deepEqual(
      info?.endpoints.map(({ name, subject, queue_group }) => ({ name, subject, queue_group })),
      [{ name: "predict", subject: "millrace.predict.*", queue_group: "millrace-engines" }],
    );
    const [earlier] = await collect(services.stats("millrace"));
    await ask("card-fraud", { features: PAYMENT });
    const [later] = await collect(services.stats("millrace"));
    const count = (stats: typeof later): number => stats?.endpoints?.[0]?.num_requests ?? Number.NaN;
    assert.equal(count(later), count(earlier) + 1);
  });

  it("predicts every durable request once, however small the queue, without sending one back", async () => {
    const redelivered = async (): Promise<number> =>
      (await manager.consumers.info(REQUESTS, "engines")).num_redelivered;
    const dead = (await stored(DEAD)).length;
    const ids = Array.from({ length: 300 }, (_, index) => `many-${index}-`);
    const before = await redelivered();
    await Promise.all(
      ids.map((id, index) => publish({ features: { ...PAYMENT, amount: index } }, { "Nats-Msg-Id": id })),
    );
    await untilSettled();
    const predictions = await predictionsWith("many-");
    assert.deepEqual(predictions.map(({ request_id }) => request_id).sort(), ids.sort());
    for (const prediction of predictions) checkPrediction(prediction);
    assert.equal(await redelivered(), before);
    assert.equal((await stored(DEAD)).length, dead);
    await untilStored();
    assert.deepEqual(await rowsWith("many-"), { rows: ids.length, ids: ids.length });
  });

  it("sends the prediction to a reply-to subject as well", async () => {
    const inbox = `answers.${randomUUID()}`;
    const answers = nats.subscribe(inbox, { max: 1 });
    await publish({ features: PAYMENT, request_id: "reply-1" }, { "reply-to": inbox });
    for await (const message of answers) assert.equal(checkPrediction(message.json()).request_id, "reply-1");
    await untilSettled();
    assert.equal((await predictionsWith("reply-1")).length, 1);
  });

  it("serves a request that came before its model was known", async () => {
    const subject = "millrace.requests.late-comer";
    const dead = (await stored(DEAD)).length;
    await publish({ features: PAYMENT, version: "staging", request_id: "early-1" }, {}, subject);
    await eventually("it is on its way again", async () => {
      const { num_pending, num_ack_pending } = await manager.consumers.info(REQUESTS, "engines");
      return num_pending === 0 && num_ack_pending === 1;
    });
    const model = withManifest(readModelFolder("engine/sample/card-fraud"), { name: "late-comer" });
    const { status } = await engine.post("/models", pushBody(model, "staging"));
    assert.equal(status, 201);
    await untilSettled();
    assert.equal((await stored(DEAD)).length, dead);
    assert.equal((await predictionsWith("early-1"))[0]?.model_name, "late-comer");
  });

  it("makes one prediction of a request that was published twice", async () => {
    const first = await publish({ features: PAYMENT }, { "Nats-Msg-Id": "twice-1" });
    const second = await publish({ features: PAYMENT }, { "Nats-Msg-Id": "twice-1" });
    assert.equal(first.duplicate, false);
    assert.equal(second.duplicate, true);
    // Without a message id the stream keeps both; their id follows from the request id.
    await publish({ features: PAYMENT, request_id: "twice-2" });
    await publish({ features: PAYMENT, request_id: "twice-2" });
    await untilSettled();
    assert.equal((await predictionsWith("twice-")).length, 2);
    await untilStored();
    assert.deepEqual(await rowsWith("twice-"), { rows: 2, ids: 2 });
  });

  it("keeps one row and one result of each request when all are delivered again", async () => {
    await untilSettled();
    const results = (await stored(PREDICTIONS)).length;
    await untilStored();
    const rows = await rowsWith("");
    // A consumer that is deleted comes back and reads the stream from its start.
    await manager.consumers.delete(REQUESTS, "engines");
    await eventually(
      "the consumer is back",
      async () => manager.consumers.info(REQUESTS, "engines"),
      WAIT_MS,
    );
    await untilSettled();
    await untilStored();
    assert.deepEqual(await rowsWith(""), { rows: rows.rows + 1, ids: rows.ids + 1 });
    assert.equal((await stored(PREDICTIONS)).length, results + 2);
    const repeats = async (): Promise<number> =>
      sampleOf(parseMetrics(await (await engine.get("/metrics")).text()), "engine_sink_repeats");
    await eventually("the repeats are counted", async () => (await repeats()) >= 300);
  });

  it("moves poison to the dead letters with the reason, and goes on", async () => {
    const good = { features: PAYMENT };
    const own = { "reply-to": "millrace.log.0" };
    const poison: [unknown, Record<string, string>, string, RegExp][] = [
      ["no JSON\r\nat all", {}, SUBJECT, /^INVALID_JSON: /],
      ["", {}, SUBJECT, /^INVALID_JSON: /],
      [{ features: { ...PAYMENT, amount: "x\r\n" } }, {}, SUBJECT, /^INVALID_FEATURES: features\.amount /],
      [{ features: { ...PAYMENT, "a\r\nb": 1 } }, {}, SUBJECT, /^INVALID_FEATURES: features\.a b /],
      [good, {}, "millrace.requests.unheard-of", /^MODEL_NOT_FOUND: /],
      [good, {}, "millrace.requests.UPPER", /^INVALID_REQUEST: /],
      [good, {}, "millrace.requests.a*b", /^INVALID_REQUEST: /],
      [good, { "reply-to": "answers.*" }, SUBJECT, /^INVALID_REQUEST: the reply-to header/],
      [good, { "reply-to": "$JS.API.STREAM.DELETE.X" }, SUBJECT, /^INVALID_REQUEST: the reply-to header/],
      [good, own, SUBJECT, /^INVALID_REQUEST: the reply-to header/],
      [good, { "Nats-Msg-Id": "x".repeat(200) }, SUBJECT, /^INVALID_REQUEST: /],
      [{ ...good, timeout_ms: 0.001 }, {}, SUBJECT, /^DEADLINE_EXCEEDED: /],
    ];
    const earlier = (await stored(DEAD)).length;
    const sequences: number[] = [];
    for (const [body, head, subject] of poison) sequences.push((await publish(body, head, subject)).seq);
    await publish({ ...good, request_id: "behind-the-poison" });
    await untilSettled();
    assert.equal((await predictionsWith("behind-the-poison")).length, 1);
    const dead = (await stored(DEAD)).slice(earlier);
    assert.equal(dead.length, poison.length);
    for (const [index, [body, , subject, reason]] of poison.entries()) {
      const letter = dead.find(({ header }) => header.get("Millrace-Sequence") === String(sequences[index]));
      assert.equal(letter?.subject, `millrace.dead.${REQUESTS}`);
      assert.match(letter?.header.get("Millrace-Reason") ?? "", reason);
      assert.equal(letter?.header.get("Millrace-Subject"), subject);
      assert.equal(letter?.string(), typeof body === "string" ? body : JSON.stringify(body));
    }
  });
});

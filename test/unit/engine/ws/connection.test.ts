/** A connection without a transport: one answer a message, bounds, back-pressure, subscriptions, and its end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Row } from "../../../../engine/batch.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import type { Predictor } from "../../../../engine/predict.ts";
import { Connection, type ConnectionParts, SUBSCRIPTIONS_MAX } from "../../../../engine/ws/connection.ts";
import { type ServerMessage, serverMessage } from "../../../../engine/ws/messages.ts";
import { type Subscriber, Subscriptions } from "../../../../engine/ws/subscriptions.ts";

const LIMITS = { inFlightMax: 3, bufferedBytesMax: 4_000, messageBytesMax: 2_000, timeoutMs: 1_000 };

/** A connection whose predictions are answered, and whose bytes are read, when the test says so. */
class Bench {
  readonly sent: ServerMessage[] = [];
  readonly rows: Row[] = [];
  readonly failed: string[] = [];
  readonly subscribers = new Set<Subscriber>();
  closed: [number, string] | undefined;
  bufferedBytes = 0;
  dropped = 0;
  readonly connection: Connection;

  constructor() {
    const predictor = {
      likelyPlan: undefined,
      submit: (model: string | undefined, _version: string | undefined, _features: unknown, row: Row) => {
        if (model === "none") throw new EngineError("MODEL_NOT_FOUND", "there is none");
        this.rows.push(row);
      },
    };
    const nothing = async () => ({ stop: async () => undefined });
    const subscriptions = new Subscriptions({
      watchLog: nothing,
      watchEvents: nothing,
      logger: { warn: () => undefined },
    });
    const add = subscriptions.add.bind(subscriptions);
    subscriptions.add = async (subscriber) => {
      await add(subscriber);
      this.subscribers.add(subscriber);
    };
    const parts: ConnectionParts = {
      limits: LIMITS,
      predictor: predictor as unknown as Predictor,
      subscriptions,
      checkModel: async (name) => {
        if (name === "none") throw new EngineError("MODEL_NOT_FOUND", "there is none");
      },
      onFailed: ({ code }) => this.failed.push(code),
      onDropped: (count) => {
        this.dropped += count;
      },
    };
    const read = (): number => this.bufferedBytes;
    const socket = {
      get bufferedBytes(): number {
        return read();
      },
      send: (text: string) => this.sent.push(serverMessage.parse(JSON.parse(text))),
      close: (code: number, reason: string) => {
        this.closed = [code, reason];
        this.connection.closed();
      },
    };
    this.connection = new Connection(socket, parts, "1.2.3");
    this.sent.length = 0;
    this.subscriptions = subscriptions;
  }
  readonly subscriptions: Subscriptions;

  send(message: unknown, isBinary = false): void {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    this.connection.receive(Buffer.from(text), isBinary);
  }

  predict(id: string, more: object = {}): void {
    this.send({ type: "predict", id, features: {}, ...more });
  }

  /** The codes and ids of the errors sent. */
  errors(): [string | null, string][] {
    return this.sent.flatMap((message) =>
      message.type === "error" ? [[message.id, message.error.code] as [string | null, string]] : [],
    );
  }
}

const fail = (row: Row | undefined): void => row?.fail(new EngineError("INFERENCE_FAILED", "as told"));

describe("a WebSocket connection", () => {
  it("answers each message once, in whatever order the predictions end, an id given twice too", () => {
    const bench = new Bench();
    for (const id of ["a", "b", "b"]) bench.predict(id);
    assert.equal(bench.connection.inFlight, 3);
    for (const row of bench.rows.toReversed()) fail(row);
    assert.deepEqual(
      bench.errors().map(([id]) => id),
      ["b", "b", "a"],
    );
    assert.equal(bench.connection.inFlight, 0);
    assert.deepEqual(
      bench.rows.map(({ source }) => source),
      ["ws", "ws", "ws"],
    );
  });

  it("refuses one more than may be in flight, and takes the next once one is answered", () => {
    const bench = new Bench();
    for (const id of ["a", "b", "c", "d"]) bench.predict(id);
    assert.deepEqual(bench.errors(), [["d", "QUEUE_FULL"]]);
    fail(bench.rows[0]);
    bench.predict("e");
    assert.equal(bench.rows.length, 4);
    assert.deepEqual(bench.failed, ["QUEUE_FULL", "INFERENCE_FAILED"]);
  });

  it("counts what is refused as not in flight", () => {
    const bench = new Bench();
    for (let index = 0; index < 10; index++) bench.predict(`${index}`, { model: "none" });
    assert.equal(bench.connection.inFlight, 0);
    assert.equal(bench.errors().length, 10);
  });

  it("asks nothing more of a client that does not read, answers what was taken, and closes if it goes on", () => {
    const bench = new Bench();
    bench.predict("a");
    bench.bufferedBytes = LIMITS.bufferedBytesMax + 1;
    bench.predict("b");
    assert.deepEqual(bench.errors(), [["b", "QUEUE_FULL"]]);
    fail(bench.rows[0]);
    assert.deepEqual(bench.errors().at(-1), ["a", "INFERENCE_FAILED"]);
    bench.bufferedBytes = 2 * LIMITS.bufferedBytesMax + 1;
    assert.equal(bench.closed, undefined);
    bench.predict("c");
    assert.equal(bench.closed?.[0], 1013);
    assert.equal(bench.rows.length, 1);
  });

  it("stops: refuses what comes, answers what is in flight, closes once all is read", async () => {
    const bench = new Bench();
    bench.predict("a");
    bench.predict("b");
    bench.connection.stop();
    bench.predict("c");
    bench.send({ type: "subscribe", id: "s", model: "m", predictions: true });
    assert.deepEqual(bench.errors(), [
      ["c", "SHUTTING_DOWN"],
      ["s", "SHUTTING_DOWN"],
    ]);
    fail(bench.rows[0]);
    assert.equal(bench.closed, undefined);
    bench.bufferedBytes = 1;
    fail(bench.rows[1]);
    assert.equal(bench.closed, undefined);
    bench.bufferedBytes = 0;
    bench.connection.drained();
    assert.equal(bench.closed?.[0], 1001);
  });

  it("stops without its client, who does not read, once nothing is in flight", () => {
    const bench = new Bench();
    bench.predict("a");
    bench.bufferedBytes = 1;
    bench.connection.stop();
    bench.connection.stopWaiting();
    assert.equal(bench.closed, undefined);
    fail(bench.rows[0]);
    assert.equal(bench.closed?.[0], 1001);
  });

  it("stops at once when nothing is in flight", () => {
    const bench = new Bench();
    bench.connection.stop();
    assert.equal(bench.closed?.[0], 1001);
  });

  it("sends nothing after its end, whatever ends later", async () => {
    const bench = new Bench();
    bench.predict("a");
    bench.send({ type: "subscribe", id: "s", model: "m", predictions: true });
    bench.connection.closed();
    fail(bench.rows[0]);
    bench.predict("b");
    await nextTurn();
    assert.deepEqual(bench.sent, []);
    assert.equal(bench.connection.inFlight, 0);
    assert.equal(bench.subscriptions.count, 0);
    assert.equal(bench.rows.length, 1);
  });

  it("refuses messages that are too large, binary, or not what a message is", () => {
    const bench = new Bench();
    bench.send("x".repeat(LIMITS.messageBytesMax + 1));
    bench.send('{"type":"predict","id":"a","features":{}}', true);
    bench.send('{"type":"predict","id":"a",');
    bench.send([]);
    bench.send({ type: "predict" });
    bench.send({ id: "t" });
    assert.deepEqual(bench.errors(), [
      [null, "PAYLOAD_TOO_LARGE"],
      [null, "INVALID_REQUEST"],
      [null, "INVALID_JSON"],
      [null, "INVALID_REQUEST"],
      [null, "INVALID_REQUEST"],
      ["t", "INVALID_REQUEST"],
    ]);
  });

  it("subscribes once a name, as often as it may, and forgets what could not be begun", async () => {
    const bench = new Bench();
    for (let index = 0; index <= SUBSCRIPTIONS_MAX; index++)
      bench.send({ type: "subscribe", id: `s-${index}`, model: "m", events: true });
    bench.send({ type: "subscribe", id: "s-0", model: "m", predictions: true });
    await nextTurn();
    assert.deepEqual(bench.errors(), [
      [`s-${SUBSCRIPTIONS_MAX}`, "QUEUE_FULL"],
      ["s-0", "INVALID_REQUEST"],
    ]);
    assert.equal(bench.subscriptions.count, SUBSCRIPTIONS_MAX);
    bench.send({ type: "unsubscribe", id: "s-0" });
    bench.send({ type: "subscribe", id: "s-0", model: "none", predictions: true });
    await nextTurn();
    assert.deepEqual(bench.errors().at(-1), ["s-0", "MODEL_NOT_FOUND"]);
    bench.send({ type: "subscribe", id: "s-0", model: "m", predictions: true });
    await nextTurn();
    assert.equal(bench.sent.at(-1)?.type, "subscribed");
    assert.equal(bench.subscriptions.count, SUBSCRIPTIONS_MAX);
  });

  it("drops what a subscription brings over a quarter of the bytes, and tells how much before what comes next", async () => {
    const bench = new Bench();
    bench.send({ type: "subscribe", id: "s", model: "m", predictions: true });
    await nextTurn();
    const [subscriber] = bench.subscribers;
    const kinds = (): string[] => bench.sent.map(({ type }) => type);
    subscriber?.onPrediction("{}");
    bench.bufferedBytes = LIMITS.bufferedBytesMax / 4 + 1;
    subscriber?.onPrediction("{}");
    subscriber?.onEvent("kind", "{}");
    bench.connection.drained();
    assert.deepEqual(kinds(), ["subscribed", "observed"]);
    assert.equal(bench.dropped, 2);
    bench.bufferedBytes = 0;
    subscriber?.onPrediction("{}");
    assert.deepEqual(kinds(), ["subscribed", "observed", "dropped", "observed"]);
    assert.deepEqual(bench.sent[2], { type: "dropped", id: "s", count: 2 });
    bench.bufferedBytes = LIMITS.bufferedBytesMax;
    subscriber?.onPrediction("{}");
    bench.bufferedBytes = 0;
    bench.connection.drained();
    assert.deepEqual(bench.sent.at(-1), { type: "dropped", id: "s", count: 1 });
  });
});

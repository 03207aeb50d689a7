/** Who gets what of the log and of the events, and that nothing is watched for nobody. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ROW_ID_OFFSET, readBlock } from "../../../../engine/core/log-block.ts";
import type { Prediction } from "../../../../engine/core/prediction.ts";
import { uuidText } from "../../../../engine/core/uuid.ts";
import { loggedModel, loggedPrediction } from "../../../../engine/ws/logged-prediction.ts";
import { type Subscriber, Subscriptions, type WatchStream } from "../../../../engine/ws/subscriptions.ts";
import { blockOf, testRow } from "../../../support/log-blocks.ts";
import { logRowsOf } from "../../../support/log-rows.ts";

type OnMessage = Parameters<WatchStream>[0];

/** A stream that says what is asked of it. */
class FakeStream {
  readonly calls: string[] = [];
  onMessage: OnMessage | undefined;
  fault: Error | undefined;
  readonly watch: WatchStream = async (onMessage) => {
    this.calls.push("start");
    if (this.fault !== undefined) throw this.fault;
    this.onMessage = onMessage;
    return {
      stop: async () => {
        this.calls.push("stop");
        this.onMessage = undefined;
      },
    };
  };
}

function createBench() {
  const log = new FakeStream();
  const events = new FakeStream();
  const warnings: unknown[] = [];
  const logger = { warn: (about: unknown) => warnings.push(about) };
  const subscriptions = new Subscriptions({
    watchLog: log.watch,
    watchEvents: events.watch,
    logger: logger as never,
  });
  return { log, events, warnings, subscriptions };
}

function subscriber(more: Partial<Subscriber>): Subscriber & { readonly got: string[] } {
  const got: string[] = [];
  return {
    model: "mixed",
    predictions: false,
    events: false,
    onPrediction: (json) => got.push((JSON.parse(json) as Prediction).request_id),
    onEvent: (kind) => got.push(kind),
    ...more,
    got,
  };
}

describe("subscriptions", () => {
  it("watch a stream for the first who wants it, until the last one is gone", async () => {
    const { log, events, subscriptions } = createBench();
    const first = subscriber({ predictions: true });
    const second = subscriber({ predictions: true, events: ["drift_detected"] });
    await Promise.all([subscriptions.add(first), subscriptions.add(second)]);
    assert.deepEqual([log.calls, events.calls], [["start"], ["start"]]);
    subscriptions.remove(second);
    subscriptions.remove(second);
    await subscriptions.stopped();
    assert.deepEqual([log.calls, events.calls], [["start"], ["start", "stop"]]);
    subscriptions.remove(first);
    await subscriptions.add(second);
    assert.deepEqual(
      log.calls,
      ["start", "stop", "start"],
      "the new watch begins when the old one has ended",
    );
    assert.equal(subscriptions.count, 1);
  });

  it("forget who could not be served, and try again for the next", async () => {
    const { log, events, subscriptions } = createBench();
    log.fault = new Error("away");
    const both = subscriber({ predictions: true, events: true });
    await assert.rejects(subscriptions.add(both), /away/);
    assert.equal(subscriptions.count, 0);
    await subscriptions.stopped();
    assert.deepEqual([log.calls, events.calls], [["start"], ["start", "stop"]]);
    log.fault = undefined;
    await subscriptions.add(both);
    assert.deepEqual(log.calls, ["start", "start"]);
    await log.onMessage?.("millrace.log.0", await blockOf([testRow({ requestId: "a" })]));
    assert.deepEqual(both.got, ["a"]);
  });

  it("give who is removed while a watch starts nothing, and end that watch", async () => {
    const { log, subscriptions } = createBench();
    const gone = subscriber({ predictions: true });
    const adding = subscriptions.add(gone);
    subscriptions.remove(gone);
    await adding;
    await subscriptions.stopped();
    assert.deepEqual(log.calls, ["start", "stop"]);
    assert.equal(subscriptions.count, 0);
  });

  it("bring all rows of a block, in order, to those of its model who want predictions", async () => {
    const { log, subscriptions } = createBench();
    const ids = Array.from({ length: 200 }, (_, index) => `id-${index}`);
    const wanted = subscriber({ predictions: true });
    const other = subscriber({ predictions: true, model: "another" });
    const onlyEvents = subscriber({ events: true });
    for (const one of [wanted, other, onlyEvents]) await subscriptions.add(one);
    await log.onMessage?.("millrace.log.0", await blockOf(ids.map((requestId) => testRow({ requestId }))));
    assert.deepEqual([wanted.got, other.got, onlyEvents.got], [ids, [], []]);
  });

  it("survive a block that is damaged", async () => {
    const { log, warnings, subscriptions } = createBench();
    const one = subscriber({ predictions: true });
    await subscriptions.add(one);
    await log.onMessage?.("millrace.log.0", Buffer.from("no block"));
    const block = await blockOf([testRow({ requestId: "a" })]);
    await log.onMessage?.("millrace.log.0", block.subarray(0, -1));
    const twisted = Buffer.from(block);
    twisted.fill(0xff, block.length - 40); // its rows are where they should be, and hold nonsense
    await log.onMessage?.("millrace.log.0", twisted);
    await log.onMessage?.("millrace.log.0", block);
    assert.equal(warnings.length, 3);
    assert.deepEqual(one.got, ["a"]);
  });

  it("bring events by model and kind, and pass over what is no event", async () => {
    const { events, subscriptions } = createBench();
    const all = subscriber({ events: true });
    const some = subscriber({ events: ["drift_detected"] });
    const other = subscriber({ events: true, model: "another" });
    for (const one of [all, some, other]) await subscriptions.add(one);
    const tell = async (kind: string, body: unknown): Promise<void> => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      await events.onMessage?.(`millrace.events.${kind}`, Buffer.from(text));
    };
    await tell("model_promoted", { model_name: "mixed" });
    await tell("drift_detected", { change: "detected", incident: { model_name: "mixed" } });
    for (const body of ["no JSON", "null", "7", { model_name: 7 }, { incident: null }, {}])
      await tell("drift_detected", body);
    await tell("model_promoted", { model_name: "another" });
    assert.deepEqual(all.got, ["model_promoted", "drift_detected"]);
    assert.deepEqual(some.got, ["drift_detected"]);
    assert.deepEqual(other.got, ["model_promoted"]);
  });
});

describe("a logged prediction", () => {
  it("is what the row says, whatever its texts", async () => {
    const ids = ["short", "ü🙂", "x".repeat(128), "é".repeat(64), 'q"\\', ""];
    const block = await blockOf(ids.map((id) => testRow({ requestId: id, entityId: id })));
    const rows: [number, number][] = [];
    readBlock(block, (start, end) => rows.push([start, end]));
    assert.equal(rows.length, ids.length);
    for (const [index, [start, end]] of rows.entries()) {
      assert.equal(loggedModel(block, start), "mixed");
      const { latency_ms, request_id, entity_id, prediction_id, ...rest } = loggedPrediction(
        block,
        start,
        end,
      );
      const id = ids[index] ?? "";
      assert.equal(request_id, id === "" ? prediction_id : id);
      assert.equal(entity_id, id === "" ? undefined : id);
      const halves = [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8];
      const bytes = Buffer.from(halves.map((at) => block[start + ROW_ID_OFFSET + at] ?? 0));
      assert.equal(prediction_id, uuidText(bytes, 0));
      assert.ok(Number.isFinite(latency_ms));
      assert.deepEqual(rest, {
        model_name: "mixed",
        model_version: "1.0.0",
        predicted_value: 0.25,
        predicted_class: rest.predicted_class,
        probabilities: [0.75, 0.25],
        prediction_date: "2026-02-03T04:05:06.789Z",
      });
    }
  });

  it("has the status of features behind entities, the variant, and no class for a value", () => {
    const row = logRowsOf([
      {
        variant: "canary",
        value: 1.5,
        numbers: [1, 2, 3],
        texts: ["a", "b".repeat(200)],
        entities: [["card", "c-1", 7]],
        status: [
          ["amount", "missing"],
          ["age", "stale"],
        ],
      },
    ]);
    const { feature_status, variant, predicted_value, predicted_class, probabilities } = loggedPrediction(
      row,
      0,
      row.length,
    );
    assert.deepEqual(feature_status, { amount: "missing", age: "stale" });
    assert.deepEqual(
      [variant, predicted_value, predicted_class, probabilities],
      ["canary", 1.5, undefined, undefined],
    );
  });

  it("is refused when its row is cut off", () => {
    const row = logRowsOf([{ status: [["amount", "missing"]] }]);
    assert.throws(() => loggedPrediction(row, 0, 60), RangeError);
  });
});

/**
 * Feature events through a real stream into states and into ClickHouse: shuffled, doubled and with rubbish among them, each
 * counts once and is stored once, and what cannot be taken is in the dead letters with the reason.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { MemoryEntityStore } from "../../storage/entity-store-memory.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { eventually } from "../support/eventually.ts";
import { type CardEvent, cardEvent, storedTotals, totalsOf } from "../support/feature-events.ts";
import { FeaturePlane } from "../support/feature-plane.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { createRandom } from "../support/random.ts";

const CARDS = 50;
const WAIT_MS = 30_000;
const random = createRandom();

const someEvents = (count: number, first = 0): CardEvent[] =>
  Array.from({ length: count }, (_, index) =>
    cardEvent(first + index, CARDS, Date.now() - random.between(0, 60_000)),
  );

describe(`feature events (TEST_SEED=${random.seed})`, () => {
  let nats: TestNats;
  let clickhouse: TestClickhouse;
  before(async () => {
    [nats, clickhouse] = await Promise.all([startTestNats(), startTestClickhouse()]);
  });
  after(async () => {
    await Promise.all([nats.stop(), clickhouse.remove()]);
  });

  async function select<T>(query: string): Promise<T[]> {
    const result = await clickhouse.client.query({ query, format: "JSONEachRow" });
    return result.json<T>();
  }

  it("count once in the states and are once in feature_values, whatever order and however often they come", async () => {
    await using plane = await FeaturePlane.open(nats.url, "all");
    const store = new MemoryEntityStore();
    const good = someEvents(4_000);
    const bad = ["rubbish", { event_id: "x" }, { ...good[0], event_id: "y", event: { amount: [1] } }, ""];
    const refused = { ...good[0], event_id: "city", event: { city: "Rome" } };
    const mixed = random.shuffled([...good, ...good.slice(0, 500), ...bad, ...bad, refused]);
    const ingester = plane.startIngester(store);
    const sink = plane.startSink(clickhouse.client, "ingest_all");
    await plane.publish(mixed);
    const lastSeq = await plane.lastSeq();
    await eventually("all is applied", () => ingester.part.progress.seq === lastSeq, WAIT_MS);
    await eventually("all is stored", () => sink.part.progress.seq === lastSeq, WAIT_MS);
    const { events, duplicates, rejected } = ingester.part.progress;
    assert.deepEqual([events, duplicates, rejected], [4_000, 500, 2 * bad.length + 1]);
    const expected = totalsOf(good);
    assert.deepEqual(await storedTotals(store, expected.keys()), expected);
    const [stored] = await select<Record<string, string>>(
      `SELECT toString(count()) AS rows, toString(uniqExact(event_id)) AS ids,
         toString(round(100 * sum(if(event_id = 'city', 0, numbers['amount'])))) AS amount,
         toString(countIf(texts['city'] = 'Bern')) AS bern, toString(countIf(has(nulls, 'city'))) AS nulls
       FROM ingest_all.feature_values`,
    );
    const amount = [...expected.values()].reduce((sum, card) => sum + card.amount, 0);
    assert.deepEqual(stored, {
      rows: "4001",
      ids: "4001",
      amount: String(amount),
      bern: "1000",
      nulls: "1000",
    });
    const dead = await plane.manager.streams.info("ALL_DEAD");
    assert.equal(dead.state.messages, 2 * bad.length + 1, "the sink puts nothing aside");
  });

  it("say in feature_values what the event said, to the millisecond and the last bit", async () => {
    await using plane = await FeaturePlane.open(nats.url, "said");
    const event = {
      event_id: "é-1",
      entity_id: "card one",
      event_time: "2026-01-02T03:04:05.678Z",
      values: {
        amount: 0.1,
        big: -1.7e300,
        isNew: true,
        isOld: false,
        city: "Zürich 🏔",
        note: "",
        gone: null,
      },
    };
    await plane.publish([event], "bank_card-2");
    await plane.publish([{ ...event, event_id: "ahead", event_time: Date.now() + 60_000, values: {} }]);
    const sink = plane.startSink(clickhouse.client, "ingest_said");
    await eventually("both are stored", () => sink.part.progress.seq === 2, WAIT_MS);
    const [row, ahead] = await select<Record<string, unknown>>(
      `SELECT *, event_time = arrival_time AS is_capped FROM ingest_said.feature_values ORDER BY log_seq`,
    );
    const { epoch } = await plane.reader.position();
    assert.deepEqual(
      { ...row, log_epoch: Number(row?.["log_epoch"]), log_seq: Number(row?.["log_seq"]), arrival_time: "" },
      {
        log_epoch: epoch,
        log_seq: 1,
        entity_type: "bank_card-2",
        entity_id: "card one",
        event_id: "é-1",
        event_time: "2026-01-02 03:04:05.678",
        arrival_time: "",
        is_event: false,
        numbers: { amount: 0.1, big: -1.7e300, isNew: 1, isOld: 0 },
        texts: { city: "Zürich 🏔", note: "" },
        nulls: ["gone"],
        booleans: ["isNew", "isOld"],
        is_capped: 0,
      },
    );
    assert.deepEqual([ahead?.["is_capped"], ahead?.["numbers"]], [1, {}]);
  });

  it("are known again by a sink that starts anew, so that one published again is not stored twice", async () => {
    await using plane = await FeaturePlane.open(nats.url, "again");
    const events = someEvents(20);
    for (const round of [1, 2]) {
      await plane.publish(events);
      const sink = plane.startSink(clickhouse.client, "ingest_again");
      await eventually("all is stored", () => sink.part.progress.seq === round * 20, WAIT_MS);
      await sink.stop();
    }
    const [stored] = await select<{ rows: number }>(
      "SELECT toUInt32(count()) AS rows FROM ingest_again.feature_values",
    );
    assert.equal(stored?.rows, 20);
  });

  it("are put aside once with their reason, though a store that lost its data reads them again", async () => {
    await using plane = await FeaturePlane.open(nats.url, "aside");
    const { config } = await plane.manager.streams.info("ASIDE_DEAD");
    await plane.manager.streams.update("ASIDE_DEAD", { ...config, duplicate_window: 100_000_000 });
    const { epoch } = await plane.reader.position();
    const good = someEvents(20);
    await plane.publish([...good, "rubbish", { ...good[1], event_id: "z", event: { amount: "much" } }]);
    for (const _ of ["first", "after the loss"]) {
      const store = new MemoryEntityStore();
      const ingester = plane.startIngester(store);
      await eventually("all is applied", () => ingester.part.progress.seq === 22, WAIT_MS);
      await ingester.stop();
      await eventually("the server has forgotten the ids", async () => {
        const options = { msgID: `ASIDE_FEATURES-${epoch}-22` };
        const { seq, duplicate } = await jetstream(plane.connection.nats).publish(
          "aside.dead.OTHER",
          "",
          options,
        );
        if (!duplicate) await plane.manager.streams.deleteMessage("ASIDE_DEAD", seq);
        return !duplicate;
      });
    }
    assert.equal((await plane.manager.streams.info("ASIDE_DEAD")).state.messages, 2);
    const letters = await Promise.all(
      [1, 2].map(async (seq) => plane.manager.streams.getMessage("ASIDE_DEAD", { seq })),
    );
    assert.deepEqual(
      letters.map((letter) => [letter?.subject, letter?.header.get("Nats-Msg-Id")]),
      [21, 22].map((seq) => ["aside.dead.ASIDE_FEATURES", `ASIDE_FEATURES-${epoch}-${seq}`]),
    );
    assert.equal(letters[0]?.string(), "rubbish");
    assert.match(letters[1]?.header.get("Millrace-Reason") ?? "", /^amount must be a number/);
  });

  it("are read on when the stream is deleted and made anew while the ingester runs", async () => {
    await using plane = await FeaturePlane.open(nats.url, "anew");
    const store = new MemoryEntityStore();
    const before = someEvents(30);
    const after = someEvents(30, 30);
    const ingester = plane.startIngester(store);
    await plane.publish(before);
    await eventually("all is applied", () => ingester.part.progress.seq === 30, WAIT_MS);
    await plane.manager.streams.delete("ANEW_FEATURES");
    await using again = await FeaturePlane.open(nats.url, "anew");
    await again.publish(after);
    const expected = totalsOf([...before, ...after]);
    await eventually(
      "the new stream's events are applied",
      async () => ingester.part.progress.events === 60,
      WAIT_MS,
    );
    assert.deepEqual(await storedTotals(store, expected.keys()), expected);
  });

  it("can be published by hand, and are checked before", async () => {
    await using plane = await FeaturePlane.open(nats.url, "hand");
    const store = new MemoryEntityStore();
    const ingester = plane.startIngester(store);
    const publish = async (fields: string, ...options: string[]): Promise<CliResult> =>
      runCli([
        "publish",
        "features",
        "card",
        "c-1",
        fields,
        "--nats",
        nats.url,
        "--prefix",
        "hand",
        ...options,
      ]);
    const first = await publish('{"amount": 12.5}', "--id", "by-hand");
    assert.deepEqual([first.code, first.stdout], [0, "stored: message 1 of HAND_FEATURES\n"], first.stderr);
    const again = await publish('{"amount": 12.5}', "--id", "by-hand");
    assert.equal(again.stdout, "stored before: HAND_FEATURES has it as message 1\n");
    await publish('{"amount": 0.5}', "--time", new Date(Date.now() - 60_000).toISOString());
    await publish('{"amount": 100, "city": "Bern"}', "--values");
    for (const [fields, reason] of [
      ['{"amount": [1]}', /event\.amount must be a finite number/],
      ["amount=1", /the fields are not JSON/],
    ] as const) {
      const { code, stderr } = await publish(fields);
      assert.equal(code, 1);
      assert.match(stderr, reason);
    }
    await eventually("all is applied", () => ingester.part.progress.seq === 3, WAIT_MS);
    assert.deepEqual([...(await storedTotals(store, ["c-1"]))], [["c-1", { events: 2, amount: 1_300 }]]);
  });

  it("are visible within milliseconds, and none is lost when nats-server is killed", async () => {
    await using plane = await FeaturePlane.open(nats.url, "visible");
    const store = new MemoryEntityStore();
    const ingester = plane.startIngester(store);
    await plane.publish(someEvents(10));
    await eventually("all is applied", () => ingester.part.progress.seq === 10, WAIT_MS);
    const tookMs: number[] = [];
    for (let count = 1; count <= 20; count++) {
      await plane.publish(someEvents(1, 9 + count));
      const sinceMs = performance.now();
      while (ingester.part.progress.seq < 10 + count) await new Promise((resolve) => setImmediate(resolve));
      tookMs.push(performance.now() - sinceMs);
    }
    assert.ok((tookMs.sort((a, b) => a - b)[10] ?? Infinity) < 50, `${tookMs.at(10)} ms`);
    await nats.kill9();
    await eventually(
      "publishing goes on",
      async () => plane.publish(someEvents(1, 30)).then(() => true),
      WAIT_MS,
    );
    await plane.publish(someEvents(20, 31));
    const expected = totalsOf(someEvents(51));
    await eventually("all is applied", () => ingester.part.progress.events === 51, WAIT_MS);
    assert.deepEqual(await storedTotals(store, expected.keys()), expected);
  });
});

/**
 * What was served can be had again: a whole engine serves features and predictions while events come (late, doubled,
 * refused ones too); afterwards the history gives the same, to the last bit, for every one of them.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import { SeededRandom } from "../../engine/core/seeded-random.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { pushBody, untilServed, withManifest } from "../support/model-requests.ts";
import { slowModel } from "../support/slow-model.ts";

const EVENTS = 600;
const ACCOUNTS = 5;
const window = (name: string, aggregation: string, more: Record<string, unknown> = {}) => ({
  name,
  kind: "window",
  aggregation,
  window: "10s",
  ...(aggregation === "count" ? {} : { field: "paid" }),
  ...more,
});
const SET = {
  name: "account",
  version: "1.0.0",
  entity: { type: "account", key: "account_id" },
  features: [
    { name: "country", kind: "online", type: "category", categories: ["DE", "FR"], default: "DE" },
    { name: "is_open", kind: "online", type: "bool", ttl: "1s" },
    window("count_10s", "count"),
    window("sum_1m", "sum", { window: "1m", filter: { field: "is_open", in: [true] } }),
    window("mean_24h", "mean", { window: "24h" }),
    window("stddev_10s", "stddev"),
    window("min_10s", "min"),
    window("max_tumbling", "max", { windowing: "tumbling" }),
    window("first_10s", "first"),
    window("last_10s", "last"),
    window("shops_10s", "distinct_count", { field: "shop" }),
    { name: "share", kind: "derived", function: "ratio", inputs: ["sum_1m", "mean_24h"] },
  ],
};

interface Answer {
  readonly entity_id: string;
  readonly as_of: string;
  readonly last_event_seq: number;
  readonly features: Readonly<Record<string, unknown>>;
  readonly status: Readonly<Record<string, string>>;
}

describe("features that were served", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  before(async () => {
    engine = await startTestEngine({ sample: false });
    nats = await connect({ servers: engine.natsUrl });
    assert.equal((await engine.post("/feature-sets", SET)).status, 201);
    const model = slowModel("spending");
    const feature = { set: "account", version: "1.0.0", name: "sum_1m" };
    const inputs = [{ ...model.manifest.inputs[0], feature }] as ModelManifest["inputs"];
    const response = await engine.post("/models", pushBody(withManifest(model, { inputs }), "production"));
    assert.equal(response.status, 201);
    await untilServed(engine, "spending", "1.0.0");
    const first = { event_id: "first", entity_id: "account-0", event_time: Date.now(), event: { paid: 1 } };
    await jetstream(nats).publish("millrace.features.account", JSON.stringify(first));
    await eventually("events of the new set are applied", async () => {
      const answer = await engine.get("/features/account/account-0");
      return ((await answer.json()) as Answer).last_event_seq > 0;
    });
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  const random = new SeededRandom(7);
  const progress = { isPublished: false };

  async function publishAll(): Promise<void> {
    const stream = jetstream(nats);
    for (let index = 0; index < EVENTS; index++) {
      const isLate = random.uniform() < 0.3;
      const event = {
        event_id: `event-${random.uniform() < 0.1 ? index - 1 : index}`,
        entity_id: `account-${random.below(ACCOUNTS)}`,
        event_time: Date.now() - (isLate ? Math.floor(random.uniform() ** 3 * 7_200_000) : 0),
        event: {
          paid: random.uniform() < 0.1 ? null : Math.abs(random.normal()),
          shop: `shop-${random.below(300)}`,
          country: random.uniform() < 0.05 ? "IT" : random.uniform() < 0.5 ? "DE" : "FR",
          ...(random.uniform() < 0.6 ? { is_open: random.uniform() < 0.5 } : {}),
        },
      };
      await stream.publish("millrace.features.account", JSON.stringify(event));
    }
    progress.isPublished = true;
  }

  async function readAll(): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let index = 0; !progress.isPublished || index < 100; index++) {
      const id = `account-${index % (ACCOUNTS + 1)}`;
      const answer = await engine.get(`/features/account/${id}`);
      answers.push((await answer.json()) as Answer);
      const predicted = await engine.post("/predict", { entity_id: id, features: {} });
      assert.equal(predicted.status, 200);
    }
    return answers;
  }

  async function historical(rows: readonly unknown[]): Promise<Record<string, unknown>[]> {
    const response = await engine.post("/features/historical", { features: "account@1.0.0", rows });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it("are had again from the history", async () => {
    const [, answers] = await Promise.all([publishAll(), readAll()]);
    assert.ok(answers.length >= 100);
    const seqs = new Set(answers.map(({ last_event_seq }) => last_event_seq));
    assert.ok(seqs.size > 20, `${seqs.size} moments`);
    const lastSeq = Math.max(...seqs);
    await eventually("all events are stored", async () => {
      const [row] = await engine.sql<{ last: string }>(
        "SELECT max(log_seq) AS last FROM millrace.feature_values",
      );
      return Number(row?.last) >= lastSeq;
    });
    const rows = answers.map(({ entity_id, as_of, last_event_seq, status }) => ({
      entity_id,
      as_of,
      seq: last_event_seq,
      feature_status: status,
    }));
    const found = await historical(rows);
    for (const [index, { features, status }] of answers.entries()) {
      const { entity_id, as_of, seq, feature_status, ...values } = found[index] as Record<string, unknown>;
      const shown = `${String(entity_id)} at ${String(as_of)}, ${String(seq)}`;
      assert.deepEqual(values, features, shown);
      assert.deepEqual(feature_status, status, shown);
    }
  });

  it("are had again for every prediction, by what it noted", async () => {
    const query = `SELECT entities[1].id AS entity_id, entities[1].seq AS seq, features_date AS as_of, feature_status,
      features[1] AS served
      FROM millrace.predictions WHERE features_date > 0`;
    const predictions = await eventually("all predictions are stored", async () => {
      const rows = await engine.sql<{ entity_id: string; seq: string; as_of: string; served: number }>(query);
      return rows.length >= 100 && rows;
    });
    const found = await historical(predictions.map((row) => ({ ...row, seq: Number(row.seq) })));
    assert.ok(new Set(predictions.map(({ served }) => served)).size > 20);
    for (const [index, { served }] of predictions.entries())
      assert.equal(Math.fround(found[index]?.["sum_1m"] as number), Math.fround(served));
  });
});

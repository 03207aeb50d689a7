/** A data plane without Redis: its own ingester fills its store, and nothing of that concerns another data plane. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { jsonOf } from "../support/answers.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { parseMetrics, sampleOf } from "../support/prometheus.ts";

const SET = {
  name: "account",
  version: "1.0.0",
  entity: { type: "account", key: "account_id" },
  features: [{ name: "payments", kind: "window", aggregation: "count", window: "24h", default: -1 }],
};
const BATCHES = 50;

interface Shown {
  readonly features: { readonly payments: number };
  readonly status: Readonly<Record<string, string>>;
}

describe("a data plane without Redis", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  before(async () => {
    engine = await startTestEngine({ sample: false, env: { PATH: "/nowhere" } }); // without a redis-server
    nats = await connect({ servers: engine.natsUrl });
    assert.equal((await engine.post("/feature-sets", SET)).status, 201);
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  let published = 0;
  const publish = async (): Promise<void> => {
    const event_id = `event-${++published}`;
    const body = { event_id, entity_id: "a", event_time: Date.now(), event: { paid: 1 } };
    await jetstream(nats).publish("millrace.features.account", JSON.stringify(body));
  };
  const shown = async (): Promise<Shown> => jsonOf<Shown>(await engine.get("/features/account/a"));

  it("shows its own ingester's progress, and tells the others nothing", async () => {
    let told = 0;
    nats.subscribe("millrace.status.ingest", { callback: () => void told++ });
    for (const events of [1, 2]) {
      await publish();
      await eventually("the metrics have it", async () => {
        const metrics = parseMetrics(await (await engine.get("/metrics")).text());
        return sampleOf(metrics, "engine_ingest_events") === events;
      });
    }
    assert.equal(told, 0);
    const { components } = await jsonOf<{ components: Record<string, string> }>(await engine.get("/health"));
    assert.equal(components["features"], "up");
  });

  it("is ready again once its store holds all that was known", async () => {
    for (let batch = 0; batch < BATCHES; batch++) await Promise.all(Array.from({ length: 100 }, publish));
    await eventually("all is applied", async () => (await shown()).features.payments === published);
    await nats.close();
    await engine.stop();
    await engine.start();
    nats = await connect({ servers: engine.natsUrl });
    const { features, status } = await shown();
    assert.deepEqual([features.payments, status], [published, {}]);
  });
});

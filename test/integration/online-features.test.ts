/**
 * Predictions with features from the store, through a whole engine: over a Redis and a Redis Cluster of the test, which it
 * freezes, and in process.
 *
 * The model gives its one input plus the whole part of the largest in the batch, so that a prediction shows what was served.
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { pino } from "pino";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import type { Prediction } from "../../engine/core/prediction.ts";
import { openRedis } from "../../storage/redis.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { pushBody, untilServed, withManifest } from "../support/model-requests.ts";
import { parseMetrics, sampleOf } from "../support/prometheus.ts";
import { REDIS_MISSING, startTestRedis, startTestRedisCluster, type TestRedis } from "../support/redis.ts";
import { slowModel } from "../support/slow-model.ts";

const SET = {
  name: "account",
  version: "1.0.0",
  entity: { type: "account", key: "account_id" },
  features: [
    { name: "amount", kind: "request", default: 1 },
    { name: "country", kind: "online", type: "category", categories: ["DE", "FR"], default: "DE" },
    { name: "spent_1h", kind: "window", aggregation: "sum", field: "paid", window: "1h" },
    { name: "paid_mean_30d", kind: "window", aggregation: "mean", field: "paid", window: "30d", default: 7 },
    { name: "paid_last", kind: "window", aggregation: "last", field: "paid", window: "1h" },
    { name: "share", kind: "derived", function: "ratio", inputs: ["amount", "spent_1h"], default: 0.5 },
  ],
};

function modelOf(name: string, feature: string): ModelArtifact {
  const model = slowModel(name);
  const [steps] = model.manifest.inputs;
  const reference = { set: "account", version: "1.0.0", name: feature };
  return withManifest(model, { inputs: [{ ...steps, feature: reference }] as ModelManifest["inputs"] });
}

interface OnlineAnswer {
  readonly features: readonly string[];
  readonly results: readonly {
    entity_id: string;
    values: unknown[];
    status?: Record<string, string>;
  }[];
}

const REDIS = {
  "over Redis": startTestRedis,
  "over Redis Cluster": startTestRedisCluster,
  "in process": undefined,
};

for (const [mode, start] of Object.entries(REDIS)) {
  const skip = start === undefined ? false : REDIS_MISSING;
  describe(`features from the store, ${mode}`, { skip }, () => {
    let redis: TestRedis | undefined;
    let engine: TestEngine;
    let nats: NatsConnection;
    let events = 0;
    before(async () => {
      redis = await start?.();
      const env =
        redis === undefined
          ? { PATH: dirname(process.execPath) }
          : { REDIS_URL: redis.url, MILLRACE_FEATURE_TIMEOUT_MS: "250" };
      engine = await startTestEngine({ sample: false, env });
      nats = await connect({ servers: engine.natsUrl });
      assert.equal((await engine.post("/feature-sets", SET)).status, 201);
      for (const [name, feature] of [
        ["spending", "spent_1h"],
        ["sharing", "share"],
        ["lasting", "paid_last"],
      ] as const) {
        assert.equal(
          (await engine.post("/models", pushBody(modelOf(name, feature), "production"))).status,
          201,
        );
        await untilServed(engine, name, "1.0.0");
      }
    });
    after(async () => {
      await nats?.close();
      await engine?.[Symbol.asyncDispose]();
      await redis?.[Symbol.asyncDispose]();
    });

    const publish = async (
      entity_id: string,
      fields: Record<string, unknown>,
      id?: string,
    ): Promise<void> => {
      const event_id = id ?? `event-${++events}`;
      const body = { event_id, entity_id, event_time: new Date().toISOString(), event: fields };
      await jetstream(nats).publish("millrace.features.account", JSON.stringify(body));
    };
    const predict = async (entity_id: string, more: Record<string, unknown> = {}): Promise<Prediction> =>
      jsonOf<Prediction>(
        await engine.post("/predict", { model: "spending", entity_id, features: {}, ...more }),
      );
    const untilSpent = async (entity: string, sum: number): Promise<Prediction> =>
      eventually(`${entity} has spent ${sum}`, async () => {
        const prediction = await predict(entity);
        return prediction.predicted_value === 2 * sum ? prediction : undefined;
      });

    /** From what the prediction noted. */
    const expectReplayed = async (
      id: string,
      value: number,
      status: Record<string, string>,
    ): Promise<void> => {
      const query = `SELECT entities[1].id AS entity_id, entities[1].seq AS seq, features_date AS as_of, feature_status
        FROM millrace.predictions WHERE prediction_id = {id:UUID}`;
      const [row] = await eventually("the prediction is stored", async () => {
        const rows = await engine.sql<{ seq: string }>(query, { id });
        return rows.length > 0 && rows;
      });
      const rows = [{ ...row, seq: Number(row?.seq) }];
      const response = await engine.post("/features/historical", {
        features: "account@1.0.0:spent_1h",
        rows,
      });
      const replayed = JSON.parse(await response.text()) as Record<string, unknown>;
      assert.deepEqual([replayed["spent_1h"], replayed["feature_status"]], [value, status]);
    };

    it("uses the windows of the entity as its events arrive, each once", async () => {
      assert.equal((await predict("a-1")).predicted_value, 0);
      await publish("a-1", { paid: 20, country: "FR" }, "first");
      await untilSpent("a-1", 20);
      await publish("a-1", { paid: 20 }, "first");
      await publish("a-1", { paid: 6 });
      const prediction = await untilSpent("a-1", 26);
      assert.equal(prediction.feature_status, undefined);
      assert.equal((await predict("a-2")).predicted_value, 0);
    });

    it("logs what was served, of which entities and up to which of their events", async () => {
      const { prediction_id } = await predict("a-1", { request_id: "logged" });
      const [row] = await eventually(
        "the row is stored",
        async () => {
          const rows = await engine.sql(
            "SELECT features, entities, feature_status, features_date > now() - 60 AS recent FROM millrace.predictions WHERE prediction_id = {id:UUID}",
            { id: prediction_id },
          );
          return rows.length === 1 ? rows : undefined;
        },
        15_000,
      );
      assert.deepEqual(row?.["features"], [26]);
      const [entity] = (row?.["entities"] ?? []) as { type: string; id: string; seq: string }[];
      assert.deepEqual([entity?.type, entity?.id], ["account", "a-1"]);
      assert.ok(Number(entity?.seq) >= 3);
      assert.deepEqual(row?.["feature_status"], {});
      assert.equal(row?.["recent"], 1);
      const stored = await eventually("the events are stored", async () => {
        const rows = await engine.sql(
          "SELECT event_id, numbers FROM millrace.feature_values WHERE entity_id = 'a-1' ORDER BY log_seq",
        );
        return rows.length >= 2 ? rows : undefined;
      });
      assert.deepEqual(
        stored.map(({ numbers }) => (numbers as { paid: number }).paid),
        [20, 6],
      );
    });

    it("derives from what the request holds, and says which features had no value", async () => {
      const body = { model: "sharing", entity_id: "a-1", features: { amount: 52 } };
      const known = await jsonOf<Prediction>(await engine.post("/predict", body));
      assert.equal(known.predicted_value, 4);
      const unknown = await jsonOf<Prediction>(
        await engine.post("/predict", { ...body, entity_id: "nobody" }),
      );
      assert.equal(unknown.predicted_value, 0.5);
      assert.deepEqual(unknown.feature_status, { share: "missing" });
    });

    it("takes a value of the request before the store's", async () => {
      assert.equal((await predict("a-1", { features: { steps: 3 } })).predicted_value, 6);
      const nobody = { model: "sharing", features: { steps: 3 } };
      const alone = await jsonOf<Prediction>(await engine.post("/predict", nobody));
      assert.equal(alone.predicted_value, 6, "no entity has to be named for it");
      assert.equal(alone.feature_status, undefined);
    });

    it("names the entity, feature or field that is missing or wrong", async () => {
      const post = async (body: unknown): Promise<Response> => engine.post("/predict", body);
      const none = await errorOf(await post({ model: "spending", features: {} }), 400, "INVALID_FEATURES");
      assert.equal(none.details[0]?.field, "entity_id");
      const wrong = { model: "sharing", entity_id: "a-1", features: { amount: "much" } };
      assert.equal(
        (await errorOf(await post(wrong), 400, "INVALID_FEATURES")).details[0]?.field,
        "features.amount",
      );
      const extra = { model: "spending", entity_id: "a-1", features: { other: 1 } };
      assert.equal(
        (await errorOf(await post(extra), 400, "INVALID_FEATURES")).details[0]?.field,
        "features.other",
      );
      const bodies = [{ feature_set: "nothing", entities: ["a"] }, { feature_set: "account" }];
      await errorOf(await engine.post("/features/online", bodies[0]), 404, "FEATURE_SET_NOT_FOUND");
      await errorOf(await engine.post("/features/online", bodies[1]), 400, "INVALID_REQUEST");
    });

    it("answers for each row of a batch with its own entity", async () => {
      const instances = ["a-1", "nobody", "a-1"].map((entity_id) => ({ entity_id, features: {} }));
      const response = await engine.post("/predict/batch", { model: "spending", instances });
      const { predictions } = await jsonOf<{ predictions: Prediction[] }>(response);
      assert.deepEqual(
        predictions.map(({ predicted_value }) => predicted_value),
        [52, 26, 52],
      );
    });

    it("shows features of many entities, and of one", async () => {
      const body = {
        feature_set: "account",
        entities: ["nobody", "a-1"],
        features: ["country", "spent_1h", "paid_mean_30d"],
      };
      const many = await jsonOf<OnlineAnswer>(await engine.post("/features/online", body));
      assert.deepEqual(many.features, body.features);
      assert.deepEqual(many.results, [
        {
          entity_id: "nobody",
          values: ["DE", 0, 7],
          status: { country: "missing", paid_mean_30d: "missing" },
        },
        { entity_id: "a-1", values: ["FR", 26, 13] },
      ]);
      const one = await jsonOf<{ features: Record<string, unknown> }>(
        await engine.get("/features/account@1.0.0/a-1"),
      );
      assert.deepEqual(one.features, {
        country: "FR",
        spent_1h: 26,
        paid_mean_30d: 13,
        paid_last: 6,
        share: 1 / 26,
      });
    });

    it("puts an event that the set does not allow aside with the reason", async () => {
      await publish("a-1", { paid: "a lot" });
      const manager = await jetstream(nats).jetstreamManager();
      const reason = await eventually("the dead letter is there", async () => {
        const query = { last_by_subj: "millrace.dead.MILLRACE_FEATURES" };
        const letter = await manager.direct.getMessage("MILLRACE_DEAD", query);
        return letter?.header.get("Millrace-Reason") || undefined;
      });
      assert.match(reason, /paid must be a number/);
      assert.equal((await predict("a-1")).predicted_value, 52);
    });

    it("describes the request, with an example that can be posted", async () => {
      const schema = await jsonOf<{ required: string[]; anyOf: unknown; examples: unknown[] }>(
        await engine.get("/model/schema?model=sharing"),
      );
      assert.deepEqual(schema.required, ["features"]);
      assert.deepEqual(schema.anyOf, [
        { required: ["entity_id"] },
        { properties: { features: { required: ["steps"] } } },
      ]);
      assert.equal((await engine.post("/predict", schema.examples[0])).status, 200);
    });

    it("shows how far ingestion has come, and what the cache saves, as metrics", async () => {
      await eventually("the ingester has told", async () => {
        const metrics = parseMetrics(await (await engine.get("/metrics")).text());
        return sampleOf(metrics, "engine_ingest_rejected_events") >= 1;
      });
      const metrics = parseMetrics(await (await engine.get("/metrics")).text());
      assert.ok(sampleOf(metrics, "engine_ingest_events") >= 2);
      assert.equal(sampleOf(metrics, "engine_ingest_lag_events"), 0);
      assert.ok(sampleOf(metrics, "engine_feature_cache_misses_total") > 0);
    });

    it("serves defaults while Redis does not answer, marked, and comes back by itself", {
      skip: start === undefined,
    }, async () => {
      for (const server of redis?.servers ?? []) server.freeze();
      try {
        const startedMs = performance.now();
        const prediction = await eventually("the cache is too old", async () => {
          const one = await predict("a-1");
          return one.feature_status === undefined ? undefined : one;
        });
        assert.deepEqual(prediction.feature_status, { spent_1h: "unavailable" });
        assert.equal(prediction.predicted_value, 0);
        assert.ok(performance.now() - startedMs < 2_000);
        assert.equal((await engine.get("/health")).status, 200);
        const without = await engine.post("/predict", { model: "lasting", entity_id: "a-1", features: {} });
        const refused = await errorOf(without, 503, "SERVICE_UNAVAILABLE");
        assert.match(refused.message, /steps cannot be looked up now and has no default/);
        await expectReplayed(prediction.prediction_id, 0, { spent_1h: "unavailable" });
      } finally {
        for (const server of redis?.servers ?? []) server.thaw();
      }
      await untilSpent("a-1", 26);
    });

    it("has the events from before in a new version of the set, once it is filled", async () => {
      const window = { kind: "window", aggregation: "sum", field: "paid", window: "7d" };
      const wider = {
        ...SET,
        version: "1.1.0",
        features: [...SET.features, { ...window, name: "spent_7d", default: -1 }],
      };
      assert.equal((await engine.post("/feature-sets", wider)).status, 201);
      const shown = async (): Promise<unknown[]> => {
        const { features } = await jsonOf<{ features: Record<string, unknown> }>(
          await engine.get("/features/account@1.1.0/a-1"),
        );
        return [features["spent_7d"], features["spent_1h"]];
      };
      const hasAll = async (): Promise<boolean> => (await shown()).every((value) => value === 26);
      await eventually("it is filled", hasAll, 15_000);
      const isListed = async (): Promise<boolean> =>
        !(await (await engine.get("/feature-sets")).text()).includes("backfilling");
      await eventually("the list says so", isListed);
    });

    it("fills the store anew from ClickHouse when told to", async () => {
      if (redis !== undefined) {
        const client = openRedis(redis.url, pino({ level: "silent" }), 2_000);
        const isGone = async (): Promise<boolean> =>
          (await client.del("millrace:f:account:a-1").catch(() => 0)) === 1; // not before it is connected
        await eventually("it is deleted", isGone).finally(() => client.disconnect());
      }
      const { code, stdout, stderr } = await runCli(["features", "materialize", "--url", engine.httpUrl]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /the online store is filled\n$/);
      const values = await engine.get("/features/account@1.1.0/a-1");
      const { features } = await jsonOf<{ features: Record<string, unknown> }>(values);
      assert.deepEqual([features["spent_7d"], features["country"]], [26, "FR"]);
      const status = await jsonOf<Record<string, number>>(await engine.get("/features/materialize"));
      assert.deepEqual([status["missing"], status["filled"]], [0, status["ordered"]]);
    });

    it("knows all events after a restart", async () => {
      await engine.kill9();
      await nats.close();
      await engine.start();
      nats = await connect({ servers: engine.natsUrl });
      await untilServed(engine, "spending", "1.0.0");
      await untilSpent("a-1", 26);
    });
  });
}

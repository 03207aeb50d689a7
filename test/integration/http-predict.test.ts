/**
 * The HTTP entrance of a whole engine, from request to answer and on to the row in ClickHouse.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Prediction } from "../../engine/core/prediction.ts";
import { checkErrorBody, errorOf, jsonOf } from "../support/answers.ts";
import { checkPrediction, ODD_PAYMENT, PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { checkHistogram, parseMetrics, sampleOf } from "../support/prometheus.ts";

const LABELS = { model: "card-fraud", version: "1.0.0" };

describe("HTTP", () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startTestEngine();
  });
  after(async () => engine[Symbol.asyncDispose]());

  const predict = async (body: unknown, headers: Record<string, string> = {}): Promise<Prediction> => {
    const response = await engine.post("/predict", body, headers);
    assert.equal(response.status, 200);
    return checkPrediction(await jsonOf(response));
  };

  /** Rows of a query of the analyst: a plain POST on the ClickHouse port, without any client. */
  const analyst = async (query: string): Promise<Record<string, unknown>[]> => {
    const url = `${engine.clickhouseUrl}/?database=millrace`;
    const response = await fetch(url, { method: "POST", body: `${query} FORMAT JSONEachRow` });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  it("answers a prediction with all its fields", async () => {
    const prediction = await predict({ features: PAYMENT, entity_id: "card-7", request_id: "first" });
    assert.equal(prediction.request_id, "first");
    assert.equal(prediction.entity_id, "card-7");
    assert.equal(prediction.predicted_class, "legitimate");
    const odd = await predict({ features: ODD_PAYMENT });
    assert.ok(odd.predicted_value > prediction.predicted_value);
    assert.equal(odd.predicted_class, "fraud");
  });

  it("uses the prediction's id for a request without one, and leaves an absent entity out", async () => {
    const prediction = await predict({ features: PAYMENT });
    assert.equal(prediction.request_id, prediction.prediction_id);
    assert.ok(!("entity_id" in prediction));
  });

  it("echoes x-request-id and takes it as the request's id unless the body names one", async () => {
    const response = await engine.post("/predict", { features: PAYMENT }, { "x-request-id": "from-header" });
    assert.equal(response.headers.get("x-request-id"), "from-header");
    assert.equal((await jsonOf<Prediction>(response)).request_id, "from-header");
    const named = { features: PAYMENT, request_id: "from-body" };
    assert.equal((await predict(named, { "x-request-id": "from-header" })).request_id, "from-body");
    const failed = await engine.post("/predict", {}, { "x-request-id": "of-an-error" });
    assert.equal(failed.headers.get("x-request-id"), "of-an-error");
    await errorOf(failed, 400, "INVALID_FEATURES");
  });

  it("fills features that have a default, and only those", async () => {
    const { country: _, transactions_1h: __, ...rest } = PAYMENT;
    const entities = { card_id: "nobody" };
    const filled = await predict({ entities, features: { ...rest, transactions_1h: null } });
    const spelled = await predict({ features: { ...rest, country: "US", transactions_1h: 0 } });
    assert.equal(filled.predicted_value, spelled.predicted_value);
  });

  it("takes the model and the version by name, by alias and by neither", async () => {
    for (const head of [{}, { model: "card-fraud" }, { version: "1.0.0" }, { version: "production" }])
      assert.equal((await predict({ ...head, features: PAYMENT })).model_version, "1.0.0");
  });

  it("answers a batch with one result or error per row, in order", async () => {
    const instances = [
      { features: PAYMENT, request_id: "r0", entity_id: "e0" },
      { features: { ...PAYMENT, hour: 24 }, request_id: "r1" },
      { features: ODD_PAYMENT, request_id: "r2" },
      { features: { ...PAYMENT, unheard_of: 1 } },
      "no object",
      { features: PAYMENT, request_id: 7 },
      { features: PAYMENT, request_id: "r6" },
    ];
    const response = await engine.post("/predict/batch", { instances });
    assert.equal(response.status, 200);
    const { predictions } = await jsonOf<{ predictions: unknown[] }>(response);
    assert.equal(predictions.length, instances.length);
    const good = [0, 2, 6].map((index) => checkPrediction(predictions[index]));
    assert.deepEqual(
      good.map(({ request_id }) => request_id),
      ["r0", "r2", "r6"],
    );
    assert.equal(good[0]?.entity_id, "e0");
    assert.equal(good[0]?.predicted_value, good[2]?.predicted_value);
    const errors = [1, 3, 4, 5].map((index) => checkErrorBody(predictions[index]));
    assert.deepEqual(
      errors.map(({ code, details }) => [code, details[0]?.field]),
      [
        ["INVALID_FEATURES", "features.hour"],
        ["INVALID_FEATURES", "features.unheard_of"],
        ["INVALID_REQUEST", undefined],
        ["INVALID_REQUEST", "request_id"],
      ],
    );
  });

  it("answers a batch of more rows than a worker takes at once", async () => {
    const instances = Array.from({ length: 1_000 }, (_, index) => ({
      features: { ...PAYMENT, amount: index },
      request_id: `big-${index}`,
    }));
    const { predictions } = await jsonOf<{ predictions: Prediction[] }>(
      await engine.post("/predict/batch", { instances }),
    );
    assert.deepEqual(
      predictions.map(({ request_id }) => request_id),
      instances.map(({ request_id }) => request_id),
    );
    assert.equal(new Set(predictions.map(({ prediction_id }) => prediction_id)).size, 1_000);
    const alone = await predict({ features: { ...PAYMENT, amount: 777 } });
    assert.equal(predictions[777]?.predicted_value, alone.predicted_value);
  });

  it("refuses a batch row that names another model or version than the batch", async () => {
    const instances = [
      { features: PAYMENT, model: "other" },
      { features: PAYMENT, version: "9.9.9" },
      { features: PAYMENT, model: "card-fraud" },
    ];
    const body = { model: "card-fraud", instances };
    const { predictions } = await jsonOf<{ predictions: unknown[] }>(
      await engine.post("/predict/batch", body),
    );
    assert.equal(checkErrorBody(predictions[0]).details[0]?.field, "model");
    assert.equal(checkErrorBody(predictions[1]).details[0]?.field, "version");
    checkPrediction(predictions[2]);
  });

  it("describes the model, and its schema's example can be posted back", async () => {
    const info = await jsonOf<Record<string, unknown>>(await engine.get("/model/info"));
    assert.equal(info["name"], "card-fraud");
    assert.deepEqual(info["aliases"], ["production"]);
    assert.deepEqual(info["classes"], ["legitimate", "fraud"]);
    const schema = await jsonOf<{ examples: unknown[]; properties: { features: { required: string[] } } }>(
      await engine.get("/model/schema?model=card-fraud&version=1.0.0"),
    );
    assert.deepEqual(schema.properties.features.required, ["amount", "hour", "merchant_category"]);
    assert.equal(schema.examples.length, 1);
    await predict(schema.examples[0]);
    await errorOf(await engine.get("/model/info?model=none"), 404, "MODEL_NOT_FOUND");
    await errorOf(await engine.get("/model/schema?version=2.0.0"), 404, "MODEL_NOT_FOUND");
  });

  it("lists the models and shows one with its versions", async () => {
    const { models } = await jsonOf<{ models: Record<string, unknown>[] }>(await engine.get("/models"));
    assert.deepEqual(models, [
      {
        name: "card-fraud",
        aliases: { production: "1.0.0" },
        versions: ["1.0.0"],
        states: { "1.0.0": "PRODUCTION" },
        archived: [],
        deprecated: [],
        canary: null,
        warm: null,
        served: ["1.0.0"],
        problems: {},
      },
    ]);
    const shown = await jsonOf<{ records: { manifest: { version: string }; digest: string }[] }>(
      await engine.get("/models/card-fraud"),
    );
    assert.equal(shown.records[0]?.manifest.version, "1.0.0");
    assert.match(shown.records[0]?.digest ?? "", /[0-9a-f]{64}$/);
  });

  it("is healthy and ready, with every component up", async () => {
    for (const path of ["/health", "/ready"]) {
      const response = await engine.get(path);
      assert.equal(response.status, 200);
      const health = await jsonOf<{ status: string; ready: boolean; components: Record<string, string> }>(
        response,
      );
      assert.equal(health.status, "ok");
      assert.equal(health.ready, true);
      for (const name of ["nats", "workers", "models", "clickhouse", "sink", "features"])
        assert.equal(health.components[name], "up", name);
    }
  });

  it("shows itself as JSON to a program and as a page to a browser", async () => {
    const card = await jsonOf<{ name: string; addresses: Record<string, string>; endpoints: string[] }>(
      await engine.get("/"),
    );
    assert.equal(card.name, "millrace");
    assert.equal(card.addresses["http"], engine.httpUrl);
    assert.equal(card.addresses["nats"], engine.natsUrl);
    assert.equal(card.addresses["clickhouse"], engine.clickhouseUrl);
    for (const endpoint of ["POST /predict", "POST /features/online", "GET /features/{set}/{entity}"])
      assert.ok(card.endpoints.includes(endpoint), endpoint);
    const page = await fetch(engine.httpUrl, { headers: { accept: "text/html,application/xhtml+xml" } });
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
    const html = await page.text();
    assert.match(html, /^<!doctype html>/);
    assert.ok(html.includes("card-fraud") && html.includes(engine.clickhouseUrl));
    assert.doesNotMatch(html, /<script|src=|href="http/);
  });

  it("exposes histograms per model and version that count every request", async () => {
    const read = async (): Promise<ReturnType<typeof parseMetrics>> =>
      parseMetrics(await (await engine.get("/metrics")).text());
    const earlier = checkHistogram(await read(), "engine_request_seconds", LABELS);
    for (let request = 0; request < 5; request++) await predict({ features: PAYMENT });
    const samples = await read();
    assert.equal(checkHistogram(samples, "engine_request_seconds", LABELS), earlier + 5);
    const batches = checkHistogram(samples, "engine_batch_rows", LABELS);
    assert.equal(checkHistogram(samples, "engine_queue_seconds", LABELS), batches);
    assert.equal(checkHistogram(samples, "engine_inference_seconds", LABELS), batches);
    assert.equal(checkHistogram(samples, "engine_handover_seconds", LABELS), batches);
    assert.equal(checkHistogram(samples, "engine_log_seconds", LABELS), batches);
    assert.equal(sampleOf(samples, "engine_batch_rows_sum", LABELS), earlier + 5);
    assert.equal(sampleOf(samples, "engine_queue_rows"), 0);
    assert.ok(sampleOf(samples, "engine_http_responses_total", { status: "200" }) > 0);
    assert.ok(sampleOf(samples, "engine_errors_total", { code: "INVALID_FEATURES" }) > 0);
  });

  it("stores each prediction once, with what was served, and shows features as columns", async () => {
    const { country: _, ...withoutCountry } = ODD_PAYMENT;
    const first = await predict({ features: PAYMENT, request_id: "stored-1", entity_id: "card-ü" });
    const second = await predict({ features: withoutCountry, request_id: "stored-2" });
    const stored = await eventually(
      "both rows are stored",
      async () => {
        const rows = await analyst(
          "SELECT * FROM predictions WHERE startsWith(request_id, 'stored-') ORDER BY request_id",
        );
        return rows.length >= 2 ? rows : undefined;
      },
      15_000,
    );
    assert.equal(stored.length, 2);
    const [one, two] = stored;
    assert.equal(one?.["prediction_id"], first.prediction_id);
    assert.equal(one?.["source"], "http");
    assert.equal(one?.["entity_id"], "card-ü");
    assert.equal(one?.["predicted_class"], "legitimate");
    assert.equal(Math.fround(Number(one?.["predicted_value"])), first.predicted_value);
    assert.deepEqual(one?.["features"], [42.5, 14, 1, 1, 38.2, 1.1, 3.4, 4, 44.9]);
    assert.deepEqual(one?.["categories"], ["grocery", "DE"]);
    assert.equal(`${String(one?.["prediction_date"]).replace(" ", "T")}Z`, first.prediction_date);
    assert.equal(two?.["prediction_id"], second.prediction_id);
    assert.deepEqual(two?.["categories"], ["gift_cards", "US"]);
    const view = await eventually("the view is there", async () => {
      const [row] = await analyst(
        "SELECT amount, hour, merchant_category, country, card_present, distance_km, predicted_class FROM `predictions_card-fraud` WHERE request_id = 'stored-2'",
      );
      return row;
    });
    const { amount, hour, merchant_category, distance_km } = withoutCountry;
    const shown = { amount, hour, merchant_category, country: "US", card_present: 0, distance_km };
    assert.deepEqual(view, { ...shown, predicted_class: "fraud" });
  });

  it("stores every answered prediction of this file exactly once", async () => {
    const answered = checkHistogram(
      parseMetrics(await (await engine.get("/metrics")).text()),
      "engine_request_seconds",
      LABELS,
    );
    const [counts] = await eventually(
      "all are stored",
      async () => {
        const rows = await analyst(
          "SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(prediction_id)) AS ids FROM predictions",
        );
        return Number(rows[0]?.["rows"]) >= answered ? rows : undefined;
      },
      15_000,
    );
    assert.deepEqual(counts, { rows: answered, ids: answered });
  });
});

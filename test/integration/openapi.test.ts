/**
 * The engine's own description: it is all there, its page needs nobody else, and real answers are as it says.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { PAYMENT } from "../support/card-fraud.ts";
import { type DescribedApi, readDescription } from "../support/described-api.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { accountSet } from "../support/feature-sets.ts";
import { payments } from "../support/reference-rows.ts";

const MODEL = "/models/card-fraud";
const REFERENCE = `${MODEL}/versions/1.0.0/reference`;
const MONITORING = "/monitoring/card-fraud";
const SLOW_MS = 60_000;
const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"];

let engine: TestEngine;
let api: DescribedApi;

before(async () => {
  engine = await startTestEngine();
  api = await readDescription(engine.httpUrl);
});
after(async () => {
  await engine?.[Symbol.asyncDispose]();
});

describe("the description", () => {
  it("has every path that is served, with the very methods that it takes", async () => {
    for (const [template, operations] of Object.entries(api.document.paths)) {
      const path = template.replaceAll(/\{\w+\}/g, "x");
      const described = Object.keys(operations).map((method) => method.toUpperCase());
      const other = METHODS.find((method) => !described.includes(method)) ?? "PATCH";
      const response = await fetch(new URL(path, engine.httpUrl), { method: other });
      assert.equal(response.status, 405, `${other} ${path}`);
      assert.deepEqual(response.headers.get("allow")?.split(", ").sort(), described.sort(), path);
    }
    const card = (await api.ask("GET", "/")) as { endpoints: string[] };
    const operations = Object.values(api.document.paths).flatMap((path) => Object.keys(path));
    assert.equal(card.endpoints.length, operations.length);
  });

  it("names every operation once, and every status of every error", () => {
    const all = Object.entries(api.document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
    );
    assert.equal(new Set(all.map(({ operation }) => operation.operationId)).size, all.length);
    for (const { path, method, operation } of all) {
      const statuses = Object.keys(operation.responses);
      const wanted = ["405", "500", ...(method === "get" ? [] : ["403"])];
      if (operation.requestBody !== undefined) wanted.push("400", "413");
      for (const status of wanted) assert.ok(statuses.includes(status), `${method} ${path}: ${status}`);
      const named = (operation.parameters ?? []).filter((one) => one.in === "path").map(({ name }) => name);
      assert.deepEqual(
        named,
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        path,
      );
    }
  });

  it("has no reference that leads nowhere", () => {
    const references = JSON.stringify(api.document).match(/"\$ref":"[^"]*"/g) ?? [];
    assert.ok(references.length > 100);
    for (const reference of new Set(references)) {
      const name = /^"\$ref":"#\/components\/schemas\/(\w+)"$/.exec(reference)?.[1] ?? reference;
      assert.ok(api.document.components.schemas[name] !== undefined, reference);
    }
  });
});

describe("the page of the description", () => {
  it("loads everything from the engine, runs no inline script, and is cached", async () => {
    const response = await engine.get("/docs");
    assert.equal(response.status, 200);
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|https?:/);
    const html = (await api.check("GET", "/docs", response)) as string;
    assert.doesNotMatch(html, /<script>|https?:|\son\w+=|style=/);
    const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
    assert.equal(loaded.length, 4);
    for (const path of loaded) {
      const file = await engine.get(path);
      assert.equal(file.status, 200, path);
      assert.match(file.headers.get("cache-control") ?? "", /max-age=\d+/);
      assert.match(file.headers.get("content-type") ?? "", /^(text\/css|text\/javascript|image\/png)/);
      assert.ok((await file.clone().arrayBuffer()).byteLength > 50, path);
      await api.check("GET", path, file);
    }
  });

  it("gives no other file", async () => {
    for (const name of [
      "package.json",
      "..%2fpackage.json",
      "index.html",
      "swagger-ui.js.map",
      "constructor",
    ])
      assert.equal((await engine.get(`/docs/${name}`)).status, 404, name);
  });
});

describe("answers are as described", () => {
  it("of how the engine is", async () => {
    for (const path of [
      "/",
      "/health",
      "/ready",
      "/metrics",
      "/model/info",
      "/model/schema",
      "/openapi.json",
    ])
      await api.ask("GET", path);
    await api.ask("GET", "/", undefined, { accept: "text/html" });
    await api.ask("GET", "/model/info?model=none");
    await api.ask("GET", "/model/info?other=1");
  });

  it("of predictions", async () => {
    await api.ask("POST", "/predict", { features: PAYMENT, entity_id: "e", request_id: "r" });
    await api.ask("POST", "/predict", { features: PAYMENT, explain: true });
    await api.ask("POST", "/predict", { features: { ...PAYMENT, amount: "much" } });
    await api.ask("POST", "/predict", { features: PAYMENT, model: "none" });
    await api.ask("POST", "/predict", "no json");
    const rows = payments(300, 7).map((features) => ({ features }));
    await api.ask("POST", "/predict/batch", { instances: rows });
    await api.ask("POST", "/predict/batch", { explain: 2, instances: [rows[0], { features: {} }] });
    await api.ask("POST", "/predict/batch", { instances: [] });
    await api.ask("POST", "/predict/batch", { entities: { a: "b" }, instances: rows });
    await eventually(
      "the predictions are stored",
      async () => {
        const [counted] = await engine.sql<{ rows: string }>(
          "SELECT count() AS rows FROM millrace.predictions",
        );
        return Number(counted?.rows) >= rows.length;
      },
      SLOW_MS,
    );
  });

  it("of labels", async () => {
    const labels = [{ request_id: "r", label: "fraud" }];
    await api.ask("POST", "/labels", { model_name: "card-fraud", labels });
    await api.ask("POST", "/labels", { model_name: "card-fraud", labels: [{ label: 1 }] });
    await api.ask("GET", `${MONITORING}/labels?hours=3`);
    await api.ask("GET", `${MONITORING}/labels?hours=0`);
    await api.ask("GET", "/monitoring/none/labels");
  });

  it("of models", async () => {
    await api.ask("GET", "/models");
    const { records } = (await api.ask("GET", MODEL)) as {
      records: { manifest: object; files: { path: string }[] }[];
    };
    const artifacts = "/api/v1/models/artifacts/card-fraud@1.0.0";
    await api.ask("GET", artifacts);
    const [record] = records;
    const files: Record<string, string> = {};
    for (const { path } of record?.files ?? []) {
      const file = await engine.get(`${artifacts}?file=${path}`);
      assert.equal(file.headers.get("content-type"), "application/octet-stream");
      files[path] = Buffer.from(await file.arrayBuffer()).toString("base64");
    }
    for (const version of ["1.1.0", "1.2.0"])
      await api.ask("POST", "/models", { manifest: { ...record?.manifest, version }, files });
    await api.ask("POST", "/models", { manifest: {}, files: {} });
    await api.ask("POST", "/api/v1/models/deploy/card-fraud@1.1.0", { strategy: "canary", reason: "a try" });
    await api.ask("GET", "/models");
    await api.ask("POST", "/api/v1/models/deploy/card-fraud@1.1.0", { strategy: "direct" });
    await api.ask("POST", "/api/v1/models/deploy/card-fraud@9.0.0", { strategy: "direct" });
    await api.ask("POST", "/api/v1/models/deploy/card-fraud@1.1.0", { strategy: "none", steps: 1 });
    await api.ask("POST", `${MODEL}/rollback`, {});
    await api.ask("POST", `${MODEL}/promote`, { version: "1.2.0", alias: "staging" });
    await api.ask("POST", `${MODEL}/archive`, { version: "1.2.0" });
    await api.ask("POST", `${MODEL}/archive`, { version: "1.1.0" });
    await api.ask("POST", `${MODEL}/deprecate`, { version: "1.1.0" });
    await api.ask("POST", `${MODEL}/promote`, undefined, { origin: "http://elsewhere" });
    await api.ask("POST", `${MODEL}/promote`, {}, { "content-type": "text/plain" });
  });

  it("of references and drift", async () => {
    await api.ask("GET", REFERENCE);
    await api.ask("GET", `${MONITORING}/drift`);
    const window = { from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z" };
    await api.ask("POST", REFERENCE, { window, bins: 10 });
    const { profile, metrics, estimator } = (await api.ask("GET", REFERENCE)) as Record<string, unknown>;
    await api.ask("PUT", REFERENCE, { profile, metrics, estimator });
    await api.ask("PUT", REFERENCE, { profile: {} });
    await api.ask("GET", `${MONITORING}/drift?window=1h`);
    await api.ask("GET", `${MONITORING}/drift?window=1h&exact=true`);
    await api.ask("GET", `${MONITORING}/drift?window=1h&from=0`);
    await api.ask("GET", `${MONITORING}/settings`);
    await api.ask("PUT", `${MONITORING}/settings`, { window: "10m", drift: { alpha: 0.02 } });
    await api.ask("PUT", `${MONITORING}/settings`, { window: "1s" });
    await api.ask("GET", `${MONITORING}/performance?metric=roc_auc`);
    await api.ask("GET", MONITORING);
  });

  it("of how a model is served", async () => {
    const objective = { model: "card-fraud", indicator: { kind: "latency_ms", bound: 50 }, target: 0.99 };
    await api.ask("PUT", "/slos/fast", objective);
    await api.ask("PUT", "/slos/fast", objective);
    await api.ask("PUT", "/slos/fast", { ...objective, target: 2 });
    await api.ask("GET", "/slos");
    await api.ask("GET", "/slos/fast");
    await api.ask("GET", `${MONITORING}/sla`);
    await api.ask("GET", `${MONITORING}/latency?step=minute`);
    await api.ask("GET", `${MONITORING}/latency?variant=canary&version=1.0.0`);
    await api.ask("GET", MONITORING);
    await api.ask("DELETE", "/slos/fast");
    await api.ask("GET", "/slos/fast");
  });

  it("of the Open Inference Protocol", async () => {
    for (const path of ["/v2", "/v2/", "/v2/health/live", "/v2/health/ready"]) await api.ask("GET", path);
    const tensor = (name: string, datatype: string, ...data: unknown[]) => ({
      name,
      datatype,
      shape: [data.length, 1],
      data,
    });
    const inputs = [
      tensor("amount", "FP32", 42.5),
      tensor("hour", "INT64", 14),
      tensor("merchant_category", "BYTES", "grocery"),
      tensor("card_id", "BYTES", "c"),
      tensor("merchant_id", "BYTES", "m"),
    ];
    for (const version of ["", "/versions/production", "/versions/99.0.0"]) {
      const path = `/v2/models/card-fraud${version}`;
      for (const what of ["", "/ready", "/config"]) await api.ask("GET", `${path}${what}`);
      for (const what of ["/infer", "/explain"]) {
        await api.ask("POST", `${path}${what}`, { id: "i", inputs });
        await api.ask("POST", `${path}${what}`, { inputs: [tensor("none", "FP32", 1)] });
        await api.ask("POST", `${path}${what}`, { inputs: [] });
        await api.ask("POST", `${path}${what}`, "no json");
      }
    }
  });

  it("of the statistics and the repository of the Open Inference Protocol", async () => {
    await api.ask("GET", "/v2/models/stats");
    await api.ask("GET", "/v2/models/card-fraud/stats");
    await api.ask("GET", "/v2/models/card-fraud/versions/production/stats");
    await api.ask("GET", "/v2/models/card-fraud/versions/99.0.0/stats");
    await api.ask("POST", "/v2/repository/index", { ready: true });
    await api.ask("POST", "/v2/repository/index", { ready: "yes" });
    await api.ask("POST", "/v2/repository/models/none/load", {});
    await api.ask("POST", "/v2/repository/models/card-fraud/load", { parameters: { config: "{}" } });
    await api.ask("POST", "/v2/repository/models/card-fraud/unload", {});
    await api.ask("POST", "/v2/repository/index", {});
    await api.ask("POST", "/v2/repository/models/card-fraud/load", {});
  });

  it("of alert rules and silences", async () => {
    await api.ask("GET", "/alerts?state=raised&since=2026-01-01");
    await api.ask("GET", "/alerts/00000000-0000-0000-0000-000000000000");
    const rule = { metric: "drift.psi", condition: { op: ">", threshold: 100 } };
    await api.ask("PUT", "/alert-rules/slow", rule);
    await api.ask("PUT", "/alert-rules/slow", { ...rule, metric: "none" });
    await api.ask("POST", "/alert-rules", { rules: [{ name: "drift-incident", enabled: false }] });
    await api.ask("GET", "/alert-rules");
    await api.ask("GET", "/alert-rules/slow");
    await api.ask("DELETE", "/alert-rules/slow");
    const silence = { matcher: { model: "*" }, until: "2100-01-01T00:00:00Z", reason: "none" };
    await api.ask("POST", "/silences", silence);
    const soon = { ...silence, until: Date.now() + 60_000 };
    const { id } = (await api.ask("POST", "/silences", soon)) as { id: string };
    await api.ask("GET", "/silences");
    await api.ask("DELETE", `/silences/${id}`);
    await api.ask("DELETE", `/silences/${id}`);
    await api.ask("POST", "/alerts/test", {});
  });

  it("of features", async () => {
    const [set] = ((await api.ask("GET", "/feature-sets")) as { feature_sets: { name: string }[] })
      .feature_sets;
    await api.ask("GET", `/feature-sets/${set?.name}`);
    await api.ask("GET", `/feature-sets/${set?.name}/statistics?hours=2`);
    await api.ask("POST", "/feature-sets", accountSet());
    await api.ask("POST", "/feature-sets", accountSet());
    await api.ask("POST", "/feature-sets", accountSet({ features: [] }));
    const asked = { feature_set: "account", entities: ["a", "b"], request: { amount: 3 } };
    await eventually(
      "the set is served",
      async () => (await engine.post("/features/online", asked)).status === 200,
    );
    await api.ask("POST", "/features/online", asked);
    await api.ask("POST", "/features/online", { ...asked, request: { amount: "x" } });
    await api.ask("GET", "/features/account/a");
    await api.ask("GET", "/features/none/a");
    const rows = [{ account_id: "a", as_of: "2026-01-01T00:00:00Z", amount: 1 }];
    await api.ask("POST", "/features/historical", { features: "account@1.0.0:country", rows });
    await api.ask("POST", "/features/historical", { features: "account", rows });
    await api.ask("GET", "/features/materialize");
    await api.ask("POST", "/features/materialize", {});
    await api.ask("POST", "/feature-sets/account/archive", { version: "1.0.0" });
  });

  it("of training", async () => {
    await api.ask("GET", `${MODEL}/training`);
    await api.ask("PUT", `${MODEL}/training`, { model_type: "LINEAR" });
    await api.ask("PUT", `${MODEL}/training`, { model_type: "NONE" });
    await api.ask("GET", `${MODEL}/training`);
    await api.ask("PUT", `${MODEL}/retrain-policy`, { model_name: "card-fraud", cooldown: "2h" });
    await api.ask("GET", `${MODEL}/retrain`);
    await api.ask("POST", `${MODEL}/retrain`, { reason: "a try" });
    await api.ask("POST", `${MODEL}/retrain`, {});
    const { job } = (await api.ask("GET", `${MODEL}/retrain`)) as { job: { job_id: string } };
    await api.ask("GET", "/api/v1/training/jobs/active");
    await api.ask("GET", `/api/v1/training/${job.job_id}/status`);
    await eventually(
      "the job has ended",
      async () => {
        const { status } = (await api.ask("GET", `/api/v1/training/${job.job_id}/status`)) as {
          status: string;
        };
        return status === "FAILED" || status === "COMPLETED";
      },
      SLOW_MS,
    );
    await api.ask("POST", `/api/v1/training/${job.job_id}/cancel`, {});
    await eventually(
      "a job was called off before its end",
      async () => {
        const spec = { model_name: "card-fraud", model_type: "LINEAR" };
        const { job_id } = (await api.ask("POST", "/api/v1/training/start", spec)) as { job_id?: string };
        const path = `/api/v1/training/${job_id}/cancel`;
        return (
          job_id !== undefined &&
          ((await api.ask("POST", path, {})) as { status?: string }).status === "CANCELLED"
        );
      },
      SLOW_MS,
    );
    await api.ask("POST", `${MODEL}/retrain/cancel`, {});
    await api.ask("GET", "/api/v1/training/jobs?limit=5&model=card-fraud");
    await api.ask("GET", "/api/v1/training/jobs?limit=0");
    await api.ask("GET", `${MODEL}/retrain`);
  });

  it("of every operation: none was left out", () => {
    const all = Object.entries(api.document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const asked = new Set([...api.seen].filter((one) => / 20\d$/.test(one)).map((one) => one.slice(0, -4)));
    // of alert-routes.test and retrain-routes.test, which have alerts, and jobs that stay
    const elsewhere = [
      "GET /ws", // ws-predict.test
      "GET /alerts/{id}", // alert-routes.test
      "POST /alerts/{id}/acknowledge",
      "POST /alerts/{id}/resolve",
      "POST /models/{name}/retrain/cancel",
    ];
    assert.deepEqual(
      all.filter((one) => !asked.has(one)),
      elsewhere,
    );
  });
});

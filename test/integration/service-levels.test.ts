/**
 * How a model is served, as a running engine tells it: failed requests in ClickHouse, the latency report, and service-level
 * objectives from the command line to their figures.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Observation } from "../../engine/alerts/observation.ts";
import { ServiceWatch } from "../../engine/app-service-watch.ts";
import type { LatencyReport } from "../../engine/monitor/service/latency-report.ts";
import type { ObjectiveLevel } from "../../engine/monitor/service/objective-level.ts";
import { PredictionStore } from "../../storage/prediction-store.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { pushBody } from "../support/model-requests.ts";
import { predictionRows } from "../support/prediction-rows.ts";
import { readReadme, sqlBlocks } from "../support/readme.ts";
import { slowModel } from "../support/slow-model.ts";

const MINUTE_MS = 60_000;
const STORED_MS = 30_000;
/** Not the sample, whose requests of the other tests may be minutes old. */
const PAST = "served-before";

describe("how a model is served", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  before(async () => {
    engine = await startTestEngine();
    nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  const errorsOf = async (where: string) =>
    engine.sql<{ model_name: string; model_version: string; source: string; code: string; n: number }>(
      `SELECT model_name, model_version, toString(source) AS source, code, toUInt32(sum(count)) AS n
      FROM millrace.request_errors WHERE ${where} GROUP BY ALL ORDER BY source, code`,
    );

  it("failed requests are counted with their model, entrance and code, and no other", async () => {
    const late = { features: PAYMENT, timeout_ms: 0.0001 };
    assert.equal((await engine.post("/predict", { features: PAYMENT })).status, 200);
    assert.equal((await engine.post("/predict", late)).status, 504);
    assert.equal((await engine.post("/predict", { features: { amount: "much" } })).status, 400);
    assert.equal((await engine.post("/predict", { model: "nobody", features: {} })).status, 404);
    const instances = [{ features: PAYMENT }, { features: { ...PAYMENT, amount: -1 } }];
    assert.equal((await engine.post("/predict/batch", { instances })).status, 200);
    await nats.request("millrace.predict.card-fraud", JSON.stringify({ features: {} }));
    const found = await eventually(
      "the counts are stored",
      async () => {
        const rows = await errorsOf("true");
        return rows.length === 5 && rows;
      },
      STORED_MS,
    );
    const own = { model_name: "card-fraud", model_version: "1.0.0", n: 1 };
    assert.deepEqual(found, [
      { ...own, source: "batch", code: "INVALID_FEATURES" },
      { ...own, source: "http", code: "DEADLINE_EXCEEDED" },
      { ...own, source: "http", code: "INVALID_FEATURES" },
      { model_name: "", model_version: "", source: "http", code: "MODEL_NOT_FOUND", n: 1 },
      { ...own, source: "nats", code: "INVALID_FEATURES" },
    ]);
  });

  it("the latency report has volume, errors and quantiles of each stage", async () => {
    const path = "/monitoring/card-fraud/latency?step=minute&version=1.0.0";
    const report = await eventually(
      "the predictions are counted",
      async () => {
        const answer = (await (await engine.get(path)).json()) as LatencyReport & { model: string };
        return answer.total.predictions === 2 && answer;
      },
      STORED_MS,
    );
    assert.equal(report.model, "card-fraud");
    assert.equal(report.relative_error, 0.01);
    assert.equal(report.total.errors, 1);
    assert.equal(report.total.error_rate, 1 / 3);
    assert.deepEqual(report.total.failures_by_code, { DEADLINE_EXCEEDED: 1, INVALID_FEATURES: 3 });
    const { latency_ms, queue_ms, inference_ms } = report.total;
    for (const { p50, p95, p99 } of [latency_ms, queue_ms, inference_ms])
      assert.ok(p50 !== null && p95 !== null && p99 !== null && p50 > 0 && p50 <= p95 && p95 <= p99);
    assert.equal(
      report.steps.reduce((sum, { predictions }) => sum + predictions, 0),
      2,
    );
  });

  it("the README's queries of it are for analysts", async () => {
    const queries = sqlBlocks(readReadme()).filter((query) => /traffic_|request_errors/.test(query));
    assert.equal(queries.length, 3);
    const url = new URL("/?database=millrace&default_format=JSONCompactEachRow", engine.clickhouseUrl);
    const answers = [];
    for (const body of queries) {
      const answer = await fetch(url, { method: "POST", body });
      const text = await answer.text();
      assert.equal(answer.status, 200, `${body}\n${text}`);
      answers.push(
        text
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown[]),
      );
    }
    const [slowest, daily, quantile] = answers;
    assert.equal(slowest?.[0]?.[2], 2);
    assert.deepEqual(daily?.at(-1)?.slice(1), [2, 1, 1 / 3]);
    assert.ok(Number(quantile?.[0]?.[0]) > 0);
  });

  it("ranges that make no sense are refused, naming the parameter", async () => {
    for (const [query, field] of [
      ["from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", "from"],
      ["from=2026-01-01T00:00:00Z&to=2026-11-01T00:00:00Z&step=minute", "from"],
      ["from=yesterday", "from"],
      ["step=week", "step"],
      ["version=latest", "version"],
      ["of=1", "query"],
    ] as const) {
      const answer = await engine.get(`/monitoring/card-fraud/latency?${query}`);
      const { error } = (await answer.json()) as { error: { details: { field: string }[] } };
      assert.equal(answer.status, 400, query);
      assert.equal(error.details[0]?.field, field, query);
    }
    for (const path of ["/monitoring/nobody/latency", "/monitoring/nobody/sla", "/monitoring/No.Body/sla"])
      assert.equal((await engine.get(path)).status, 404);
  });

  it("objectives go from a file to their figures", async () => {
    const pushed = await engine.post("/models", pushBody(slowModel(PAST), undefined));
    assert.equal(pushed.status, 201);
    await serveThePast();
    const base = { model: PAST, period: "1d" };
    const file = join(engine.dataDir, "slos.json");
    const objectives = [
      { ...base, name: "fast", indicator: { kind: "latency_ms", bound: 50 }, target: 0.95 },
      { ...base, name: "p90", indicator: { kind: "latency_ms", bound: 50, quantile: 0.9 }, target: 0.5 },
      { ...base, name: "sound", indicator: { kind: "error_rate" }, target: 0.9 },
      { ...base, name: "up", indicator: { kind: "availability", error_rate_max: 0.1 }, target: 0.9 },
      {
        ...base,
        name: "good",
        indicator: { kind: "min_metric", metric: "roc_auc", bound: 0.8 },
        target: 0.9,
      },
    ];
    await writeFile(file, JSON.stringify(objectives));
    const slo = async (...args: string[]) => runCli(["slo", ...args, "--url", engine.httpUrl]);
    assert.deepEqual(await slo("apply", file), {
      code: 0,
      stdout: objectives.map(({ name }) => `applied ${name}\n`).join(""),
      stderr: "",
    });
    assert.match((await slo("list")).stdout, /^fast +served-before {2}latency_ms 95 % over 1d\n/);
    const { slos } = (await (await engine.get(`/monitoring/${PAST}/sla`)).json()) as {
      slos: ObjectiveLevel[];
    };
    const figures = slos.map(({ name, good, valid, is_met }) => [name, good, valid, is_met]);
    assert.deepEqual(figures, [
      ["fast", 180, 200, false], // 20 of 200 answered rows took 80 ms
      ["good", 0, 0, null],
      ["p90", 1, 2, true], // the second minute's p90 is 80 ms
      ["sound", 200, 230, false],
      ["up", 1, 3, false], // the second minute lost 20 of 120, the third all of 10
    ]);
    const whole = (await (await engine.get(`/monitoring/${PAST}`)).json()) as {
      latency: { predictions: number; latency_ms: { p99: number } };
      sla: ObjectiveLevel[];
      performance: unknown[];
      drift: unknown[];
    };
    assert.equal(whole.latency.predictions, 200);
    assert.ok(whole.latency.latency_ms.p99 > 50);
    assert.deepEqual(
      whole.sla.map(({ name, good }) => [name, good]),
      slos.map(({ name, good }) => [name, good]),
    );
    assert.deepEqual([whole.performance, whole.drift], [[], []]);
    const sound = slos.find(({ name }) => name === "sound");
    assert.equal(sound?.error_budget, 23);
    assert.ok(Math.abs((sound?.error_budget_left ?? 0) - (1 - 30 / 23)) < 1e-12);
    const shown = JSON.parse((await slo("show", "fast")).stdout) as ObjectiveLevel & { target: number };
    assert.deepEqual([shown.good, shown.target], [180, 0.95]);
    await checkObserved();
    assert.match((await slo("remove", "fast")).stdout, /removed fast/);
    assert.match((await slo("show", "fast")).stderr, /there is no objective fast/);
  });

  /** Alert rules get to know of the past as if it were now, and of each window once. */
  async function checkObserved(): Promise<void> {
    const seen: Observation[] = [];
    const watch = new ServiceWatch({
      clickhouse: engine.clickhouse(),
      database: "millrace",
      alerts: {
        observe: async (observations) => {
          seen.push(...observations);
          return [];
        },
      },
      levels: async () => [],
    });
    const hourAgoMs = Date.now() - 60 * MINUTE_MS;
    for (let minute = -5; minute <= 15; minute++) await watch.round([PAST], hourAgoMs + minute * MINUTE_MS);
    const valuesOf = (metric: string) =>
      seen.filter((one) => one.metric === metric).map(({ value }) => value);
    const windows = new Set(seen.map(({ windowEnd }) => windowEnd));
    assert.equal(seen.length, new Set(seen.map(({ windowEnd, metric }) => `${windowEnd} ${metric}`)).size);
    assert.ok(windows.size === 1 || windows.size === 2, "the three minutes lie in one window or two");
    assert.ok(Math.abs(Math.max(...valuesOf("latency.p99_ms")) - 80) < 1);
    assert.ok(Math.max(...valuesOf("errors.rate")) >= 30 / 230);
  }

  /** An hour ago: 100 rows of 8 ms; 80 of 8 ms, 20 of 80 ms and 20 failed; 10 failed. Every report comes twice. */
  async function serveThePast(): Promise<void> {
    const first = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 60 * MINUTE_MS;
    const rows = Array.from({ length: 200 }, (_, index) => ({
      epoch: 1,
      seq: index + 1,
      model: PAST,
      queueMs: 3,
      dateMs: first + (index < 100 ? 0 : MINUTE_MS) + 1_000,
      inferenceMs: index < 180 ? 5 : 77,
    }));
    await new PredictionStore(engine.clickhouse(), "millrace").insert(predictionRows(rows), "past");
    const count = (minutes: number, code: string, number: number) => ({
      minute: first / 1000 + minutes * 60,
      model_name: PAST,
      model_version: "1.0.0",
      source: "http",
      code,
      count: number,
    });
    const report = {
      report_id: randomUUID(),
      counts: [count(1, "INTERNAL", 20), count(1, "INVALID_FEATURES", 500), count(2, "QUEUE_FULL", 10)],
    };
    const stream = jetstream(nats);
    for (const msgID of ["once", "again"])
      await stream.publish("millrace.errors.0", JSON.stringify(report), { msgID });
    await stream.publish("millrace.errors.0", '{"report_id": 1}');
    const manager = await jetstreamManager(nats);
    await eventually(
      "the damaged report is a dead letter, and all before it is stored",
      async () => {
        const { state } = await manager.streams.info("MILLRACE_DEAD", { subjects_filter: ">" });
        return state.subjects?.["millrace.dead.MILLRACE_ERRORS"] === 1;
      },
      STORED_MS,
    );
    const old = `minute < now() - INTERVAL 30 MINUTE`;
    await eventually("the report is stored", async () => (await errorsOf(old)).length === 3, STORED_MS);
    assert.deepEqual(
      (await errorsOf(old)).map(({ code, n }) => [code, n]),
      [
        ["INTERNAL", 20],
        ["INVALID_FEATURES", 500],
        ["QUEUE_FULL", 10],
      ],
    );
  }

  it("objectives that make no sense are refused over REST, and of one name there is one", async () => {
    const put = async (name: string, body: unknown) =>
      fetch(new URL(`/slos/${name}`, engine.httpUrl), {
        method: "PUT",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
    const body = { model: "card-fraud", indicator: { kind: "error_rate" }, target: 0.99 };
    assert.equal((await put("mine", body)).status, 201);
    assert.equal((await put("mine", body)).status, 200);
    assert.equal((await put("mine", { ...body, target: 0.5 })).status, 200);
    const kept = (await (await engine.get("/slos/mine")).json()) as { target: number };
    assert.equal(kept.target, 0.5);
    for (const [wrong, field] of [
      [{ ...body, name: "yours" }, "name"],
      [{ ...body, target: 99 }, "target"],
      [{ ...body, indicator: { kind: "min_metric", metric: "auk", bound: 1 } }, "indicator.metric"],
      [[body], "objective"],
    ] as const) {
      const answer = await put("mine", wrong);
      const { error } = (await answer.json()) as { error: { details: { field: string }[] } };
      assert.deepEqual([answer.status, error.details[0]?.field], [400, field]);
    }
    const remove = async () => fetch(new URL("/slos/mine", engine.httpUrl), { method: "DELETE" });
    assert.equal((await remove()).status, 200);
    assert.equal((await remove()).status, 404);
    assert.equal((await put("mine", body)).status, 201);
  });
});

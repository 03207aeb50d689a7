/**
 * Performance from a control plane's rounds to where it is read: over REST, by analysts, and as metrics of a data plane; over a real
 * ClickHouse and a real NATS server.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { pino } from "pino";
import { HttpServer } from "../../engine/api/http-server.ts";
import { performanceRoutes } from "../../engine/api/performance-routes.ts";
import { createSenderCheck } from "../../engine/api/sender-check.ts";
import { type RunningPerformance, startPerformanceMonitor } from "../../engine/app-performance.ts";
import { EngineError } from "../../engine/core/errors.ts";
import { parseManifest } from "../../engine/core/manifest.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import { MonitorGauges } from "../../engine/monitor/monitor-gauges.ts";
import type { PerformanceObservation } from "../../engine/monitor/performance/performance-news.ts";
import { type ClickHouse, openClickHouse } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { PerformanceStore } from "../../storage/performance-store.ts";
import { followMonitorStatus, publishMonitorStatus } from "../../streams/status.ts";
import { createTopology } from "../../streams/topology.ts";
import { ask, PASSWORD, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { assertClose } from "../support/close.ts";
import { type DescribedApi, describedApi } from "../support/described-api.ts";
import { eventually } from "../support/eventually.ts";
import { DAY_MS, START_MS, storeLabels, storePredictions } from "../support/label-tables.ts";
import { MIXED } from "../support/manifests.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { goldenCases } from "../support/performance-golden.ts";

const DATABASE = "millrace";
const LOGGER = pino({ level: "silent" });
const STORED_MS = 15_000;
const MANIFEST = parseManifest({ ...MIXED, name: "m" });
const TOPOLOGY = createTopology("performance_test");

interface Answer {
  readonly reports: readonly {
    readonly window_start: string;
    readonly window_end: string;
    readonly kind: string;
    readonly slice: string;
    readonly labelled_rows: number;
    readonly is_mature: boolean;
    readonly metrics: Readonly<
      Record<string, { readonly value: number | null; readonly interval?: unknown; readonly reason?: string }>
    >;
  }[];
  readonly error?: { readonly code: string; readonly details: readonly { readonly field: string }[] };
}

describe("performance", () => {
  let clickhouse: TestClickhouse;
  let nats: TestNats;
  let client: ClickHouse;
  let control: NatsConnection;
  let data: NatsConnection;
  let server: HttpServer;
  let url: string;
  let api: DescribedApi;
  let running: RunningPerformance;
  let nowMs = 0;
  const metrics = new Metrics();
  const told: PerformanceObservation[] = [];
  const golden = goldenCases("binary").find(({ name }) => name === "many ties");

  before(async () => {
    [clickhouse, nats] = await Promise.all([startTestClickhouse(), startTestNats()]);
    client = openClickHouse(clickhouse.url.replace("//", `//millrace:${encodeURIComponent(PASSWORD)}@`));
    await migrate(client, DATABASE, LOGGER);
    control = await connect({ servers: nats.url, noAsyncTraces: true });
    data = await connect({ servers: nats.url, noAsyncTraces: true });
    const gauges = new MonitorGauges(metrics, () => nowMs);
    followMonitorStatus(data, TOPOLOGY, (status) => gauges.take(status));
    await data.flush();
    assert.ok(golden);
    await storePredictions(
      client,
      DATABASE,
      golden.scores.map((value, at) => ({
        number: at + 1,
        atMs: at,
        value,
        predicted: value >= 0.5 ? "yes" : "no",
        categories: [at % 2 === 0 ? "red" : "green"],
      })),
    );
    await storeLabels(
      client,
      DATABASE,
      golden.labels.map((one, at) => ({ seq: at + 1, number: at + 1, label: one === 1 })),
    );
    running = startPerformanceMonitor({
      clickhouse: client,
      database: DATABASE,
      nats: control,
      topology: TOPOLOGY,
      versions: () => [{ manifest: MANIFEST }],
      settingsOf: async () => ({ performance: { horizon: "400d", slices: ["color"] } }),
      championOf: async () => undefined,
      resumed: Promise.resolve(),
      storedToMs: async () => START_MS + 2 * DAY_MS + 10_000,
      tell: async (observations) => void told.push(...observations),
      tellErrors: async () => undefined,
      logger: LOGGER,
    });
    const store = new PerformanceStore(client, DATABASE);
    const routes = performanceRoutes({
      readPerformance: async (question) => store.read(question),
      checkModel: async (name) => {
        if (name !== "m") throw new EngineError("MODEL_NOT_FOUND", "there is no such model");
      },
      clock: () => START_MS + 3 * DAY_MS,
    });
    api = describedApi(routes);
    server = new HttpServer(routes, new Metrics(), LOGGER, createSenderCheck("127.0.0.1", []));
    url = `http://127.0.0.1:${await server.listen("127.0.0.1", 0)}/monitoring/m/performance`;
    await eventually("the windows are told", () => running.proposals("m", []).length === 1, STORED_MS);
  });
  after(async () => {
    server?.stopListening();
    server?.close();
    await running?.stop();
    await control?.close();
    await data?.close();
    await client?.close();
    await nats?.[Symbol.asyncDispose]();
    await clickhouse?.remove();
  });

  async function get(search = ""): Promise<Answer> {
    const answer = await fetch(`${url}${search}`);
    assert.equal(answer.headers.get("content-type"), "application/json");
    return (await api.check("GET", new URL(url).pathname, answer)) as Answer;
  }

  it("is read over REST, by window, metric and slice", async () => {
    const { reports } = await get();
    assert.deepEqual(
      reports.map((report) => [
        report.window_start,
        report.window_end,
        report.kind,
        report.labelled_rows,
        report.is_mature,
      ]),
      [["2026-03-01T00:00:00.000Z", "2026-03-02T00:00:00.000Z", "realised", 400, true]],
    );
    for (const [name, value] of Object.entries(golden?.metrics ?? {}))
      assertClose(reports[0]?.metrics[name]?.value, value, name, 1e-12);
    assert.ok(reports[0]?.metrics["roc_auc"]?.interval);
    const sliced = await get("?slice=color&metric=accuracy&version=1.0.0&variant=");
    assert.deepEqual(
      sliced.reports.map(({ slice, metrics }) => [slice, Object.keys(metrics)]),
      [
        ["color=green", ["accuracy"]],
        ["color=red", ["accuracy"]],
      ],
    );
    assert.equal((await get("?slice=color%3Dred&metric=accuracy")).reports.length, 1);
    for (const nothing of [
      "?version=2.0.0",
      "?variant=b",
      "?to=2026-03-01T23:59:59Z",
      "?from=2026-03-02T00:00:00Z",
    ])
      assert.deepEqual((await get(nothing)).reports, [], nothing);
  });

  it("asked for wrongly says which parameter is wrong", async () => {
    for (const [search, field] of [
      ["?from=yesterday", "from"],
      ["?from=2026-03-03T00:00:00Z&to=2026-03-02T00:00:00Z", "from"],
      ["?to=-1", "to"],
      ["?to=2150-01-01T00:00:00Z", "to"],
      ["?metric=beauty", "metric"],
      ["?hours=3", "query"],
    ] as const)
      assert.deepEqual(
        (await get(search)).error?.details.map((detail) => detail.field),
        [field],
        search,
      );
    assert.equal((await fetch(url.replace("/m/", "/nobody/"))).status, 404);
  });

  it("is a view for analysts, told to alert rules, and a reason to retrain if it is bad", async () => {
    const { text } = await ask(
      clickhouse,
      "SELECT round(value, 6) FROM performance WHERE model_name = 'm' AND slice = '' AND metric = 'roc_auc'",
    );
    assert.equal(Number(text), Math.round((golden?.metrics["roc_auc"] ?? 0) * 1e6) / 1e6);
    const auc = told.find(({ metric }) => metric === "performance.roc_auc");
    assertClose(auc?.value, golden?.metrics["roc_auc"] ?? 0, "observed", 1e-12);
    assert.deepEqual(
      running.proposals("m", ["1.0.0"]).map(({ cause }) => cause),
      ["labels"],
    );
  });

  it("is a metric of the data planes, until nothing is heard of it any more", async () => {
    const series = 'engine_model_performance{model="m",version="1.0.0",variant="",metric="roc_auc"} ';
    const valueOf = (): number | undefined => {
      const line = metrics
        .toText()
        .split("\n")
        .find((one) => one.startsWith(series));
      return line === undefined ? undefined : Number(line.slice(series.length));
    };
    assertClose(
      await eventually("it is there", valueOf, STORED_MS),
      golden?.metrics["roc_auc"] ?? 0,
      "gauge",
      1e-12,
    );
    publishMonitorStatus(control, TOPOLOGY, {
      source: "other",
      gauges: [{ name: "engine_other", help: "Another.", labels: { a: "b" }, value: 7 }],
    });
    await eventually("the other one is there too", () => metrics.toText().includes('engine_other{a="b"} 7'));
    assert.ok(valueOf() !== undefined);
    publishMonitorStatus(control, TOPOLOGY, { source: "other", gauges: [] });
    await eventually("it is gone", () => !metrics.toText().includes('engine_other{a="b"}'));
    assert.ok(valueOf() !== undefined, "that of the other source stays");
    nowMs += 60_001;
    assert.equal(valueOf(), undefined);
  });
});

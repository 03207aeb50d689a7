/**
 * The traffic tables in the real ClickHouse: exact counts, quantiles within the stated error, ranges that merge, rows from
 * before the tables, and inserts that come twice.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { LATENCY_RELATIVE_ERROR } from "../../engine/core/latency-buckets.ts";
import { latencyReport } from "../../engine/monitor/service/latency-report.ts";
import { selectRows } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { MIGRATIONS } from "../../storage/migrations.ts";
import { PredictionStore } from "../../storage/prediction-store.ts";
import { TrafficCatchUp } from "../../storage/traffic-catch-up.ts";
import { readServiceMinutes, readTraffic, type Step } from "../../storage/traffic-report.ts";
import { ask, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { type PredictionRow, predictionRows } from "../support/prediction-rows.ts";
import { createRandom } from "../support/random.ts";
import { assertTrafficIsExact } from "../support/traffic.ts";

const LOGGER = pino({ level: "silent" });
const EPOCH = 1_700_000_000_000;
const START = Date.UTC(2026, 10, 3, 22);
const HOUR_MS = 3_600_000;
const HOURS = 6;
const ROWS = 20_000;

/** Over six hours and a midnight, of two versions, with a long tail. */
function makeRows(): PredictionRow[] {
  const { next } = createRandom(4);
  return Array.from({ length: ROWS }, (_, index) => ({
    epoch: EPOCH,
    seq: 1 + Math.floor(index / 10),
    dateMs: START + Math.floor((index / ROWS) * HOURS * HOUR_MS),
    version: index % 3 === 0 ? "2.0.0" : "1.0.0",
    queueMs: 0.05 * (1 - next()) ** -0.7,
    inferenceMs: 0.2 + next() * 3,
  }));
}

describe("the traffic tables", () => {
  let server: TestClickhouse;
  const rows = makeRows();
  before(async () => {
    server = await startTestClickhouse();
  });
  after(async () => {
    await server.remove();
  });

  /** A database with the tables, and a store of its predictions. */
  async function createStore(database: string): Promise<PredictionStore> {
    await migrate(server.client, database, LOGGER);
    return new PredictionStore(server.client, database);
  }

  async function insertAll(store: PredictionStore): Promise<void> {
    for (let from = 0; from < ROWS; from += ROWS / 8)
      await store.insert(predictionRows(rows.slice(from, from + ROWS / 8)), `${EPOCH}:${from}`);
  }

  const reportOf = async (database: string, from: number, to: number, step: Step, version?: string) => {
    const question = { model: "fraud", version, from, to, step };
    return latencyReport({
      ...question,
      traffic: await readTraffic(server.client, database, question),
      errors: [],
    });
  };

  it("count what is inserted, once, and what is inserted again not at all", async () => {
    const store = await createStore("counted");
    await insertAll(store);
    await insertAll(store);
    await assertTrafficIsExact(server.client, "counted");
    assert.equal(await new TrafficCatchUp(server.client, "counted").run(), 0, "nothing is missing");
  });

  it("give quantiles of each stage within the stated error of those of the rows", async () => {
    for (const [from, to, version] of [
      [START, START + HOURS * HOUR_MS, undefined],
      [START + HOUR_MS, START + 3 * HOUR_MS, "2.0.0"],
    ] as const) {
      const { total } = await reportOf("counted", from, to, "hour", version);
      const some = rows.filter(
        (row) => row.dateMs >= from && row.dateMs < to && (version === undefined || row.version === version),
      );
      assert.equal(total.predictions, some.length);
      const stages = {
        latency_ms: (row: PredictionRow) => Math.fround(row.queueMs + row.inferenceMs),
        queue_ms: (row: PredictionRow) => Math.fround(row.queueMs),
        inference_ms: (row: PredictionRow) => Math.fround(row.inferenceMs),
      };
      for (const stage of ["latency_ms", "queue_ms", "inference_ms"] as const) {
        const sorted = some.map(stages[stage]).sort((a, b) => a - b);
        for (const [name, share] of [
          ["p50", 0.5],
          ["p95", 0.95],
          ["p99", 0.99],
        ] as const) {
          const exact = sorted[Math.ceil(share * sorted.length) - 1] as number;
          const error = Math.abs((total[stage][name] as number) - exact) / exact;
          assert.ok(error <= LATENCY_RELATIVE_ERROR * (1 + 1e-6), `${stage} ${name}: ${error}`);
        }
      }
    }
  });

  it("give the same for a range, whatever steps it is merged from", async () => {
    const from = Date.UTC(2026, 10, 3);
    const to = Date.UTC(2026, 10, 5);
    const reports = [];
    for (const step of ["minute", "hour", "day"] as const)
      reports.push(await reportOf("counted", from, to, step));
    const [minutes, hours, days] = reports;
    assert.equal(days?.steps.length, 2);
    assert.equal(hours?.steps.length, HOURS);
    assert.equal(minutes?.steps.length, HOURS * 60);
    assert.deepEqual(minutes?.total, days?.total);
    assert.deepEqual(hours?.total, days?.total);
    assert.equal(days?.total.predictions, ROWS);
  });

  it("hold rows from before they were made, however their counting is repeated", async () => {
    await server.client.command({ query: "CREATE DATABASE older" });
    for (const { id, statements } of MIGRATIONS)
      if (id < 8)
        for (const statement of statements)
          await server.client.command({ query: statement.replaceAll("{database}", "older") });
    const store = new PredictionStore(server.client, "older");
    await insertAll(store);
    await migrate(server.client, "older", LOGGER);
    assert.equal(await store.lastSeq(EPOCH), ROWS / 10);
    await migrate(server.client, "older", LOGGER);
    await store.lastSeq(EPOCH);
    await assertTrafficIsExact(server.client, "older");
  });

  it("are caught up with what a view missed, without counting the rest twice", async () => {
    const store = await createStore("behind");
    await store.insert(predictionRows(rows.slice(0, 1_000)), "first");
    await server.client.command({ query: "DETACH TABLE behind.traffic_hours_feed" });
    await store.insert(predictionRows(rows.slice(1_000, 2_000)), "second");
    await server.client.command({ query: "ATTACH TABLE behind.traffic_hours_feed" });
    await assert.rejects(assertTrafficIsExact(server.client, "behind"), /rows counted per hour/);
    await store.lastSeq(EPOCH);
    await store.insert(predictionRows(rows.slice(2_000, 3_000)), "third");
    await assertTrafficIsExact(server.client, "behind");
  });

  it("tell of each minute how many rows were slower than a bound", async () => {
    const question = { model: "fraud", from: START, to: START + HOUR_MS, codes: ["INTERNAL"] };
    const slow = await readServiceMinutes(server.client, "counted", { ...question, boundMs: 3 });
    const exact = rows.filter((row) => row.dateMs < START + HOUR_MS);
    const above = (bound: number) => exact.filter((row) => row.queueMs + row.inferenceMs > bound).length;
    const found = slow.slow.reduce((sum, count) => sum + count, 0);
    assert.ok(found <= above(3) && found >= above(3 * 1.0203), `${found} slow rows`);
    assert.equal(slow.time.length, 60);
  });

  it("are shown to analysts with quantiles, per minute, hour and day", async () => {
    const { total } = await reportOf("counted", START, START + HOURS * HOUR_MS, "day");
    const [hours] = await selectRows<{ predictions: string }>(
      server.client,
      "SELECT sum(rows) AS predictions FROM counted.traffic_by_hour WHERE model_name = 'fraud'",
    );
    assert.equal(Number(hours?.predictions), ROWS);
    const days = await selectRows<Record<string, number>>(
      server.client,
      "SELECT * FROM counted.traffic_by_day WHERE model_version = '1.0.0' ORDER BY time",
    );
    assert.equal(days.length, 2);
    assert.ok(
      Math.abs((days[0]?.["latency_p50_ms"] as number) / (total.latency_ms.p50 as number) - 1) < 0.05,
    );
    await insertAll(await createStore("millrace"));
    for (const view of ["traffic_by_minute", "traffic_by_hour", "traffic_by_day"]) {
      const { status, text } = await ask(server, `SELECT sum(rows) FROM millrace.${view}`);
      assert.deepEqual([status, text.trim()], [200, String(ROWS)]);
    }
  });
});

/**
 * Rounds of drift over a real ClickHouse: a question about a window gives what its report has, whatever it is compared with;
 * and what was measured in a window is told again, the same to the bit, by whoever starts after a monitor that died before.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import type { Observation } from "../../engine/alerts/observation.ts";
import { toScoreObservations } from "../../engine/monitor/detectors/score-news.ts";
import { CountKeeper, type WatchedVersion } from "../../engine/monitor/drift/count-keeper.ts";
import { DriftMonitor, type JudgedWindow } from "../../engine/monitor/drift/drift-monitor.ts";
import { toObservations } from "../../engine/monitor/drift/drift-news.ts";
import { answerDrift } from "../../engine/monitor/drift/drift-question.ts";
import { buildProfile } from "../../engine/monitor/references/reference-builder.ts";
import { CountStore } from "../../storage/count-store.ts";
import { DriftReportStore } from "../../storage/drift-report-store.ts";
import { migrate } from "../../storage/migrate.ts";
import { ScoreStore } from "../../storage/score-store.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";

const LOGGER = pino({ level: "silent" });
const DATABASE = "millrace";
const DAY_MS = 86_400_000;
const DAYS = 36;
const DAY_ROWS = 320;
const TODAY_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const START_MS = TODAY_MS - DAYS * DAY_MS;

const uniform = Float32Array.from({ length: 5_000 }, (_, at) => (at + 0.5) / 5_000);
const COLUMNS = [
  { name: "amount", role: "input", type: "number" },
  { name: "predicted_value", role: "output", type: "number" },
] as const;
const VERSION: WatchedVersion = {
  model: "watched",
  version: "1.0.0",
  referenceId: "reference",
  profile: buildProfile(COLUMNS, new Map(COLUMNS.map(({ name }) => [name, uniform]))),
  texts: [],
};

let clickhouse: TestClickhouse;
before(async () => {
  clickhouse = await startTestClickhouse();
  await migrate(clickhouse.client, DATABASE, LOGGER);
  await storeDays();
  const counts = new CountStore(clickhouse.client, DATABASE);
  const sinkPosition = () => ({ epoch: 1, seq: DAYS * DAY_ROWS });
  const keeper = new CountKeeper({ table: counts, sinkPosition, logger: LOGGER });
  keeper.watch([VERSION]);
  assert.equal((await keeper.settle()).length, 1);
});
after(() => clickhouse?.remove());

/** Amounts of every seventh day are the upper half of the reference's; on the last day, which is none, they are too. */
async function storeDays(): Promise<void> {
  const values = Array.from({ length: DAYS * DAY_ROWS }, (_, number) => {
    const day = Math.floor(number / DAY_ROWS);
    const share = (((number % DAY_ROWS) * 7919 + day * 31) % DAY_ROWS) / DAY_ROWS;
    const isUpper = day % 7 === 3 || day === DAYS - 1;
    const dateMs = START_MS + day * DAY_MS + (number % DAY_ROWS) * 60_000;
    return {
      log_epoch: 1,
      log_seq: number + 1,
      logged_date: dateMs,
      source: "http",
      prediction_id: `00000000-0000-0000-0000-${String(number).padStart(12, "0")}`,
      model_name: VERSION.model,
      model_version: VERSION.version,
      predicted_value: share,
      features: [isUpper ? 0.5 + share / 2 : share],
      prediction_date: dateMs,
    };
  });
  await clickhouse.client.insert({ table: `${DATABASE}.predictions`, values, format: "JSONEachRow" });
}

function monitorOf(settings: unknown, tell: (window: JudgedWindow) => Promise<void>): DriftMonitor {
  const { client } = clickhouse;
  return new DriftMonitor({
    counts: new CountStore(client, DATABASE),
    refused: async () => 0,
    scores: new ScoreStore(client, DATABASE),
    reports: new DriftReportStore(client, DATABASE),
    settingsOf: async () => settings,
    tell,
    now: () => TODAY_MS,
    logger: LOGGER,
  });
}

interface StoredRow {
  readonly window_start: number;
  readonly window_end: number;
  readonly feature: string;
  readonly rows: number;
  readonly reference_rows: number;
  readonly psi: number;
  readonly p_adjusted: number | null;
  readonly ks_low: number;
  readonly verdict: string;
}

async function storedRows(): Promise<StoredRow[]> {
  const result = await clickhouse.client.query({
    query: `SELECT toUnixTimestamp(window_start) AS window_start, toUnixTimestamp(window_end) AS window_end, feature, rows, reference_rows,
        psi, p_adjusted, ks_low, verdict FROM ${DATABASE}.drift_reports WHERE role != 'window' ORDER BY window_end, role, feature
        SETTINGS output_format_json_quote_64bit_integers = 0`,
    format: "JSONEachRow",
  });
  return result.json<StoredRow>();
}

async function forget(): Promise<void> {
  await clickhouse.client.command({ query: `TRUNCATE TABLE ${DATABASE}.drift_reports` });
}

function observationsOf(window: JudgedWindow): Observation[] {
  return [...toObservations(window), ...toScoreObservations(window)];
}

describe("rounds of drift over ClickHouse", () => {
  for (const compare_with of ["season", "reference"] as const)
    it(`report of a window what a question about it says, compared with the ${compare_with}`, async () => {
      await forget();
      const settings = { window: "1d", compare_with };
      await monitorOf(settings, async () => undefined).round([VERSION], TODAY_MS + 60_000);
      const rows = await storedRows();
      assert.equal(rows.length, DAYS * 2);
      const counts = new CountStore(clickhouse.client, DATABASE);
      const last = rows.filter(({ window_start: startS }) => startS * 1000 >= START_MS + 28 * DAY_MS);
      for (const { window_start, window_end, feature, ...row } of last) {
        const answer = await answerDrift(
          { sum: counts.sum.bind(counts), refused: async () => 0, settingsOf: async () => settings },
          { version: VERSION, fromMs: window_start * 1000, toMs: window_end * 1000, nowMs: TODAY_MS },
        );
        const column = answer.columns.find((one) => one.feature === feature);
        const { rows: measured, psi, p_adjusted, verdict, ks } = column ?? {};
        const reference_rows = answer.reference_rows;
        assert.deepEqual(
          { rows: measured, reference_rows, psi, p_adjusted, ks_low: ks?.low, verdict },
          row,
          `${feature}, ${answer.from}`,
        );
        assert.equal(answer.compared_with, compare_with);
        assert.equal(answer.season?.length, compare_with === "season" ? 4 : undefined);
        assert.equal(reference_rows, compare_with === "season" ? 4 * DAY_ROWS : 5_000);
      }
      const drifting = rows.filter(({ verdict }) => verdict === "drift");
      const days = drifting.map(({ window_start }) => (window_start * 1000 - START_MS) / DAY_MS);
      // every seventh day is as it was a week before; the last one is not
      assert.deepEqual(days, compare_with === "season" ? [35] : [3, 10, 17, 24, 31, 35]);
    });

  it("tell what was measured again after a monitor died between storing and telling, the same to the bit", async () => {
    await forget();
    const settings = { window: "1d" };
    const untilMs = START_MS + 4 * DAY_MS + 60_000;
    const lost: JudgedWindow[] = [];
    await monitorOf(settings, async (window) => {
      if (window.endMs < START_MS + 4 * DAY_MS) return;
      lost.push(window);
      throw new Error("killed before it was told");
    }).round([VERSION], untilMs);
    const told: JudgedWindow[] = [];
    const take = async (window: JudgedWindow) => {
      told.push(window);
    };
    await monitorOf(settings, take).round([VERSION], untilMs);
    assert.deepEqual([lost.length, told.length], [1, 1]);
    const observations = observationsOf(told[0] as JudgedWindow);
    assert.deepEqual(observations, observationsOf(lost[0] as JudgedWindow));
    const metrics = observations.map(({ metric, column = "" }) => `${metric} ${column}`.trim());
    for (const metric of ["volume.rows", "drift.psi amount", "drift.ks predicted_value (output)"])
      assert.ok(metrics.includes(metric), metrics.join(", "));
    const psi = observations.find(({ metric, column }) => metric === "drift.psi" && column === "amount");
    assert.ok((psi?.value ?? 0) > 0.25, "the fourth day has drift");
    assert.equal((await storedRows()).length, 4 * 2, "nothing was judged twice");
  });
});

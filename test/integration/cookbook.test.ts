/**
 * Every query of the cookbook runs as an analyst, in the embedded ClickHouse with the tables as the engine makes and fills them,
 * and says what is in them.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { CountKeeper, type WatchedVersion } from "../../engine/monitor/drift/count-keeper.ts";
import { DriftMonitor } from "../../engine/monitor/drift/drift-monitor.ts";
import { binRowsOf } from "../../engine/monitor/references/reference-bin-rows.ts";
import { buildProfile, type ColumnValues } from "../../engine/monitor/references/reference-builder.ts";
import { profileId, watchedColumns } from "../../engine/monitor/references/reference-profile.ts";
import { CountStore } from "../../storage/count-store.ts";
import { DriftReportStore } from "../../storage/drift-report-store.ts";
import { migrate } from "../../storage/migrate.ts";
import { insertReferenceBins } from "../../storage/reference-bins.ts";
import { ScoreStore } from "../../storage/score-store.ts";
import { ask, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { assertClose } from "../support/close.ts";
import { readCookbook } from "../support/cookbook.ts";
import {
  DAY_MS,
  HOUR_MS,
  START_MS,
  storeLabels,
  storePredictions,
  type TablePrediction,
} from "../support/label-tables.ts";
import { mixedManifest } from "../support/manifests.ts";
import { createRandom, type Random } from "../support/random.ts";

const DATABASE = "millrace";
const LOGGER = pino({ level: "silent" });
const MODEL = "mixed";
const HOURS = 6;
const HOUR_ROWS = 300;
const REFERENCE_ROWS = 3_000;
/** From here on `size` is larger, and null in one row of 25. */
const DRIFT_HOUR = 3;
/** Yesterday: counts of minutes are kept for 40 days. */
const FROM_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;
const PARAMS = {
  param_model: MODEL,
  param_version: "1.0.0",
  param_feature: "size",
  param_positive: "yes",
  param_from: timeText(FROM_MS),
  param_to: timeText(FROM_MS + DAY_MS),
};
const queries = readCookbook();

type AnyRow = Readonly<Record<string, unknown>>;

describe("the cookbook's queries", () => {
  let clickhouse: TestClickhouse;
  const asked = new Set<string>();

  before(async () => {
    clickhouse = await startTestClickhouse();
    await migrate(clickhouse.client, DATABASE, LOGGER);
    await fill(clickhouse);
  });
  after(() => clickhouse?.remove());

  /** Rows of a query, as an analyst gets them. */
  async function rowsOf(name: string, params: Readonly<Record<string, string>> = {}): Promise<AnyRow[]> {
    asked.add(name);
    const query = `${queries.get(name) ?? assert.fail(`there is no ${name}`)} FORMAT JSONEachRow`;
    const search = { ...PARAMS, ...params, database: DATABASE, output_format_json_quote_64bit_integers: "0" };
    const answer = await ask(clickhouse, query, { search });
    assert.equal(answer.status, 200, answer.text);
    return answer.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as AnyRow);
  }

  it("tell scores by version, and show them", async () => {
    const [row, ...others] = await rowsOf("scores by version");
    assert.deepEqual([row?.["predictions"], others.length], [HOURS * HOUR_ROWS, 0]);
    assertClose(row?.["p5_p25_p50_p75_p95"], [0.05, 0.25, 0.5, 0.75, 0.95], "quantiles of even scores", 0.03);
    const bars = await rowsOf("score histogram");
    assert.equal(bars.length, 10);
    assertClose(sumOf(bars, "share"), 1, "all shares", 1e-9);
  });

  it("tell which defaults were served", async () => {
    assert.deepEqual(await rowsOf("defaults served", { param_model: "defaults" }), [
      { hour: timeText(FROM_MS), feature: "mean_amount", reason: "missing", predictions: 2 },
      { hour: timeText(FROM_MS), feature: "country", reason: "stale", predictions: 1 },
    ]);
  });

  it("tell what drifted most, when, and how often", async () => {
    const [top, ...others] = await rowsOf("top drifted features");
    assert.deepEqual([top?.["feature"], top?.["windows_with_drift"], top?.["windows"]], ["size", 3, HOURS]);
    assert.ok(others.every((row) => row["windows_with_drift"] === 0));
    const history = await rowsOf("drift history of a feature");
    assert.deepEqual(
      history.map((row) => row["verdict"]),
      ["none", "none", "none", "drift", "drift", "drift"],
    );
    const [day] = await rowsOf("verdicts by day");
    assert.deepEqual(
      [day?.["windows"], day?.["quiet"], day?.["drift"]],
      [HOURS, DRIFT_HOUR, HOURS - DRIFT_HOUR],
    );
  });

  it("work out PSI of a window as its report has it, and of any other", async () => {
    const endMs = FROM_MS + HOURS * HOUR_MS;
    const window = { param_from: timeText(endMs - HOUR_MS), param_to: timeText(endMs) };
    const found = await rowsOf("psi of any window", window);
    const reported = await clickhouse.client.query({
      query: `SELECT feature, psi, psi_corrected FROM ${DATABASE}.drift_reports WHERE role != 'window' AND window_end = {to:DateTime('UTC')}`,
      query_params: { to: window.param_to },
      format: "JSONEachRow",
    });
    const reports = await reported.json<{ feature: string; psi: number; psi_corrected: number }>();
    assert.equal(reports.length, found.length);
    for (const { feature, psi, psi_corrected } of reports) {
      const row = found.find((one) => one["feature"] === feature);
      assertClose([row?.["psi"], row?.["psi_corrected"]], [psi, psi_corrected], feature, 1e-12);
    }
    const whole = await rowsOf("psi of any window");
    assert.deepEqual(new Set(whole.map((row) => row["rows"])), new Set([HOURS * HOUR_ROWS]));
  });

  it("show a feature's bins, and its nulls by hour", async () => {
    const bins = await rowsOf("bins of a feature");
    assertClose(sumOf(bins, "reference_share"), 1, "reference", 1e-9);
    assertClose(sumOf(bins, "window_share"), 1, "window", 1e-9);
    assert.deepEqual([bins.at(-1)?.["values"], bins.at(-1)?.["window_share"]], ["null", 0.02]);
    const colors = await rowsOf("bins of a feature", { param_feature: "color" });
    assert.deepEqual(
      colors.map((row) => row["values"]),
      ["blue", "green", "red", "other values", "null"],
    );
    const nulls = await rowsOf("null rate per hour");
    assert.equal(nulls.length, HOURS * 4);
    const rates = nulls.filter((row) => row["feature"] === "size").map((row) => row["null_rate"]);
    assert.deepEqual(rates, [0, 0, 0, 0.04, 0.04, 0.04]);
  });

  it("tell how late labels are, and how good the predictions were", async () => {
    const [delay] = await rowsOf("label delay");
    assert.deepEqual(
      [delay?.["labelled"], delay?.["share_of_all"], delay?.["hours_p50_p90_p99"]],
      [(HOURS * HOUR_ROWS) / 2, 0.5, [2, 2, 2]],
    );
    const [quality] = await rowsOf("quality by day");
    const { accuracy, roc_auc, precision, recall } = quality ?? {};
    assertClose(
      [accuracy, precision, recall, roc_auc],
      [0.75, 0.75, 0.75, 5 / 6],
      "of calibrated even scores",
      0.05,
    );
    for (const row of await rowsOf("calibration"))
      assertClose(row["share_of_positives"], row["mean_score"], String(row["score_from"]), 0.15);
  });

  it("tell which alerts are open, and how long others were", async () => {
    const open = await rowsOf("open alerts");
    assert.deepEqual(
      open.map((row) => [row["rule"], row["severity"], row["state"]]),
      [["data-quality-incident", "critical", "raised"]],
    );
    assert.deepEqual(await rowsOf("alert history"), [
      { rule: "drift-incident", alerts: 1, taken_up: 1, minutes_to_take_up: 10, over: 1, minutes_open: 60 },
      {
        rule: "data-quality-incident",
        alerts: 1,
        taken_up: 0,
        minutes_to_take_up: null,
        over: 0,
        minutes_open: null,
      },
    ]);
  });

  it("are all asked here", () => {
    assert.deepEqual([...queries.keys()].sort(), [...asked].sort());
  });
});

function sumOf(rows: readonly AnyRow[], column: string): number {
  return rows.reduce((sum, row) => sum + Number(row[column]), 0);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

async function fill({ client }: TestClickhouse): Promise<void> {
  const random = createRandom(7);
  const predictions = Array.from({ length: HOURS * HOUR_ROWS }, (_, number): TablePrediction => {
    const hour = Math.floor(number / HOUR_ROWS);
    const isOther = hour >= DRIFT_HOUR;
    const value = random.next();
    return {
      number,
      seq: number + 1,
      model: MODEL,
      atMs: FROM_MS - START_MS + Math.floor((number * HOUR_MS) / HOUR_ROWS),
      value,
      predicted: value >= 0.5 ? "yes" : "no",
      probabilities: [1 - value, value],
      numbers: [
        isOther && number % 25 === 0 ? Number.NaN : random.next() * 10 + (isOther ? 4 : 0),
        random.between(18, 80),
        number % 2,
      ],
      categories: [["red", "green", "blue"][number % 3] as string],
    };
  });
  await storePredictions(client, DATABASE, predictions);
  await storeLabels(
    client,
    DATABASE,
    predictions
      .filter(({ number }) => number % 2 === 0)
      .map(({ number, atMs, value = 0 }) => ({
        seq: number + 1,
        model: MODEL,
        number,
        label: random.next() < value ? "yes" : "no",
        arrivalMs: atMs + 2 * HOUR_MS,
      })),
  );
  await monitor(client, await reference(client, random));
  await storeDefaults(client);
  await storeAlerts(client);
}

/** Predictions of another model, which got defaults. */
async function storeDefaults(client: TestClickhouse["client"]): Promise<void> {
  const statuses = [{ mean_amount: "missing" }, { mean_amount: "missing", country: "stale" }, {}];
  await client.insert({
    table: `${DATABASE}.predictions`,
    format: "JSONEachRow",
    values: statuses.map((feature_status) => ({
      model_name: "defaults",
      logged_date: FROM_MS,
      prediction_date: FROM_MS,
      feature_status,
    })),
  });
}

/** One that was taken up after ten minutes and over after an hour, and one that is open. */
async function storeAlerts(client: TestClickhouse["client"]): Promise<void> {
  const common = { model_name: MODEL, model_version: "1.0.0", raised_date: FROM_MS };
  const drift = {
    ...common,
    alert_id: "00000000-0000-0000-0000-000000000001",
    rule: "drift-incident",
    severity: "warning",
  };
  const quality = {
    ...common,
    alert_id: "00000000-0000-0000-0000-000000000002",
    rule: "data-quality-incident",
    severity: "critical",
  };
  const change = (change_number: number, name: string, state: string, afterMs: number) => ({
    change_number,
    change: name,
    state,
    changed_date: FROM_MS + afterMs,
  });
  await client.insert({
    table: `${DATABASE}.alerts`,
    format: "JSONEachRow",
    values: [
      { ...drift, ...change(1, "raised", "raised", 0) },
      { ...drift, ...change(2, "acknowledged", "acknowledged", HOUR_MS / 6) },
      { ...drift, ...change(3, "resolved", "resolved", HOUR_MS) },
      { ...quality, ...change(1, "raised", "raised", 0) },
      { ...quality, ...change(2, "delivered", "raised", 1_000) },
    ],
  });
}

/** The reference of the model: rows like those of the first hours. */
async function reference(client: TestClickhouse["client"], random: Random): Promise<WatchedVersion> {
  const columnOf = (value: (at: number) => number): Float32Array =>
    Float32Array.from({ length: REFERENCE_ROWS }, (_, at) => value(at));
  const scores = columnOf(() => random.next());
  const profile = buildProfile(
    watchedColumns(mixedManifest()),
    new Map<string, ColumnValues>([
      ["size", columnOf(() => random.next() * 10)],
      ["age", columnOf(() => random.between(18, 80))],
      ["color", Array.from(scores, (_, at) => ["red", "green", "blue"][at % 3] as string)],
      ["new", columnOf((at) => at % 2)],
      ["predicted_value", scores],
      ["predicted_class", Array.from(scores, (score) => (score >= 0.5 ? "yes" : "no"))],
    ]),
  );
  const referenceId = profileId(profile);
  const key = { name: MODEL, version: "1.0.0" };
  await insertReferenceBins(client, DATABASE, key, referenceId, binRowsOf(profile));
  return { model: MODEL, version: "1.0.0", referenceId, profile, texts: ["color"] };
}

/** Counts and judges all hours. */
async function monitor(client: TestClickhouse["client"], version: WatchedVersion): Promise<void> {
  const counts = new CountStore(client, DATABASE);
  const sinkPosition = () => ({ epoch: 1, seq: HOURS * HOUR_ROWS });
  const keeper = new CountKeeper({ table: counts, sinkPosition, logger: LOGGER });
  keeper.watch([version]);
  assert.equal((await keeper.settle()).length, 1);
  const drift = new DriftMonitor({
    scores: new ScoreStore(client, DATABASE),
    counts,
    refused: async () => 0,
    reports: new DriftReportStore(client, DATABASE),
    settingsOf: async () => ({ window: "1h" }),
    tell: async () => undefined,
    now: () => Date.now(),
    logger: LOGGER,
  });
  await drift.round([version], FROM_MS + HOURS * HOUR_MS + 60_000);
}

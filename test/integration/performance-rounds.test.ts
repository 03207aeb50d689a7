/**
 * Rounds of performance over a real ClickHouse: whenever and in whatever order labels come, the reports end up with what scikit-learn
 * says of the same rows. Held against its goldens (test/fixtures/performance).
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import { parseManifest } from "../../engine/core/manifest.ts";
import { estimateFromRows } from "../../engine/monitor/performance/estimated-performance.ts";
import type { BinaryRows } from "../../engine/monitor/performance/labelled-rows.ts";
import { fitEstimator } from "../../engine/monitor/performance/performance-estimator.ts";
import { PerformanceMonitor } from "../../engine/monitor/performance/performance-monitor.ts";
import type { PerformanceObservation } from "../../engine/monitor/performance/performance-news.ts";
import type { PerformanceVersion } from "../../engine/monitor/performance/performance-version.ts";
import { measurePerformance } from "../../engine/monitor/performance/realised-performance.ts";
import { buildProfile } from "../../engine/monitor/references/reference-builder.ts";
import { watchedColumns } from "../../engine/monitor/references/reference-profile.ts";
import { type ClickHouse, openClickHouse, selectRows } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { PerformanceRows } from "../../storage/performance-rows.ts";
import { PerformanceStore } from "../../storage/performance-store.ts";
import { PASSWORD, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { assertClose } from "../support/close.ts";
import {
  DAY_MS,
  HOUR_MS,
  START_MS,
  storeLabels,
  storePredictions,
  type TableLabel,
} from "../support/label-tables.ts";
import { MIXED } from "../support/manifests.ts";
import { goldenCases } from "../support/performance-golden.ts";
import { performancePorts } from "../support/performance-ports.ts";
import { createRandom } from "../support/random.ts";

const DATABASE = "millrace";
const EXACT = 1e-12;
const SLACK_MS = 10_000;
const DAYS = ["many ties", "no better than chance", "mostly positive, ends of the range"].map((name) => {
  const found = goldenCases("binary").find((one) => one.name === name);
  assert.ok(found, name);
  return found;
});
const MANIFEST = parseManifest({ ...MIXED, name: "m" });

/** Numbers of predictions are those of the days' rows, one day after the other. */
const ROWS = DAYS.flatMap(({ scores, labels, threshold }, day) =>
  scores.map((score, at) => ({
    atMs: day * DAY_MS + Math.floor((at * DAY_MS) / scores.length),
    score,
    predicted: score >= threshold ? "yes" : "no",
    label: labels[at] === 1 ? "yes" : "no",
  })),
);
const COLORS = ["red", "green"] as const;

interface ViewRow {
  readonly window_end: string;
  readonly kind: string;
  readonly slice: string;
  readonly metric: string;
  readonly value: number | null;
  readonly reason: string;
  readonly measured_rows: number;
  readonly labelled_rows: number;
  readonly is_mature: boolean;
}

describe("rounds of performance", () => {
  let server: TestClickhouse;
  let client: ClickHouse;
  let port: number;
  let nowMs = 0;
  let told: PerformanceObservation[] = [];
  let settings: Record<string, unknown> = {};
  const warnings: string[] = [];

  const open = (): void => {
    client = openClickHouse(server.url.replace("//", `//millrace:${encodeURIComponent(PASSWORD)}@`));
  };
  before(async () => {
    server = await startTestClickhouse();
    port = Number(new URL(server.url).port);
    open();
    await migrate(client, DATABASE, pino({ level: "silent" }));
  });
  after(async () => {
    await client?.close();
    await server?.remove();
  });
  beforeEach(async () => {
    for (const table of ["predictions", "labels", "performance_reports"])
      await client.command({ query: `TRUNCATE TABLE ${DATABASE}.${table}` });
    told = [];
    settings = {};
    warnings.length = 0;
  });

  function createMonitor(): PerformanceMonitor {
    return new PerformanceMonitor({
      ...performancePorts(client, DATABASE),
      settingsOf: async () => settings,
      championOf: async () => undefined,
      tell: async (observations) => void told.push(...observations),
      now: () => nowMs,
      logger: pino({ level: "warn" }, { write: (line: string) => void warnings.push(line) }),
    });
  }

  /** A round at a moment from START_MS; nothing may fail in it. */
  async function round(
    monitor: PerformanceMonitor,
    atMs: number,
    versions: readonly PerformanceVersion[] = [{ manifest: MANIFEST }],
  ): Promise<void> {
    nowMs = START_MS + atMs;
    await monitor.round(versions, nowMs);
    assert.deepEqual(warnings, []);
  }

  async function predict(first: number, end: number): Promise<void> {
    const rows = ROWS.slice(first, end).map(({ atMs, score, predicted }, at) => ({
      number: first + at + 1,
      atMs,
      value: score,
      predicted,
      probabilities: [1 - score, score],
      numbers: [first + at, 30, 1],
      categories: [COLORS[(first + at) % 2] as string],
    }));
    await storePredictions(client, DATABASE, rows);
  }

  let seq = 0;
  async function label(numbers: readonly number[], isWrong = false): Promise<void> {
    const labels = numbers.map((number): TableLabel => {
      const truth = ROWS[number - 1]?.label;
      return { seq: ++seq, number, label: isWrong ? (truth === "yes" ? "no" : "yes") : (truth ?? "") };
    });
    if (labels.length > 0) await storeLabels(client, DATABASE, labels);
  }

  async function view(where = "slice = ''"): Promise<ViewRow[]> {
    return selectRows<ViewRow>(
      client,
      `SELECT * FROM ${DATABASE}.performance WHERE model_name = 'm' AND model_version = '1.0.0' AND ${where}
       ORDER BY window_end, slice, metric SETTINGS output_format_json_quote_64bit_integers = 0`,
    );
  }

  /** What is stored says what scikit-learn says. */
  async function assertGolden(): Promise<void> {
    const found = await view("slice = '' AND kind = 'realised'");
    for (const [day, { metrics, scores }] of DAYS.entries()) {
      const end = new Date(START_MS + (day + 1) * DAY_MS).toISOString().slice(0, 10);
      const ofDay = found.filter(({ window_end }) => window_end.startsWith(end));
      assert.equal(ofDay.length, Object.keys(metrics).length, "one value of each metric");
      for (const { metric, value, measured_rows, is_mature } of ofDay) {
        if (DAYS[day]?.threshold === 0.5 || !["accuracy", "precision", "recall", "f1"].includes(metric))
          assertClose(value, metrics[metric] ?? Number.NaN, `${end} ${metric}`, EXACT);
        assert.deepEqual([measured_rows, is_mature], [scores.length, true]);
      }
    }
  }

  const numbersOf = (first: number, end: number): number[] =>
    Array.from({ length: end - first }, (_, at) => first + at + 1);

  it("end with the right metrics whether labels come early, in time, late or wrong first, and whoever is restarted when", async (t) => {
    const random = createRandom();
    t.diagnostic(`TEST_SEED=${random.seed}`);
    const all = numbersOf(0, ROWS.length);
    const [early, inTime, late, wrong] = [0, 1, 2, 3].map((rest) =>
      all.filter((number) => number % 4 === rest),
    );
    await label(early ?? []);
    let monitor = createMonitor();
    let stored = 0;
    for (let hour = 6; hour <= 5 * 24; hour += random.between(8, 24)) {
      const made = ROWS.filter(({ atMs }) => atMs < hour * HOUR_MS).length;
      await predict(stored, made);
      const since = (numbers: readonly number[] = []): number[] =>
        numbers.filter((number) => number > stored && number <= made);
      await label(since(inTime));
      await label(since(wrong), true);
      stored = made;
      if (random.between(0, 3) === 0) monitor = createMonitor();
      await round(monitor, hour * HOUR_MS + SLACK_MS);
    }
    assert.equal(stored, ROWS.length);
    for (const numbers of [late, wrong]) {
      await label((numbers ?? []).slice(0, 100));
      await round(monitor, (5 * 24 + random.between(0, 24)) * HOUR_MS);
      await label((numbers ?? []).slice(100));
    }
    await round(monitor, 7 * DAY_MS);
    await assertGolden();
    const [history] = await selectRows<{ windows: number; computations: number }>(
      client,
      `SELECT uniqExact(window_end) AS windows, count() AS computations FROM ${DATABASE}.performance_reports WHERE kind = 'window'
       SETTINGS output_format_json_quote_64bit_integers = 0`,
    );
    assert.ok(history !== undefined && history.windows >= 3 && history.computations > history.windows);
    const before = history.computations;
    await round(monitor, 7 * DAY_MS + HOUR_MS);
    const [again] = await selectRows<{ computations: number }>(
      client,
      `SELECT countIf(kind = 'window') AS computations FROM ${DATABASE}.performance_reports
       WHERE window_end <= toDateTime('2026-03-06', 'UTC') SETTINGS output_format_json_quote_64bit_integers = 0`,
    );
    assert.ok((again?.computations ?? 0) <= before, "nothing changed, so nothing is computed again");
  });

  it("catch up when ClickHouse was away, and leave out no window", async () => {
    await predict(0, ROWS.length);
    const monitor = createMonitor();
    await round(monitor, DAY_MS + SLACK_MS + 123);
    const { windows, computation } = await new PerformanceStore(client, DATABASE).load("m", "1.0.0", DAY_MS);
    const computedMs = START_MS + DAY_MS + SLACK_MS + 123;
    assert.deepEqual(
      [windows, computation],
      [[{ endMs: START_MS + DAY_MS, computedMs, isMature: false }], 1],
    );
    assert.equal(
      (await view()).every(({ value, reason }) => value === null && /0 labelled/.test(reason)),
      true,
    );
    await label(numbersOf(0, ROWS.length));
    await server.stop("SIGKILL");
    nowMs = START_MS + 2 * DAY_MS + SLACK_MS;
    await monitor.round([{ manifest: MANIFEST }], nowMs);
    assert.ok(warnings.length > 0, "it said so");
    warnings.length = 0;
    server = await startTestClickhouse({ port, dataDir: server.dataDir });
    await client.close();
    open();
    await round(createMonitor(), 3 * DAY_MS + SLACK_MS);
    await assertGolden();
  });

  it("measure slices, and estimate what has no labels yet", async () => {
    const day = DAYS[0];
    assert.ok(day);
    const rows: BinaryRows = {
      kind: "binary",
      scores: Float64Array.from(day.scores),
      predicted: Uint8Array.from(day.scores, (score) => (score >= 0.5 ? 1 : 0)),
      labels: Uint8Array.from(day.labels),
    };
    const estimator = fitEstimator(rows, { needsCalibration: false });
    const { metrics } = measurePerformance(rows);
    const amounts = Float32Array.from({ length: 400 }, (_, at) => at);
    const profile = buildProfile(
      watchedColumns(MANIFEST).filter(({ name }) => name === "size"),
      new Map([["size", amounts]]),
    );
    settings = { performance: { slices: ["color", "new", "size", "unknown"], labels_min: 50 } };
    await predict(0, 400);
    await round(createMonitor(), DAY_MS + SLACK_MS, [
      { manifest: MANIFEST, reference: { id: "r", profile, metrics, estimator } },
    ]);
    const estimated = estimateFromRows(estimator, Float64Array.from(day.scores), 0.5);
    const rowsOf = await view("kind = 'estimated'");
    assert.deepEqual(
      Object.fromEntries(rowsOf.map(({ metric, value }) => [metric, value])),
      Object.fromEntries(Object.entries(estimated.metrics).map(([name, { value }]) => [name, value])),
    );
    assert.deepEqual(new Set(told.map(({ metric }) => metric.split(".")[0])), new Set(["estimated"]));
    await label(numbersOf(0, 400));
    await round(createMonitor(), DAY_MS + 2 * HOUR_MS, [{ manifest: MANIFEST }]);
    assert.deepEqual(await view("kind = 'estimated'"), [], "labels take the place of the estimate");
    await client.command({ query: `TRUNCATE TABLE ${DATABASE}.performance_reports` });
    const monitor = createMonitor();
    await round(monitor, DAY_MS + 2 * HOUR_MS, [
      { manifest: MANIFEST, reference: { id: "r", profile, metrics, estimator } },
    ]);
    const slices = await view("metric = 'accuracy' AND kind = 'realised'");
    assert.deepEqual(Object.fromEntries(slices.map((row) => [row.slice, row.measured_rows])), {
      "": 400,
      "color=green": 200,
      "color=red": 200,
      "new=true": 400,
      "size<=99": 100,
      "99<size<=199": 100,
      "199<size<=299": 100,
      "size>299": 100,
    });
    const [red] = await view("metric = 'roc_auc' AND slice = 'color=red'");
    const even = (values: readonly number[]): number[] => values.filter((_, at) => at % 2 === 0);
    const own = measurePerformance({
      kind: "binary",
      scores: Float64Array.from(even(day.scores)),
      predicted: Uint8Array.from(even(day.scores), (score) => (score >= 0.5 ? 1 : 0)),
      labels: Uint8Array.from(even(day.labels)),
    });
    assert.equal(red?.value, own.metrics.roc_auc?.value);
    const [compared] = await selectRows<{ gain: number; verdict: string }>(
      client,
      `SELECT reference_gain AS gain, reference_verdict AS verdict FROM ${DATABASE}.performance WHERE slice = '' AND metric = 'roc_auc'`,
    );
    assert.deepEqual(compared, { gain: 0, verdict: "no_difference" });
    assert.deepEqual(monitor.proposals("m", ["1.0.0"]), [
      { cause: "labels", labelsTotal: 400, windows: [], referenceId: null },
    ]);
  });

  it("draw the same requests each time, for all versions alike, and nothing that came later", async () => {
    const requests = Array.from({ length: 400 }, (_, at) => at);
    await storePredictions(
      client,
      DATABASE,
      requests.flatMap((at) =>
        ["1.0.0", "2.0.0"].map((version, index) => ({
          number: index * 1_000 + at + 1,
          atMs: at,
          version,
          requestId: `r${at}`,
          value: at / 400,
          numbers: [at, 0, 0],
        })),
      ),
    );
    await storeLabels(
      client,
      DATABASE,
      requests.map((at) => ({ seq: at + 1, requestId: `r${at}`, label: "yes" })),
    );
    const rows = new PerformanceRows(client, DATABASE);
    const drawn = async (version: string, labelsSeq = 400): Promise<number[]> => {
      const upTo = { labels: { epoch: 1, seq: labelsSeq }, predictions: { epoch: 1, seq: 2_000 } };
      const [fromMs, toMs] = [START_MS, START_MS + DAY_MS];
      const window = { model: "m", version, variant: "", fromMs, toMs, upTo, oneIn: 4 };
      const slices = [{ name: "size", kind: "number", index: 0 }] as const;
      const found = await rows.labelled({ ...window, classes: ["no", "yes"], slices, rowsMax: 1_000 });
      if (labelsSeq === 400) assert.equal((await rows.scores(window)).length, found.rows);
      return [...(found.slices[0]?.values ?? [])];
    };
    const first = await drawn("1.0.0");
    assert.ok(first.length > 60 && first.length < 140, `${first.length} of 400 in four`);
    assert.deepEqual(await drawn("1.0.0"), first);
    assert.deepEqual(await drawn("2.0.0"), first);
    assert.deepEqual(
      await drawn("1.0.0", 200),
      first.filter((at) => at < 200),
    );
  });
});

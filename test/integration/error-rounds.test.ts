/**
 * Errors of labelled predictions under streaming detectors, over a real ClickHouse: which rows are read as what, up to which
 * position, and that a round that is done again by another process gives the same to the bit.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import type { LabelPositions } from "../../engine/core/labelled-rows.ts";
import { parseManifest } from "../../engine/core/manifest.ts";
import type { WatchedErrors } from "../../engine/monitor/detectors/error-news.ts";
import { PageHinkley } from "../../engine/monitor/detectors/page-hinkley.ts";
import { PerformanceMonitor } from "../../engine/monitor/performance/performance-monitor.ts";
import { type ClickHouse, selectRows } from "../../storage/clickhouse.ts";
import { MIGRATIONS } from "../../storage/migrations.ts";
import { PerformanceStore } from "../../storage/performance-store.ts";
import { PredictionErrorStore } from "../../storage/prediction-error-store.ts";
import {
  DAY_MS,
  START_MS,
  storeLabels,
  storePredictions,
  type TableLabel,
  type TablePrediction,
} from "../support/label-tables.ts";
import { MIXED } from "../support/manifests.ts";
import { performancePorts } from "../support/performance-ports.ts";
import { createRandom } from "../support/random.ts";
import { startTestTables, type TestTables } from "../support/test-tables.ts";

const DATABASE = "millrace";
const MANIFEST = parseManifest({ ...MIXED, name: "m" });
const LATER_MS = 10_000;
const PER_DAY = 500;
const DAYS = 3;
/** Prediction from which on most are wrong. */
const CHANGE = PER_DAY + 200;
const DETECTOR = { threshold: 50, warm_up: 300 };
const ALL: LabelPositions = { labels: { epoch: 9, seq: 0 }, predictions: { epoch: 9, seq: 0 } };

interface ErrorRow {
  readonly window_end: string;
  readonly detector_rows: number;
  readonly detector_alarms: readonly { readonly detector: string; readonly drift_at: string }[];
  readonly state: string;
}

describe("errors under streaming detectors", () => {
  let tables: TestTables;
  let client: ClickHouse;
  let told: WatchedErrors[] = [];
  const warnings: string[] = [];

  before(async () => {
    tables = await startTestTables(DATABASE);
    client = tables.client;
  });
  after(async () => tables?.remove());
  beforeEach(async () => {
    await tables.truncate("predictions", "labels", "performance_reports");
    told = [];
  });

  /** Of the first day, as [error, ms from START_MS]. */
  async function readErrors(classes: readonly string[], upTo = ALL): Promise<[number, number][]> {
    const span = { model: "m", version: "1.0.0", variant: "", fromMs: START_MS, toMs: START_MS + DAY_MS };
    const errors = new PredictionErrorStore(client, DATABASE).asOf(upTo, classes);
    const rows = await errors.count(span);
    const found: [number, number][] = [];
    for await (const { values, madeMs } of errors.read(span, rows))
      for (const [at, value] of values.entries()) found.push([value, (madeMs[at] as number) - START_MS]);
    assert.equal(found.length, rows);
    return found;
  }

  async function store(
    predictions: readonly TablePrediction[],
    labels: readonly TableLabel[],
  ): Promise<void> {
    await storePredictions(client, DATABASE, predictions);
    await storeLabels(client, DATABASE, labels);
  }

  it("are 0 and 1 of classes, by the label that counts, in the order of predictions", async () => {
    await store(
      [
        { number: 1, atMs: 50, predicted: "yes" },
        { number: 2, atMs: 40, predicted: "yes" },
        { number: 3, atMs: 30, predicted: "no" },
        { number: 4, atMs: 20, predicted: "no", variant: "b" },
        { number: 5, atMs: 10, predicted: "no" },
        { number: 6, atMs: 5, predicted: "perhaps" },
        { number: 7, atMs: 4, predicted: "no" },
        { number: 8, atMs: DAY_MS, predicted: "no" },
        { number: 9, atMs: 3, predicted: "yes", version: "2.0.0" },
        { number: 10, atMs: 2, predicted: "no" },
      ],
      [
        { seq: 1, number: 1, label: "no" },
        { seq: 2, number: 2, label: true },
        { seq: 3, number: 3, label: false },
        { seq: 4, number: 4, label: "yes" },
        { seq: 5, number: 5, label: "yes" },
        { seq: 6, number: 6, label: "yes" },
        { seq: 7, number: 7, label: "maybe" },
        { seq: 8, number: 8, label: "yes" },
        { seq: 9, number: 9, label: "yes" },
        { seq: 10, number: 1, label: "yes" },
      ],
    );
    const classes = ["no", "yes"];
    assert.deepEqual(await readErrors(classes), [
      [1, 10],
      [0, 30],
      [0, 40],
      [0, 50],
    ]);
    const before = { labels: { epoch: 1, seq: 9 }, predictions: { epoch: 1, seq: 4 } };
    assert.deepEqual(
      await readErrors(classes, before),
      [
        [0, 30],
        [0, 40],
        [1, 50],
      ],
      "the correction and later predictions are not there yet",
    );
  });

  it("are absolute ones of a regression, without those that no float32 holds", async () => {
    await store(
      [
        { number: 1, atMs: 1, value: 2.5 },
        { number: 2, atMs: 2, value: -1 },
        { number: 3, atMs: 3, value: 1 },
        { number: 4, atMs: 4, value: 1 },
      ],
      [
        { seq: 1, number: 1, label: 3 },
        { seq: 2, number: 2, label: -3 },
        { seq: 3, number: 3, label: 1e300 },
        { seq: 4, number: 4, label: "red" },
      ],
    );
    assert.deepEqual(await readErrors([]), [
      [0.5, 1],
      [2, 2],
    ]);
  });

  function createMonitor(nowMs: () => number): PerformanceMonitor {
    return new PerformanceMonitor({
      ...performancePorts(client, DATABASE),
      settingsOf: async () => ({ error_detectors: [{ kind: "page_hinkley", ...DETECTOR }] }),
      championOf: async () => undefined,
      tell: async () => undefined,
      tellErrors: async (errors) => void told.push(errors),
      now: nowMs,
      logger: pino({ level: "warn" }, { write: (line: string) => void warnings.push(line) }),
    });
  }

  async function storeDays(): Promise<readonly number[]> {
    const random = createRandom(3);
    const rows = Array.from({ length: DAYS * PER_DAY }, (_, at) => {
      const isWrong = random.next() < (at < CHANGE ? 0.1 : 0.7);
      const isYes = random.next() < 0.5;
      return { atMs: madeAt(at), isYes, isWrong };
    });
    const nameOf = (isYes: boolean): string => (isYes ? "yes" : "no");
    await store(
      rows.map(({ atMs, isYes }, at) => ({ number: at + 1, atMs, predicted: nameOf(isYes) })),
      rows.map(({ isYes, isWrong }, at) => ({
        seq: at + 1,
        number: at + 1,
        label: nameOf(isYes !== isWrong),
      })),
    );
    return rows.map(({ isWrong }) => Number(isWrong));
  }

  const madeAt = (at: number): number => Math.floor((at * DAY_MS) / PER_DAY);

  async function reports(): Promise<ErrorRow[]> {
    return selectRows<ErrorRow>(
      client,
      `SELECT window_end, detector_rows, detector_alarms, state FROM ${DATABASE}.performance_reports
       WHERE kind = 'errors' ORDER BY window_end SETTINGS output_format_json_quote_64bit_integers = 0`,
    );
  }

  it("give what the whole stream gives at once, whoever goes on, and stay apart from the metrics", async () => {
    const errors = await storeDays();
    const detector = new PageHinkley(DETECTOR);
    const changes = errors.flatMap((error, at) => (detector.update(error) ? [START_MS + madeAt(at)] : []));
    assert.equal(changes.length, 1);
    let nowMs = 0;
    const round = async (monitor: PerformanceMonitor, day: number): Promise<void> => {
      nowMs = START_MS + day * DAY_MS + LATER_MS;
      await monitor.round([{ manifest: MANIFEST }], nowMs);
    };
    await round(
      createMonitor(() => nowMs),
      DAYS,
    );
    const whole = await reports();
    await client.command({ query: `TRUNCATE TABLE ${DATABASE}.performance_reports` });
    for (let day = 1; day <= DAYS; day++)
      await round(
        createMonitor(() => nowMs),
        day,
      );
    await round(
      createMonitor(() => nowMs),
      DAYS,
    );
    assert.deepEqual(warnings, []);
    assert.deepEqual(await reports(), whole);
    assert.deepEqual(
      whole.map((row) => row.detector_rows),
      [PER_DAY, PER_DAY, PER_DAY],
    );
    const found = whole.flatMap(({ detector_alarms }) => detector_alarms);
    assert.deepEqual(
      found.map(({ detector: kind, drift_at }) => [kind, Date.parse(`${drift_at}Z`)]),
      changes.map((at) => ["page_hinkley", at]),
    );
    const { states } = JSON.parse(whole.at(-1)?.state ?? "") as {
      states: { readonly page_hinkley: unknown };
    };
    assert.deepEqual(states.page_hinkley, JSON.parse(JSON.stringify(detector)));
    assert.equal(told.at(-1)?.latest.endMs, START_MS + DAYS * DAY_MS);

    const store = new PerformanceStore(client, DATABASE);
    const [latest, ...others] = await store.latestErrors("m");
    assert.deepEqual(others, []);
    assert.deepEqual([latest?.["model_version"], latest?.["detector_alarms"]], ["1.0.0", []]);
    const [kinds] = await selectRows<{ kinds: string[] }>(
      client,
      `SELECT groupUniqArray(toString(kind)) AS kinds FROM ${DATABASE}.performance`,
    );
    assert.deepEqual(kinds?.kinds, ["realised"]);
  });

  it("come to a database of before, whose reports stay, and a migration that runs again does no harm", async () => {
    const old = "before";
    await client.command({ query: `CREATE DATABASE ${old}` });
    const run = async (ids: (id: number) => boolean): Promise<void> => {
      for (const { id, statements } of MIGRATIONS)
        for (const statement of ids(id) ? statements : [])
          await client.command({ query: statement.replaceAll("{database}", old) });
    };
    await run((id) => id < 13);
    const values = ["window", "realised"].map((kind) => ({
      kind,
      model_name: "m",
      computation: 1,
      value: 1,
    }));
    await client.insert({ table: `${old}.performance_reports`, values, format: "JSONEachRow" });
    await run((id) => id === 13);
    await run((id) => id === 13);
    const errors = [{ kind: "errors", model_name: "m", computation: 1, detector_rows: 7 }];
    await client.insert({ table: `${old}.performance_reports`, values: errors, format: "JSONEachRow" });
    const read = async (query: string) => selectRows<Record<string, unknown>>(client, query);
    assert.deepEqual(await read(`SELECT kind, value FROM ${old}.performance`), [
      { kind: "realised", value: 1 },
    ]);
    assert.deepEqual(
      await read(
        `SELECT kind, toUInt32(detector_rows) AS rows FROM ${old}.performance_reports ORDER BY kind`,
      ),
      [
        { kind: "window", rows: 0 },
        { kind: "realised", rows: 0 },
        { kind: "errors", rows: 7 },
      ],
    );
  });
});

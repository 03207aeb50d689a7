/** Streaming detectors over the errors of labelled predictions: each read once, in order, whatever comes late and whoever is killed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseManifest } from "../../../../../engine/core/manifest.ts";
import type { ChangeEvent } from "../../../../../engine/monitor/detectors/change-news.ts";
import { toErrorEvents, toErrorObservations } from "../../../../../engine/monitor/detectors/error-news.ts";
import { PageHinkley } from "../../../../../engine/monitor/detectors/page-hinkley.ts";
import type { ScoreWatch } from "../../../../../engine/monitor/detectors/score-watch.ts";
import { parseMonitorSettings, settingsInForce } from "../../../../../engine/monitor/monitor-settings.ts";
import type { PerformanceMonitor } from "../../../../../engine/monitor/performance/performance-monitor.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { MIXED } from "../../../../support/manifests.ts";
import { PerformanceTables, type Report } from "../../../../support/performance-tables.ts";
import { createRandom } from "../../../../support/random.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 0, 5);
const PER_DAY = 600;
const LATER_MS = 10_000;
/** Prediction from which on two in three are wrong instead of one in ten. */
const CHANGE = 2 * PER_DAY + 100;
const MANIFEST = parseManifest({ ...MIXED, name: "m" });
const DETECTOR = { kind: "page_hinkley", threshold: 50, warm_up: 300 };

/** Predictions of some days with their labels, which are told of by their place. */
class Days {
  readonly tables = new PerformanceTables();
  readonly labels: readonly number[];
  readonly errors: readonly number[];

  constructor(days: number, seed = 7) {
    const random = createRandom(seed);
    const rows = Array.from({ length: days * PER_DAY }, (_, at) => {
      const score = random.next();
      const isWrong = random.next() < (at < CHANGE ? 0.1 : 0.66);
      return { atMs: atMs(at), score, label: Number(score >= 0.5 !== isWrong), error: Number(isWrong) };
    });
    this.tables.settings = { error_detectors: [DETECTOR] };
    this.tables.predict(rows);
    this.labels = rows.map(({ label }) => label);
    this.errors = rows.map(({ error }) => error);
  }

  /** Labels the predictions from `first` up to `end`. */
  label(first: number, end: number, isWrong = false): void {
    for (let at = first; at < end; at++) {
      const label = this.labels[at] as number;
      this.tables.label(at, isWrong ? 1 - label : label);
    }
  }

  async round(passedMs: number, monitor: PerformanceMonitor = this.tables.monitor()): Promise<void> {
    this.tables.nowMs = START_MS + passedMs;
    await monitor.round([{ manifest: MANIFEST }], this.tables.nowMs);
  }

  /** Each event once, whoever told it how often. */
  told(): ChangeEvent[] {
    const events = this.tables.toldErrors.flatMap(toErrorEvents);
    return [...new Map(events.map((event) => [event.id, event])).values()];
  }

  /** By the ends of the windows, in days. */
  read(): [day: number, rows: unknown][] {
    return this.tables
      .errors()
      .map((row) => [((row["window_end"] as number) * 1000 - START_MS) / DAY_MS, row["detector_rows"]]);
  }
}

function atMs(at: number): number {
  return START_MS + (at * DAY_MS) / PER_DAY;
}

/** When the predictions were made at which a detector finds a change that reads all of these errors at once. */
function changesIn(errors: readonly number[]): { readonly atMs: number[]; readonly state: unknown } {
  const { kind: _, ...options } = DETECTOR;
  const detector = new PageHinkley({ ...options });
  const found = [...errors.keys()].filter((at) => detector.update(errors[at] as number)).map(atMs);
  return { atMs: found, state: detector.toJSON() };
}

function watchOf(row: Report | undefined): ScoreWatch {
  return JSON.parse(row?.["state"] as string) as ScoreWatch;
}

describe("errors under streaming detectors", () => {
  it("are read window by window in the order of predictions, and give what the whole stream gives at once", async () => {
    const days = new Days(4);
    days.label(0, 4 * PER_DAY);
    for (let day = 1; day <= 4; day++) await days.round(day * DAY_MS + LATER_MS);
    assert.deepEqual(
      days.read(),
      [1, 2, 3, 4].map((day) => [day, PER_DAY]),
    );
    const expected = changesIn(days.errors);
    assert.equal(expected.atMs.length, 1);
    assert.ok((expected.atMs[0] ?? 0) > atMs(CHANGE));
    const alarms = days.tables.errors().flatMap((row) => watchOf(row).latest.alarms);
    assert.deepEqual(
      alarms,
      expected.atMs.map((at) => ({ detector: "page_hinkley", atMs: at })),
    );
    assert.deepEqual(watchOf(days.tables.errors().at(-1)).states.page_hinkley, expected.state);
    const [event, ...others] = days.told();
    assert.deepEqual(others, []);
    assert.deepEqual(event?.body, {
      model_name: "m",
      model_version: "1.0.0",
      variant: null,
      detector: "page_hinkley",
      column: "error",
      drift_at: new Date(expected.atMs[0] ?? 0).toISOString(),
      window_start: new Date(START_MS + 2 * DAY_MS).toISOString(),
      window_end: new Date(START_MS + 3 * DAY_MS).toISOString(),
    });
    const observed = days.tables.toldErrors
      .flatMap(toErrorObservations)
      .filter(({ windowEnd }) => windowEnd === START_MS + 3 * DAY_MS);
    assert.deepEqual(
      [...new Set(observed.map(({ metric, column, value }) => `${metric} ${column} ${value}`))],
      ["performance.detector page_hinkley 1"],
    );
  });

  it("wait until the window is mature, and are read once: labels that come or change later change nothing", async () => {
    const days = new Days(2);
    const monitor = days.tables.monitor();
    days.label(0, PER_DAY / 2);
    await days.round(DAY_MS + LATER_MS, monitor);
    assert.deepEqual(days.read(), [], "half of the labels are no fair sample");
    days.label(PER_DAY / 2, 0.95 * PER_DAY);
    await days.round(DAY_MS + 2 * HOUR_MS, monitor);
    assert.deepEqual(days.read(), [[1, 0.95 * PER_DAY]]);
    const [fed] = days.tables.errors();
    days.label(0.95 * PER_DAY, PER_DAY);
    days.label(0, PER_DAY, true);
    await days.round(DAY_MS + 4 * HOUR_MS, monitor);
    await days.round(DAY_MS + 8 * HOUR_MS);
    const windows = days.tables.reports.filter(({ kind }) => kind === "window");
    assert.deepEqual(
      windows.map((row) => row["labelled_rows"]),
      [PER_DAY / 2, 0.95 * PER_DAY, PER_DAY],
      "its metrics follow the labels",
    );
    assert.deepEqual(days.tables.errors(), [fed]);
    days.label(PER_DAY, 2 * PER_DAY);
    await days.round(2 * DAY_MS + LATER_MS);
    const [, second] = days.tables.errors();
    const states = changesIn([
      ...days.errors.slice(0, 0.95 * PER_DAY),
      ...days.errors.slice(PER_DAY, 2 * PER_DAY),
    ]);
    assert.deepEqual(watchOf(second).states.page_hinkley, states.state, "it goes on where it was");
  });

  it("of a window that is mature after a later one are not read, so their order is that of time", async () => {
    const days = new Days(3);
    days.label(PER_DAY, 2 * PER_DAY);
    await days.round(2 * DAY_MS + LATER_MS);
    assert.deepEqual(days.read(), [[2, PER_DAY]]);
    days.label(0, PER_DAY);
    await days.round(2 * DAY_MS + 2 * HOUR_MS);
    days.label(2 * PER_DAY, 3 * PER_DAY);
    await days.round(3 * DAY_MS + LATER_MS);
    assert.deepEqual(days.read(), [
      [2, PER_DAY],
      [3, PER_DAY],
    ]);
  });

  it("give the same to the bit when rounds are killed anywhere, and all that was found is told", async (t) => {
    const seed = createRandom().between(1, 1_000_000);
    t.diagnostic(`seed ${seed}`);
    const random = createRandom(seed);
    const [whole, killed] = [new Days(4), new Days(4)];
    for (let day = 1; day <= 4; day++) {
      for (const days of [whole, killed]) days.label((day - 1) * PER_DAY, day * PER_DAY);
      await whole.round(day * DAY_MS + LATER_MS);
      for (let tries = 0; tries < 4; tries++) {
        killed.tables.failure = (["before", "after", "tell", "tell errors", "read"] as const)[
          random.between(0, 4)
        ] as PerformanceTables["failure"];
        await killed.round(day * DAY_MS + LATER_MS + tries);
      }
      killed.tables.failure = "none";
      await killed.round(day * DAY_MS + LATER_MS + 10);
    }
    assert.equal(whole.tables.errors().length, 4);
    assert.deepEqual(killed.tables.errors(), whole.tables.errors());
    assert.equal(whole.told().length, 1);
    assert.deepEqual(killed.told(), whole.told());
  });

  it("of each variant are a series of their own, of one without labels nothing", async () => {
    const days = new Days(1);
    days.tables.predict(
      Array.from({ length: 60 }, (_, at) => ({
        atMs: START_MS + at,
        score: 0.9,
        variant: at < 30 ? "b" : "c",
      })),
    );
    days.label(0, PER_DAY);
    for (let at = PER_DAY; at < PER_DAY + 30; at++) days.tables.label(at, at % 2);
    const monitor = days.tables.monitor();
    await days.round(DAY_MS + LATER_MS, monitor);
    assert.deepEqual(
      days.tables.errors().map((row) => [row["variant"], row["detector_rows"]]),
      [
        ["", PER_DAY],
        ["b", 30],
      ],
      "fewer rows than metrics need are read all the same",
    );
    assert.deepEqual(
      monitor.latestErrors().map(({ variant, latest }) => [variant, latest.counts]),
      [
        [null, { page_hinkley: 0 }],
        ["b", { page_hinkley: 0 }],
      ],
    );
  });

  it("are read by Page-Hinkley for growing errors unless told, by none where the list is empty", async () => {
    const [usual] = parseMonitorSettings({}).errorDetectors;
    assert.deepEqual([usual?.kind, usual?.["direction"]], ["page_hinkley", "up"]);
    assert.deepEqual(settingsInForce({})["error_detectors"], parseMonitorSettings({}).errorDetectors);
    assert.throws(
      () => parseMonitorSettings({ error_detectors: [{ kind: "adwin", delta: 7 }] }),
      hasCode("INVALID_REQUEST", /error_detectors\.0\.delta/),
    );
    const days = new Days(1);
    days.tables.settings = { error_detectors: [] };
    days.label(0, PER_DAY);
    await days.round(DAY_MS + LATER_MS);
    assert.deepEqual(days.read(), []);
    assert.equal(days.tables.reports.filter(({ kind }) => kind === "window").length, 1);
  });
});

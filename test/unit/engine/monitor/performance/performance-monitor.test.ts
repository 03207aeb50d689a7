/** Rounds of performance over tables in memory: windows in order, again when labels change, and the same after whatever interrupts them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseManifest } from "../../../../../engine/core/manifest.ts";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import { fitEstimator } from "../../../../../engine/monitor/performance/performance-estimator.ts";
import type { PerformanceVersion } from "../../../../../engine/monitor/performance/performance-version.ts";
import { measurePerformance } from "../../../../../engine/monitor/performance/realised-performance.ts";
import { buildProfile } from "../../../../../engine/monitor/references/reference-builder.ts";
import { watchedColumns } from "../../../../../engine/monitor/references/reference-profile.ts";
import { calibratedRows } from "../../../../support/labelled-rows.ts";
import { MIXED } from "../../../../support/manifests.ts";
import { PerformanceTables } from "../../../../support/performance-tables.ts";
import { createRandom } from "../../../../support/random.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 0, 5);
const PER_DAY = 240;
const LATER_MS = 10_000;
const MANIFEST = parseManifest({ ...MIXED, name: "m" });
const REFERENCE_ROWS = calibratedRows(new SeededRandom(3), 2_000);
const VERSION: PerformanceVersion = {
  manifest: MANIFEST,
  reference: {
    id: "reference",
    profile: buildProfile(
      watchedColumns(MANIFEST).slice(0, 1),
      new Map([["size", Float32Array.from({ length: 500 }, (_, at) => at)]]),
    ),
    metrics: measurePerformance(REFERENCE_ROWS).metrics,
    estimator: fitEstimator(REFERENCE_ROWS, { needsCalibration: false }),
  },
};

/** Calibrated scores of some days; labels that fit, or from `badFrom` on none that do. */
function fill(tables: PerformanceTables, days: number): (at: number, isWrong?: boolean) => void {
  const { scores, labels } = calibratedRows(new SeededRandom(5), days * PER_DAY);
  tables.predict(
    Array.from(scores, (score, at) => ({ score, atMs: START_MS + Math.floor((at * DAY_MS) / PER_DAY) })),
  );
  return (at, isWrong = false) =>
    tables.label(at, isWrong ? 1 - (labels[at] as number) : (labels[at] as number));
}

async function round(tables: PerformanceTables, atMs: number, monitor = tables.monitor()): Promise<void> {
  tables.nowMs = START_MS + atMs;
  await monitor.round([VERSION], tables.nowMs);
}

const valuesOf = (tables: PerformanceTables, metric: string, kind = "realised"): unknown[] =>
  tables
    .latest()
    .filter((row) => row["metric"] === metric && row["kind"] === kind)
    .map((row) => row["value"]);
const windowsOf = (tables: PerformanceTables) => tables.reports.filter(({ kind }) => kind === "window");

describe("rounds of performance", () => {
  it("compute every window once it is over, and say why there is no value", async () => {
    const tables = new PerformanceTables();
    const label = fill(tables, 3);
    for (let at = PER_DAY; at < 2 * PER_DAY; at++) label(at);
    await round(tables, DAY_MS + 1_000);
    assert.equal(tables.reports.length, 0, "predictions in flight may still come");
    await round(tables, 3 * DAY_MS + LATER_MS);
    assert.deepEqual(
      windowsOf(tables).map((row) => [
        row["window_end"],
        row["rows"],
        row["labelled_rows"],
        row["is_mature"],
      ]),
      [1, 2, 3].map((day) => [(START_MS + day * DAY_MS) / 1000, PER_DAY, day === 2 ? PER_DAY : 0, day === 2]),
    );
    const auc = tables.reports.filter((row) => row["metric"] === "roc_auc" && row["kind"] === "realised");
    assert.deepEqual(
      auc.map((row) => [row["window_end"], row["reason"]]),
      [1, 2, 3].map((day) => [
        (START_MS + day * DAY_MS) / 1000,
        day === 2 ? "" : "0 labelled rows, fewer than 100",
      ]),
    );
    assert.equal(valuesOf(tables, "roc_auc", "estimated").length, 2, "what has no labels is estimated");
    const before = tables.asked;
    await round(tables, 3 * DAY_MS + 2 * HOUR_MS);
    assert.equal(tables.asked, before, "nothing is computed twice, after a restart neither");
  });

  it("compute a window again when its labels come late or change, not more than 24 times in its length", async () => {
    const tables = new PerformanceTables();
    const label = fill(tables, 2);
    const monitor = tables.monitor();
    await round(tables, 2 * DAY_MS + LATER_MS, monitor);
    for (let at = 0; at < PER_DAY; at++) label(at, true);
    await round(tables, 2 * DAY_MS + 2 * LATER_MS, monitor);
    assert.equal(windowsOf(tables).length, 2, "it waits");
    await round(tables, 2 * DAY_MS + HOUR_MS + LATER_MS, monitor);
    assert.equal(windowsOf(tables).length, 3, "only the window whose labels came");
    const [wrong] = valuesOf(tables, "roc_auc").filter((value) => value !== null);
    assert.ok((wrong as number) < 0.5);
    for (let at = 0; at < PER_DAY; at++) label(at);
    await round(tables, 2 * DAY_MS + 3 * HOUR_MS, monitor);
    const [right] = valuesOf(tables, "roc_auc").filter((value) => value !== null);
    assert.ok((right as number) > 0.5);
    assert.equal(windowsOf(tables).length, 4, "the history is kept");
  });

  it("mark windows that lack labels, and propose to retrain on mature ones only", async () => {
    const tables = new PerformanceTables();
    const label = fill(tables, 1);
    const monitor = tables.monitor();
    for (let at = 0; at < PER_DAY / 2; at++) label(at, true);
    await round(tables, DAY_MS + LATER_MS, monitor);
    const causes = () => monitor.proposals("m", ["1.0.0"]).map(({ cause }) => cause);
    assert.equal(windowsOf(tables)[0]?.["is_mature"], false);
    assert.deepEqual(causes(), ["labels"]);
    assert.deepEqual(tables.told, []);
    await round(tables, 31 * DAY_MS - HOUR_MS, monitor);
    assert.equal(windowsOf(tables).length, 31 - 1, "later windows have no predictions");
    await round(tables, 31 * DAY_MS + LATER_MS, monitor);
    const first = windowsOf(tables).filter((row) => row["window_end"] === (START_MS + DAY_MS) / 1000);
    assert.deepEqual(
      first.map((row) => row["is_mature"]),
      [false, true],
      "it is old enough",
    );
    const found = monitor
      .proposals("m", ["1.0.0"])
      .find((one) => one.cause === "performance" && one.metric === "roc_auc");
    assert.ok(found?.cause === "performance" && found.gain < -0.1 && (found.gainHigh ?? 0) < 0);
    assert.deepEqual(found.windows, [{ fromMs: START_MS, toMs: START_MS + DAY_MS }]);
    assert.deepEqual([found.referenceId, found.numbers?.["labelled_rows"]], ["reference", PER_DAY / 2]);
    assert.ok(
      tables.told.some(({ metric, value }) => metric === "performance.below_reference" && value > 0.1),
    );
    assert.ok(monitor.latest().some(({ metric }) => metric === "performance.roc_auc"));
    assert.deepEqual(
      monitor.proposals("m", ["2.0.0"]).map(({ cause }) => cause),
      ["labels"],
    );
  });

  it("go on when the answer to an insert was lost, and tell what was stored", async () => {
    const tables = new PerformanceTables();
    const label = fill(tables, 2);
    for (let at = 0; at < 2 * PER_DAY; at++) label(at);
    const monitor = tables.monitor();
    tables.failure = "after";
    await round(tables, 2 * DAY_MS + LATER_MS, monitor);
    assert.deepEqual([windowsOf(tables).length, tables.told.length], [1, 0]);
    await round(tables, 2 * DAY_MS + 2 * LATER_MS, monitor);
    assert.equal(windowsOf(tables).length, 2);
    assert.equal(new Set(tables.told.map(({ windowEnd }) => windowEnd)).size, 2);
  });

  it("an old window that changes is no news of how the version does now", async () => {
    const tables = new PerformanceTables();
    const label = fill(tables, 2);
    for (let at = 0; at < 2 * PER_DAY; at++) label(at);
    const monitor = tables.monitor();
    await round(tables, 2 * DAY_MS + LATER_MS, monitor);
    const now = monitor.latest();
    for (let at = 0; at < PER_DAY; at++) label(at, true);
    await round(tables, 2 * DAY_MS + 2 * HOUR_MS, monitor);
    assert.equal(windowsOf(tables).length, 3);
    assert.deepEqual(monitor.latest(), now);
    assert.ok(now.every(({ windowEnd }) => windowEnd === START_MS + 2 * DAY_MS));
  });

  it("take what is usual for the model as whole", async () => {
    const tables = new PerformanceTables();
    tables.usualShare = 0.5;
    const label = fill(tables, 1);
    for (let at = 0; at < 0.46 * PER_DAY; at++) label(at);
    await round(tables, DAY_MS + LATER_MS);
    assert.equal(windowsOf(tables)[0]?.["is_mature"], true);
  });

  it("forget labels of windows beyond the horizon, and measure what a variant has", async () => {
    const tables = new PerformanceTables();
    tables.settings = { performance: { horizon: "30d" } };
    const label = fill(tables, 1);
    tables.predict(
      Array.from({ length: 150 }, (_, at) => ({ atMs: START_MS + at, score: at / 150, variant: "b" })),
    );
    const monitor = tables.monitor();
    for (let at = PER_DAY; at < PER_DAY + 150; at++) tables.label(at, at % 2);
    await round(tables, DAY_MS + LATER_MS, monitor);
    const variants = tables
      .latest()
      .filter((row) => row["metric"] === "accuracy" && row["kind"] === "realised");
    assert.deepEqual(
      variants.map((row) => [row["variant"], row["rows"], row["measured_rows"] ?? 0]),
      [
        ["", PER_DAY, 0],
        ["b", 150, 150],
      ],
    );
    await round(tables, 40 * DAY_MS, monitor);
    const before = windowsOf(tables).filter((row) => row["rows"] !== 0).length;
    label(0);
    await round(tables, 41 * DAY_MS, monitor);
    assert.equal(windowsOf(tables).filter((row) => row["rows"] !== 0).length, before);
  });

  it("give the same reports to the bit when they are killed anywhere, whatever comes meanwhile", async (t) => {
    const random = createRandom();
    t.diagnostic(`TEST_SEED=${random.seed}`);
    const days = 6;
    const [whole, killed] = [new PerformanceTables(), new PerformanceTables()];
    const labels = [fill(whole, days), fill(killed, days)];
    let monitor = killed.monitor();
    for (let hour = 1; hour < days * 24 + 48; hour += random.between(1, 6)) {
      const [first, count, isWrong] = [
        random.between(0, days * PER_DAY - 1),
        random.between(0, 100),
        random.between(0, 2) === 0,
      ];
      for (const label of labels)
        for (let at = first; at < Math.min(first + count, days * PER_DAY); at++) label(at, isWrong);
      killed.failure = (["none", "before", "after", "tell", "read"] as const)[random.between(0, 4)] ?? "none";
      if (random.between(0, 3) === 0) monitor = killed.monitor();
      await round(killed, hour * HOUR_MS, monitor);
    }
    killed.failure = "none";
    const endMs = (days * 24 + 60) * HOUR_MS;
    for (const restartMs of [0, 2 * HOUR_MS]) {
      await round(killed, endMs + restartMs);
      await round(whole, endMs + restartMs);
    }
    assert.ok(whole.latest().length > days * 9);
    assert.deepEqual(killed.latest(), whole.latest());
    assert.ok(windowsOf(killed).length > windowsOf(whole).length, "windows were computed again");
    const news = (tables: PerformanceTables): Map<string, number> =>
      new Map(tables.told.map(({ metric, windowEnd, value }) => [`${metric} ${windowEnd}`, value]));
    for (const [series, value] of news(whole)) assert.equal(news(killed).get(series), value, series);
  });

  it("leave a model alone whose settings are wrong", async () => {
    const tables = new PerformanceTables();
    fill(tables, 1);
    tables.settings = { performance: { slices: ["a", "a"] } };
    await round(tables, 2 * DAY_MS);
    assert.equal(tables.reports.length, 0);
    tables.settings = { performance: { mature_after: "100d" } };
    await round(tables, 2 * DAY_MS);
    assert.equal(tables.reports.length, 0);
  });
});

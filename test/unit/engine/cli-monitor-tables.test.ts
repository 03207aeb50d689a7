/** What `millrace monitor show` prints of answers that a running engine gives rarely: champions, estimates, parts that are missing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { monitorLines, type Overview } from "../../../engine/cli-monitor-tables.ts";
import { latencyReport } from "../../../engine/monitor/service/latency-report.ts";
import { objectiveLevel } from "../../../engine/monitor/service/objective-level.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 20);
const COLUMNS_MAX = 100;
const WINDOW = { window_start: "2026-11-20T00:00:00.000Z", window_end: "2026-11-21T00:00:00.000Z" };

const EMPTY: Overview = {
  model_name: "card-fraud",
  drift: [],
  performance: [],
  error_detectors: [],
  latency: latency([]),
  sla: [],
};

function latency(p99s: readonly number[]): Overview["latency"] {
  const steps = p99s.map((p99) => ({
    time: START_MS,
    rows: 1_000,
    latency_ms: [1, 4, p99] as const,
    queue_ms: [0.25, 2, 5] as const,
    inference_ms: [0.75, 2, p99 / 2] as const,
  }));
  const [step] = steps;
  const span = { from: START_MS, to: START_MS + HOUR_MS, step: "hour" as const };
  const errors = [
    { time: START_MS, code: "QUEUE_FULL", count: 8 },
    { time: START_MS, code: "INVALID_REQUEST", count: 3 },
  ] as const;
  const report = latencyReport({
    ...span,
    traffic: { steps, total: step },
    errors: step === undefined ? [] : errors,
  });
  return { from: report.from, to: report.to, ...report.total };
}

type Reports = Extract<Overview["performance"], readonly unknown[]>;

const REPORT: Reports[number] = {
  ...WINDOW,
  model_version: "1.1.0",
  variant: "",
  kind: "realised",
  rows: 1_300,
  labelled_rows: 1_200,
  is_mature: true,
  champion_version: "1.0.0",
  metrics: {
    accuracy: {
      value: 0.91234,
      interval: { low: 0.9001, high: 0.9239 },
      reference: { value: 0.9, gain: 0.01234, verdict: "better" },
      champion: { value: 0.93, gain: -0.01766, verdict: "worse" },
    },
    roc_auc: {
      value: 0.95,
      interval: { low: 0.94, high: 0.96 },
      reference: { value: 0.95, gain: 0, verdict: "no_difference" },
      champion: { value: 0.9, gain: 0.05, verdict: null },
    },
    f1: { value: null, reason: "no row was predicted \u001b[31mpositive" },
  },
};

function linesOf(part: Partial<Overview>): string[] {
  const lines = monitorLines({ ...EMPTY, ...part });
  for (const line of lines) assert.ok(Array.from(line).length <= COLUMNS_MAX, line);
  return lines;
}

describe("monitor show", () => {
  it("of a model that nothing is known of says what each part takes", () => {
    assert.deepEqual(linesOf({}), [
      "no window of card-fraud was judged yet: it takes a reference, and a window of predictions after it",
      "(millrace reference create card-fraud, millrace monitor settings card-fraud)",
      "",
      "no window of card-fraud was measured yet: labels come with POST /labels or millrace labels import",
      "",
      "served, 2026-11-20 00:00 to 2026-11-20 01:00 UTC",
      "0 predictions, 0 a second, 0 errors",
      "",
      "no service-level objective of card-fraud yet: millrace slo apply <file>",
    ]);
  });

  it("has metrics in the order of their table, with marks of how they compare", () => {
    const lines = linesOf({ performance: [REPORT] });
    const from = lines.findIndex((line) => line.includes("performance, "));
    assert.deepEqual(lines.slice(from, from + 6), [
      "card-fraud 1.1.0: performance, 2026-11-20 00:00 to 2026-11-21 00:00 UTC",
      "1,200 of 1,300 predictions labelled",
      "metric    value   95 % interval                       reference        champion 1.0.0",
      "ROC AUC   0.95    0.94 to 0.96                        = 0.95 (0)         0.9 (+0.05)",
      "accuracy  0.9123  0.9001 to 0.9239                    ▲ 0.9 (+0.0123)  ▼ 0.93 (-0.0177)",
      "F1                no row was predicted \ufffd[31mpositive",
    ]);
  });

  it("says in one line why nothing was measured, and names estimates and what is incomplete", () => {
    const nothing = { value: null, reason: "3 labelled rows, fewer than 100" };
    const few: Reports[number] = {
      ...REPORT,
      variant: "b",
      labelled_rows: 3,
      is_mature: false,
      metrics: { roc_auc: nothing, accuracy: nothing },
    };
    const estimated: Reports[number] = {
      ...few,
      kind: "estimated",
      metrics: { roc_auc: { value: 0.9, interval: { low: 0.8, high: 1 } } },
    };
    const lines = linesOf({ performance: [few, estimated] });
    const from = lines.findIndex((line) => line.includes("performance, "));
    const window = "2026-11-20 00:00 to 2026-11-21 00:00 UTC";
    const labelled = "3 of 1,300 predictions labelled, more to come";
    assert.deepEqual(lines.slice(from, from + 8), [
      `card-fraud 1.1.0 b: performance, ${window}`,
      labelled,
      "nothing is measured: 3 labelled rows, fewer than 100",
      "",
      `card-fraud 1.1.0 b: estimated performance, ${window}`,
      labelled,
      "metric   value  interval",
      "ROC AUC  0.9    0.8 to 1",
    ]);
  });

  it("has latencies by stage with small bars, and what failed by code", () => {
    const lines = linesOf({ latency: latency([8]) });
    const from = lines.indexOf("served, 2026-11-20 00:00 to 2026-11-20 01:00 UTC");
    assert.deepEqual(lines.slice(from + 1, from + 7), [
      "1,000 predictions, 0.278 a second, 8 errors (0.8 %)",
      "failed, also by the caller's fault: QUEUE_FULL 8, INVALID_REQUEST 3",
      "stage              p50 ms  p95 ms  p99 ms",
      "arrival to answer  1       4       8       ▁▄█",
      "queue              0.25    2       5       ▁▂▅",
      "inference          0.75    2       4       ▁▂▄",
    ]);
  });

  it("has a line for each objective, kept, missed or without figures", async () => {
    const of = async (name: string, target: number, value: number | null) =>
      objectiveLevel(
        {
          name,
          model: "card-fraud",
          indicator: { kind: "min_metric", metric: "log_loss", bound: 0.3, window: "1d" },
          target,
          period: "28d",
        },
        {
          readMinutes: async () => assert.fail("it is of no minutes"),
          readMetric: async () => [
            { time: START_MS, value: { value: 0.1 } },
            { time: START_MS, value: { value } },
          ],
        },
        START_MS + HOUR_MS,
      );
    const none = {
      ...(await of("quiet", 0.9, null)),
      compliance: null,
      is_met: null,
      error_budget_left: null,
    };
    const lines = linesOf({ sla: [await of("kept", 0.4, 0.4), await of("missed", 0.9, 0.4), none] });
    assert.deepEqual(lines.slice(-4), [
      "  objective  good is              target  kept              budget left          over",
      "✓ kept       1d, log_loss <= 0.3  40 %    50 %              ██········ 16.7 %    28d",
      "✗ missed     1d, log_loss <= 0.3  90 %    50 %              ·········· -400.0 %  28d",
      "  quiet      1d, log_loss <= 0.3  90 %    nothing to count                       28d",
    ]);
  });

  it("names the first change of a window, and how many more there are", () => {
    const alarm = (minute: number) => ({
      detector: "page_hinkley",
      drift_at: `2026-11-20 10:${String(minute).padStart(2, "0")}:00.000`,
    });
    const changes = {
      model_version: "1.1.0",
      variant: "",
      window_start: "2026-11-20 00:00:00",
      window_end: "2026-11-21 00:00:00",
      detector_rows: "1200",
      detector_alarms: [alarm(1), alarm(2), alarm(3)],
    };
    const lines = linesOf({ error_detectors: [changes, { ...changes, variant: "b", detector_alarms: [] }] });
    assert.deepEqual(lines.slice(3, 6), [
      "changes in  version  window up to      read   found by streaming detectors",
      "errors      1.1.0    2026-11-21 00:00  1,200  page_hinkley 2026-11-20 10:01, 2 more",
      "errors      1.1.0 b  2026-11-21 00:00  1,200  none",
    ]);
  });

  it("says of a part that cannot be had why, and shows the others", () => {
    const error = { error: { code: "SERVICE_UNAVAILABLE", message: "ClickHouse: away" } };
    const lines = linesOf({ drift: error, performance: error, error_detectors: error, sla: error });
    assert.deepEqual(lines, [
      "drift: ClickHouse: away",
      "",
      "performance: ClickHouse: away",
      "",
      "served, 2026-11-20 00:00 to 2026-11-20 01:00 UTC",
      "0 predictions, 0 a second, 0 errors",
      "",
      "service levels: ClickHouse: away",
    ]);
  });
});

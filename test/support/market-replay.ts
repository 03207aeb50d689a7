/**
 * A replay of scored rows week by week, as a monitor goes through them: drift of each week against the rows before, realised
 * performance once labels have come, estimated performance at once, and whether that is a reason to retrain.
 *
 *     reference rows │ week 1 │ week 2 │ …        the labels of a week come a week after its end
 *
 * Everything is the engine's, but for the tables, which are in memory, and for the clock, which follows the rows: half an
 * hour each. Metrics are compared with those of the first METRIC_WEEKS weeks, since the reference rows are those that the
 * model was trained on. Nobody trains: jobs expire, and the same model meets all weeks.
 */
import { type JobRecord, NO_JOBS, withExpiry } from "../../engine/core/retrain-job.ts";
import type { WatchedVersion } from "../../engine/monitor/drift/count-keeper.ts";
import type { JudgedWindow } from "../../engine/monitor/drift/drift-monitor.ts";
import { toOpenIncident, toProposals } from "../../engine/monitor/drift/drift-news.ts";
import type { MeasuredColumn } from "../../engine/monitor/drift/window-measures.ts";
import { estimateFromRows } from "../../engine/monitor/performance/estimated-performance.ts";
import { type BinaryRows, predictAt } from "../../engine/monitor/performance/labelled-rows.ts";
import { compareMetric } from "../../engine/monitor/performance/metric-comparison.ts";
import type { MetricValue } from "../../engine/monitor/performance/metric-value.ts";
import { fitEstimator } from "../../engine/monitor/performance/performance-estimator.ts";
import { measurePerformance } from "../../engine/monitor/performance/realised-performance.ts";
import { buildProfile } from "../../engine/monitor/references/reference-builder.ts";
import { profileId, type ReferenceProfile } from "../../engine/monitor/references/reference-profile.ts";
import { parseRetrainPolicy, type RetrainPolicy } from "../../engine/retraining/retrain-policy.ts";
import type { Proposal } from "../../engine/retraining/retrain-proposal.ts";
import { withDecision, withObserved } from "../../engine/retraining/retrain-record.ts";
import { nextTime } from "../../engine/retraining/retrain-schedule.ts";
import { type Decision, decide } from "../../engine/retraining/retrain-trigger.ts";
import { columnsOf, columnValues, DriftTables, type ScoredRow, THRESHOLD } from "./drift-tables.ts";
import type { MarketRow } from "./elec-market.ts";

export const WEEK_ROWS = 336;
const METRIC_WEEKS = 4;
const ROW_MS = 1_800_000;
const WEEK_MS = WEEK_ROWS * ROW_MS;
/** A Thursday, as all windows of a week begin; the second half of the market's data begins a day later. */
const START_MS = Date.UTC(1997, 7, 21);
const MODEL = "elec";

export type LabelledRow = ScoredRow & MarketRow;

export interface ReplayedWeek {
  /** From 1. */
  readonly week: number;
  readonly window: JudgedWindow;
  /** ROC AUC; `realised` is known a week later. */
  readonly realised: MetricValue;
  readonly estimated: MetricValue | undefined;
  /** What was decided when the week was over. */
  readonly decision: Decision;
}

export interface Replay {
  readonly profile: ReferenceProfile;
  /** What the weeks are compared with. */
  readonly referenceAuc: MetricValue;
  readonly weeks: readonly ReplayedWeek[];
  readonly record: JobRecord;
}

/** With the defaults of verdicts, and of the retraining policy but for what `causes` says. */
export async function replayWeeks(
  reference: readonly LabelledRow[],
  live: readonly LabelledRow[],
  causes: object = {},
): Promise<Replay> {
  const version = watchedVersion(reference);
  const dated = live.map((row, index) => ({ ...row, dateMs: START_MS + index * ROW_MS }));
  const tables = new DriftTables(version.profile, dated);
  const monitor = tables.monitor({ window: "7d" });
  const baseline = labelledRows(live.slice(0, METRIC_WEEKS * WEEK_ROWS));
  const referenceAuc = aucOf(baseline);
  const estimator = fitEstimator(baseline, { needsCalibration: true });
  let record = NO_JOBS;
  const weeks: ReplayedWeek[] = [];
  for (let week = 1; week * WEEK_ROWS <= live.length; week++) {
    const endMs = START_MS + week * WEEK_MS;
    const nowMs = endMs + 60_000;
    await monitor.round([version], nowMs);
    const window = tables.told.at(-1);
    if (window?.state.latest?.endMs !== endMs) throw new Error(`week ${week} was not judged`);
    const open = monitor.findings(version)?.incidents ?? [];
    const before = weeks.at(-1);
    const policy = parseRetrainPolicy(MODEL, { model_name: MODEL, ...causes });
    const proposals = [
      ...toProposals(open),
      ...performanceProposals(before, referenceAuc, version),
      ...scheduleProposals(policy, endMs),
    ];
    record = withObserved(withExpiry(record, nowMs), proposals, open.map(toOpenIncident));
    const decision = decide({ model: MODEL, policy, record, proposals, nowMs, manualJobId: "" });
    record = withDecision(record, MODEL, decision, proposals, nowMs);
    const rows = labelledRows(live.slice((week - 1) * WEEK_ROWS, week * WEEK_ROWS));
    const estimated =
      week <= METRIC_WEEKS + 1
        ? undefined
        : estimateFromRows(estimator, rows.scores, THRESHOLD).metrics.roc_auc;
    weeks.push({ week, window, realised: aucOf(rows), estimated, decision });
  }
  return { profile: version.profile, referenceAuc, weeks, record };
}

/** The week before, whose labels have come, if it lost against the reference weeks. */
function performanceProposals(
  before: ReplayedWeek | undefined,
  referenceAuc: MetricValue,
  { referenceId }: WatchedVersion,
): Proposal[] {
  if (before === undefined || before.week <= METRIC_WEEKS) return [];
  const { value, reference, gain, interval } = compareMetric("roc_auc", before.realised, referenceAuc, 0);
  if (value === null || reference === null || gain === null) return [];
  const toMs = START_MS + before.week * WEEK_MS;
  return [
    {
      cause: "performance",
      metric: "roc_auc",
      value,
      reference,
      gain,
      ...(interval === undefined ? {} : { gainHigh: interval.high }),
      windows: [{ fromMs: toMs - WEEK_MS, toMs }],
      referenceId,
    },
  ];
}

function scheduleProposals({ schedule }: RetrainPolicy, endMs: number): Proposal[] {
  if (schedule === undefined || nextTime(schedule, endMs - 1) !== endMs) return [];
  return [{ cause: "schedule", dueMs: endMs, windows: [], referenceId: null }];
}

function watchedVersion(reference: readonly LabelledRow[]): WatchedVersion {
  const profile = buildProfile(columnsOf(reference), columnValues(reference));
  return { model: MODEL, version: "1.0.0", referenceId: profileId(profile), profile, texts: [] };
}

function labelledRows(rows: readonly LabelledRow[]): BinaryRows {
  const scores = Float64Array.from(rows, ({ score }) => score);
  const labels = Uint8Array.from(rows, ({ label }) => label);
  return { kind: "binary", scores, predicted: predictAt(scores, THRESHOLD), labels };
}

function aucOf(rows: BinaryRows): MetricValue {
  const { roc_auc } = measurePerformance(rows).metrics;
  if (roc_auc === undefined) throw new Error("two classes have an AUC");
  return roc_auc;
}

/** By name of the column. */
export function measuredBy(window: JudgedWindow): ReadonlyMap<string, MeasuredColumn["measures"]> {
  return new Map((window.measured ?? []).map(({ column, measures }) => [column.name, measures]));
}

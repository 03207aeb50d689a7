/**
 * Two models on the same labelled rows: for each metric the interval of the difference, challenger less champion, and the p-value of
 * no difference, by the test that fits the metric.
 *
 *     roc_auc, gini, roc_auc_ovr_macro   DeLong
 *     accuracy                           McNemar, with Tango's interval
 *     all others                         paired bootstrap
 */
import { twoSidedP } from "../../core/normal-law.ts";
import { compareAucs } from "../../monitor/performance/delong.ts";
import { normalInterval } from "../../monitor/performance/intervals.ts";
import type { BinaryRows, LabelledRows, MulticlassRows } from "../../monitor/performance/labelled-rows.ts";
import type { MetricName } from "../../monitor/performance/metric-table.ts";
import type { Interval, MetricSet } from "../../monitor/performance/metric-value.ts";
import { errorOfMoves, movesAgainstRest } from "../../monitor/performance/multiclass-auc.ts";
import { type McnemarTest, mcnemarTest, tangoInterval } from "./mcnemar.ts";
import { type BootstrapSettings, type BootstrapTest, pairedBootstrap } from "./paired-bootstrap.ts";
import { resampledMetrics } from "./resampled-metrics.ts";

export type TestName = "delong" | McnemarTest["mode"] | BootstrapTest["mode"];

export interface PairedTest {
  readonly test: TestName;
  readonly interval: Interval;
  /** Two-sided. */
  readonly p: number;
}

/** A model's rows with their metrics. */
export interface Measured {
  readonly rows: LabelledRows;
  readonly metrics: MetricSet;
}

/** Tests of those of `metrics` that both have a value of; missing where the rows are too few for one. */
export function pairedTests(
  challenger: Measured,
  champion: Measured,
  metrics: readonly MetricName[],
  settings: BootstrapSettings,
): ReadonlyMap<MetricName, PairedTest> {
  const tests = new Map<MetricName, PairedTest>();
  const rest: MetricName[] = [];
  for (const metric of metrics) {
    if (differenceOf(challenger.metrics, champion.metrics, metric) === undefined) continue;
    const test = closedTest(metric, challenger.rows, champion.rows, settings.confidence);
    if (test === undefined) rest.push(metric);
    else if (test !== null) tests.set(metric, test);
  }
  for (const [metric, test] of bootstrapped(challenger, champion, rest, settings)) tests.set(metric, test);
  return tests;
}

/** Undefined where there is no closed form, null where the rows are too few. */
function closedTest(
  metric: MetricName,
  challenger: LabelledRows,
  champion: LabelledRows,
  confidence: number,
): PairedTest | null | undefined {
  if (challenger.kind === "binary" && champion.kind === "binary") {
    if (metric === "roc_auc") return delong(challenger, champion, confidence, 1);
    if (metric === "gini") return delong(challenger, champion, confidence, 2);
    if (metric === "accuracy") return mcnemar(challenger, champion, confidence);
  }
  if (challenger.kind === "multiclass" && champion.kind === "multiclass") {
    if (metric === "roc_auc_ovr_macro") return delongAgainstRest(challenger, champion, confidence);
    if (metric === "accuracy") return mcnemar(challenger, champion, confidence);
  }
  return undefined;
}

/** @param scale of the metric in units of AUC. */
function delong(
  challenger: BinaryRows,
  champion: BinaryRows,
  confidence: number,
  scale: number,
): PairedTest | null {
  const positives = challenger.labels.reduce((sum, label) => sum + label, 0);
  if (Math.min(positives, challenger.labels.length - positives) < 2) return null;
  const { interval, p } = compareAucs(challenger.scores, champion.scores, challenger.labels, confidence);
  return { test: "delong", interval: { low: scale * interval.low, high: scale * interval.high }, p };
}

function delongAgainstRest(
  challenger: MulticlassRows,
  champion: MulticlassRows,
  confidence: number,
): PairedTest | null {
  const { labels, classes } = challenger;
  if (challenger.probabilities === undefined || champion.probabilities === undefined) return null;
  if (labels.length < 2) return null;
  const one = movesAgainstRest(challenger.probabilities, labels, classes);
  const other = movesAgainstRest(champion.probabilities, labels, classes);
  const difference = one.auc - other.auc;
  const error = errorOfMoves(one.moves.map((move, row) => move - (other.moves[row] as number)));
  const p = error > 0 ? twoSidedP(difference / error) : difference === 0 ? 1 : 0;
  return { test: "delong", interval: normalInterval(difference, error, confidence, { low: -1, high: 1 }), p };
}

function mcnemar(
  challenger: BinaryRows | MulticlassRows,
  champion: BinaryRows | MulticlassRows,
  confidence: number,
): PairedTest {
  const { labels, predicted } = challenger;
  let wins = 0;
  let losses = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const isRight = predicted[row] === labels[row];
    if (isRight === (champion.predicted[row] === labels[row])) continue;
    if (isRight) wins += 1;
    else losses += 1;
  }
  const { mode, p } = mcnemarTest(wins, losses);
  return { test: mode, interval: tangoInterval(wins, losses, labels.length, confidence), p };
}

function bootstrapped(
  challenger: Measured,
  champion: Measured,
  metrics: readonly MetricName[],
  settings: BootstrapSettings,
): [MetricName, PairedTest][] {
  if (metrics.length === 0) return [];
  const ofChallenger = resampledMetrics(challenger.rows, metrics);
  const ofChampion = resampledMetrics(champion.rows, metrics);
  const observed = Float64Array.from(
    metrics,
    (metric) => differenceOf(challenger.metrics, champion.metrics, metric) ?? Number.NaN,
  );
  const differences = (counts: Uint32Array, out: Float64Array): void => {
    const [one, other] = [ofChallenger(counts), ofChampion(counts)];
    for (const [at, metric] of metrics.entries()) out[at] = differenceOf(one, other, metric) ?? Number.NaN;
  };
  const found = pairedBootstrap(differences, observed, challenger.rows.labels.length, settings);
  return metrics.flatMap((metric, at): [MetricName, PairedTest][] => {
    const test = found[at];
    return test === undefined ? [] : [[metric, { test: test.mode, interval: test.interval, p: test.p }]];
  });
}

/** Undefined where a side has no value. */
function differenceOf(one: MetricSet, other: MetricSet, metric: MetricName): number | undefined {
  const [value, reference] = [one[metric]?.value, other[metric]?.value];
  return typeof value === "number" && typeof reference === "number" ? value - reference : undefined;
}

/**
 * A version against the champion on the requests that both answered: ROC AUC (delong) and means of losses (paired-losses), whose
 * intervals are narrower than those of each one's own rows.
 */
import type { PredictionPairs as ReadPairs } from "../../../storage/performance-rows.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import { modelKindOf } from "../references/reference-document.ts";
import { compareAucs } from "./delong.ts";
import { compareMetric, type MetricComparison } from "./metric-comparison.ts";
import { comparePairedLosses } from "./paired-losses.ts";

/** Of one class, in pairs: DeLong's comparison needs two. */
const PAIRS_OF_CLASS_MIN = 2;

export interface ChampionComparison extends MetricComparison {
  /** Requests that both answered, which the comparison is of; 0 where each has its own rows. */
  readonly pairs: number;
}

/** @param unpaired the comparisons of each one's own rows: those that pairs do better are replaced. */
export function comparePairs(
  manifest: ModelManifest,
  read: ReadPairs,
  unpaired: readonly MetricComparison[],
): ChampionComparison[] {
  const paired = new Map(pairedComparisons(manifest, read).map((one) => [one.metric, one]));
  const pairs = read.labels.length;
  return unpaired.map((one) => {
    const found = paired.get(one.metric);
    return found === undefined ? { ...one, pairs: 0 } : { ...found, pairs };
  });
}

function pairedComparisons(
  manifest: ModelManifest,
  { scores, otherScores, labels }: ReadPairs,
): MetricComparison[] {
  const kind = modelKindOf(manifest);
  if (kind === "multiclass") return [];
  const losses = comparePairedLosses({ kind, predicted: scores, otherPredicted: otherScores, labels }).map(
    ({ metric, value, otherValue, interval }) =>
      compareMetric(metric, { value }, { value: otherValue }, 0, interval),
  );
  if (kind === "regression") return losses;
  const classes = Uint8Array.from(labels);
  const positives = classes.reduce((sum, label) => sum + label, 0);
  if (Math.min(positives, classes.length - positives) < PAIRS_OF_CLASS_MIN) return losses;
  const { auc, otherAuc, interval } = compareAucs(scores, otherScores, classes);
  return [...losses, compareMetric("roc_auc", { value: auc }, { value: otherAuc }, 0, interval)];
}

/**
 * What others are told of a window's performance: observations for alert rules, proposals to retrain, and the values that dashboards
 * show. All of it may be told again; it follows from the window alone.
 *
 * Realised values count once their window is mature: labels that come first are no fair sample of all. Estimates count at once.
 */

import type { Proposal } from "../../retraining/retrain-proposal.ts";
import type { MetricComparison } from "./metric-comparison.ts";
import { type MetricName, type ModelKind } from "./metric-table.ts";
import type { MeasuredSlice, VariantPerformance } from "./window-performance.ts";

const MAIN: Readonly<Record<ModelKind, MetricName>> = {
  binary: "roc_auc",
  multiclass: "roc_auc_ovr_macro",
  regression: "r2",
};

type Kind = "performance" | "estimated";

export interface PerformanceObservation {
  readonly model: string;
  readonly version: string;
  /** Of an experiment, or empty. */
  readonly variant: string;
  /** below_reference: how much the main metric is below that of the reference; negative is better. */
  readonly metric: `${Kind}.${MetricName | "below_reference"}`;
  readonly value: number;
  /** ms since 1970 */
  readonly windowStart: number;
  readonly windowEnd: number;
}

/** What holds of a version until a later window says something else. */
export interface Standing {
  readonly endMs: number;
  readonly observations: readonly PerformanceObservation[];
  readonly proposals: readonly Proposal[];
}

/** Where and of what the variants were measured. */
export interface NewsSource {
  readonly model: string;
  readonly version: string;
  readonly kind: ModelKind;
  readonly referenceId: string | null;
  readonly startMs: number;
  readonly endMs: number;
  readonly variants: readonly VariantPerformance[];
}

/** Of what is realised; undefined when nothing is. */
export function realisedStanding(source: NewsSource): Standing | undefined {
  return standingOf(source, "performance", ({ realised }) => realised?.[0]);
}

/** Of what is estimated; undefined when nothing is. */
export function estimatedStanding(source: NewsSource): Standing | undefined {
  return standingOf(source, "estimated", ({ estimated }) => estimated);
}

function standingOf(
  source: NewsSource,
  kind: Kind,
  pick: (variant: VariantPerformance) => MeasuredSlice | undefined,
): Standing | undefined {
  const measured = source.variants.flatMap((variant) => {
    const slice = pick(variant);
    return slice === undefined ? [] : [{ variant, slice }];
  });
  if (measured.length === 0) return undefined;
  return {
    endMs: source.endMs,
    observations: measured.flatMap(({ variant, slice }) => observationsOf(source, kind, variant, slice)),
    proposals: measured.flatMap(({ variant, slice }) => proposalsOf(source, kind, variant, slice)),
  };
}

function observationsOf(
  { model, version, kind: modelKind, startMs, endMs }: NewsSource,
  kind: Kind,
  { variant, againstReference }: VariantPerformance,
  { metrics }: MeasuredSlice,
): PerformanceObservation[] {
  const common = { model, version, variant, windowStart: startMs, windowEnd: endMs };
  const observed = Object.entries(metrics).flatMap(([name, { value }]): PerformanceObservation[] =>
    value === null ? [] : [{ ...common, metric: `${kind}.${name as MetricName}`, value }],
  );
  const main = againstReference.find(({ metric }) => metric === MAIN[modelKind]);
  if (main === undefined || main.gain === null) return observed;
  return [...observed, { ...common, metric: `${kind}.below_reference`, value: 0 - main.gain }];
}

/** One for each metric that is below the reference's; how much is too much, the policy says. */
function proposalsOf(
  { version, referenceId, startMs, endMs }: NewsSource,
  kind: Kind,
  { variant, rows, labelled, againstReference }: VariantPerformance,
  slice: MeasuredSlice,
): Proposal[] {
  return againstReference.flatMap(
    ({ metric, value, reference, gain, interval }: MetricComparison): Proposal[] => {
      if (gain === null || gain >= 0 || value === null || reference === null) return [];
      return [
        {
          cause: kind === "performance" ? "performance" : "estimated_performance",
          metric,
          value,
          reference,
          gain,
          ...(interval === undefined ? {} : { gainHigh: interval.high }),
          numbers: { version, variant, rows, labelled_rows: labelled, measured_rows: slice.rows },
          windows: [{ fromMs: startMs, toMs: endMs }],
          referenceId,
        },
      ];
    },
  );
}

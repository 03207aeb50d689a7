/**
 * Data-quality problems of one column in one window: values that are broken rather than different.
 *
 * A rate is a problem if its rise over the reference is large and significant at once: large alone happens in small windows,
 * significant alone in large ones. No problem is found in a window below the minimum sample, but for another schema.
 */
import type { ColumnMeasures } from "./column-measures.ts";
import type { DriftSettings } from "./drift-settings.ts";

export type ProblemKind =
  /** The whole window is empty, and `expects_data` says that it should not be. */
  | "no_data"
  /** The column came or went, or holds numbers instead of categories, or the other way round. */
  | "schema_change"
  /** Nothing but nulls, unlike the reference. */
  | "no_values"
  | "null_spike"
  | "unseen_spike"
  | "out_of_range"
  /** One single value, which the reference hardly ever gives. */
  | "constant";

export interface Problem {
  readonly kind: ProblemKind;
  /** The rate that is a problem, and the reference's; for `constant` the share of the most frequent value. */
  readonly rate: number;
  readonly referenceRate: number;
}

/** The schema's problem, which one row shows; undefined if there is none. */
export function schemaProblem(measures: ColumnMeasures): Problem | undefined {
  const isOther = measures.rows > 0 && measures.kind !== measures.referenceKind;
  return isOther ? { kind: "schema_change", rate: 1, referenceRate: 0 } : undefined;
}

/** All problems of a column's values. Rows of window and reference must be at least the settings' minimum. */
export function valueProblems(measures: ColumnMeasures, settings: DriftSettings): Problem[] {
  const problems: Problem[] = [];
  const compare = (kind: ProblemKind, rate: number, referenceRate: number, riseMin: number): void => {
    if (hasRisen(measures, rate, referenceRate, riseMin, settings.rate_standard_errors))
      problems.push({ kind, rate, referenceRate });
  };
  const nulls = measures.nullRate === 1 ? "no_values" : "null_spike";
  compare(nulls, measures.nullRate, measures.referenceNullRate, settings.null_rate_rise);
  compare("unseen_spike", measures.unseenRate, measures.referenceUnseenRate, settings.unseen_rate_rise);
  compare("out_of_range", measures.outOfRangeRate, 0, settings.out_of_range_rate_rise);
  if (isSuddenlyConstant(measures, settings))
    problems.push({ kind: "constant", rate: 1, referenceRate: measures.referenceTopShare });
  return problems;
}

/** One-sided two-proportion z-test with pooled variance (statsmodels' `proportions_ztest(alternative="larger")`). */
function hasRisen(
  { rows, referenceRows }: ColumnMeasures,
  rate: number,
  referenceRate: number,
  riseMin: number,
  errorsMin: number,
): boolean {
  const rise = rate - referenceRate;
  if (rise < riseMin) return false;
  const pooled = (rate * rows + referenceRate * referenceRows) / (rows + referenceRows);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / referenceRows));
  return rise >= errorsMin * error;
}

/** A column that is 0 in 99 of 100 rows is constant in every seventh window of 200: that is no problem. */
function isSuddenlyConstant(measures: ColumnMeasures, settings: DriftSettings): boolean {
  if (!measures.isConstant) return false;
  const values = measures.rows * (1 - measures.nullRate);
  return measures.referenceTopShare ** values <= settings.constant_probability && values > 0;
}

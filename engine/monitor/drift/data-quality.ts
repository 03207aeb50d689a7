/**
 * Data-quality problems of one column in one window: values that are broken rather than different.
 *
 * A rate is a problem if its rise over the reference is large and significant at once: large alone happens in small windows,
 * significant alone in large ones. No problem is found in a window below the minimum sample, but for another schema.
 */
import type { DriftSettings } from "./drift-settings.ts";
import type { ColumnEvidence, SchemaEvidence } from "./window-evidence.ts";

export const PROBLEM_KINDS = [
  /** The whole window is empty, and `expects_data` says that it should not be. */
  "no_data",
  /**
   * The column came or went, or holds numbers instead of categories, or the other way round. Of a whole window: requests were
   * refused for such features, or predictions stored with other columns than the reference has.
   */
  "schema_change",
  /** Nothing but nulls, unlike the reference. */
  "no_values",
  "null_spike",
  "unseen_spike",
  "out_of_range",
  /**
   * One single value, where the reference would hardly ever make it so: a column that is 0 in 99 of 100 rows is constant in
   * every seventh window of 200.
   */
  "constant",
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

export interface Problem {
  readonly kind: ProblemKind;
  /** The rate that is a problem, and the reference's; for `constant` the share of the most frequent value. */
  readonly rate: number;
  readonly referenceRate: number;
}

/** The schema's problem, which one row shows; undefined if there is none. */
export function schemaProblem(column: ColumnEvidence): Problem | undefined {
  const isOther = column.rows > 0 && column.kind !== column.referenceKind;
  return isOther ? { kind: "schema_change", rate: 1, referenceRate: 0 } : undefined;
}

/**
 * The schema's problem of a whole window, with the greater share of the two kinds of rows that make it: rows that do not fit
 * among those of the series, and refused requests among those of the version. `insufficient` if both are of fewer than the
 * minimum of rows; undefined if there is none.
 */
export function refusalProblem(
  { rows, misfits, answered, refused }: SchemaEvidence,
  settings: DriftSettings,
): Problem | "insufficient" | undefined {
  const shares = [
    { part: misfits, all: rows + misfits },
    { part: refused, all: answered + refused },
  ].filter(({ all }) => all >= settings.rows_min);
  if (shares.length === 0) return "insufficient";
  const rate = Math.max(...shares.map(({ part, all }) => part / all));
  return rate >= settings.refused_share ? { kind: "schema_change", rate, referenceRate: 0 } : undefined;
}

/** Two samples that rates are shares of. */
interface Sizes {
  readonly rows: number;
  readonly referenceRows: number;
}

/**
 * All problems of a column's values. Rows of window and reference must be at least the settings' minimum; values that are
 * not null are looked at if there are as many of them, too.
 */
export function valueProblems(evidence: ColumnEvidence, settings: DriftSettings): Problem[] {
  const { nullRate, referenceNullRate, unseenRate, referenceUnseenRate, outOfRangeRate } = evidence;
  const problems: Problem[] = [];
  const compare = (kind: ProblemKind, rate: number, referenceRate: number, riseMin: number, sizes: Sizes) => {
    if (hasRisen(rate, referenceRate, riseMin, settings.rate_standard_errors, sizes))
      problems.push({ kind, rate, referenceRate });
  };
  const nulls = nullRate === 1 ? "no_values" : "null_spike";
  compare(nulls, nullRate, referenceNullRate, settings.null_rate_rise, evidence);
  const values: Sizes = {
    rows: evidence.rows * (1 - nullRate),
    referenceRows: evidence.referenceRows * (1 - referenceNullRate),
  };
  if (values.rows < settings.rows_min || values.referenceRows === 0) return problems;
  compare("unseen_spike", unseenRate, referenceUnseenRate, settings.unseen_rate_rise, values);
  compare("out_of_range", outOfRangeRate, 0, settings.out_of_range_rate_rise, values);
  if (evidence.isConstant && evidence.referenceTopShare ** values.rows <= settings.constant_probability)
    problems.push({ kind: "constant", rate: 1, referenceRate: evidence.referenceTopShare });
  return problems;
}

/** One-sided two-proportion z-test with pooled variance (statsmodels' `proportions_ztest(alternative="larger")`). */
function hasRisen(
  rate: number,
  referenceRate: number,
  riseMin: number,
  errorsMin: number,
  { rows, referenceRows }: Sizes,
): boolean {
  const rise = rate - referenceRate;
  if (rise < riseMin) return false;
  const pooled = (rate * rows + referenceRate * referenceRows) / (rows + referenceRows);
  return rise >= errorsMin * Math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / referenceRows));
}

/**
 * The verdict on one window: per column and as a whole, from evidence to one of four words.
 *
 *     insufficient   too few rows in the window or behind the reference, or no PSI: says nothing either way
 *     data_quality   a problem of the values or the schema; such a column is not called drifting, nor tested with the others
 *     drift          the effect is large (bias-corrected PSI at the level) and significant (Benjamini-Hochberg over the columns)
 *     none           judged, and neither of the two
 *
 * The window's verdict is the first of data_quality, drift, none that a column has; insufficient if all have that. Whether
 * drift persists is not seen in one window: incident folds verdicts. Pure: the same evidence gives the same verdict, in
 * whatever order its columns come.
 */
import assert from "node:assert/strict";
import { benjaminiHochberg } from "./benjamini-hochberg.ts";
import { WHOLE_WINDOW } from "./column-name.ts";
import { type Problem, refusalProblem, schemaProblem, valueProblems } from "./data-quality.ts";
import type { DriftSettings } from "./drift-settings.ts";
import type { ColumnEvidence, Series, WindowEvidence } from "./window-evidence.ts";

export const VERDICTS = ["none", "drift", "data_quality", "insufficient"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface ColumnVerdict {
  readonly column: string;
  readonly verdict: Verdict;
  readonly psiCorrected: number | null;
  /** After Benjamini-Hochberg over the columns that were tested; null for the others. */
  readonly pAdjusted: number | null;
  /** Of drift: whether the effect reaches the critical level. */
  readonly isCritical: boolean;
  /** Whether the effect is below the exit level. Between that and drift a column is neither quiet nor drifting. */
  readonly isQuiet: boolean;
  readonly problems: readonly Problem[];
}

export interface WindowVerdict extends Series {
  readonly referenceId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly verdict: Verdict;
  /** In the order of their names. */
  readonly columns: readonly ColumnVerdict[];
}

export const COLUMNS_MAX = 10_000;

export function judgeWindow(evidence: WindowEvidence, settings: DriftSettings): WindowVerdict {
  checkEvidence(evidence);
  const sorted = evidence.columns.toSorted((a, b) => (a.column < b.column ? -1 : 1));
  const untested = sorted.map((column) => judgeUntested(column, settings));
  const tested = sorted.filter((_, index) => untested[index] === undefined);
  const adjusted = benjaminiHochberg(tested.map(({ pValue }) => pValue as number));
  const pAdjusted = new Map(tested.map(({ column }, index) => [column, adjusted[index] as number]));
  const columns = sorted.map(
    (column, index) =>
      untested[index] ?? judgeEffect(column, pAdjusted.get(column.column) as number, settings),
  );
  if (settings.expects_data || evidence.schema !== undefined) columns.unshift(judgeWhole(evidence, settings));
  const { model, version, variant, referenceId, startMs, endMs } = evidence;
  return { model, version, variant, referenceId, startMs, endMs, verdict: overall(columns), columns };
}

/** The verdict on a column that is not tested for drift; undefined if it is to be tested. */
function judgeUntested(evidence: ColumnEvidence, settings: DriftSettings): ColumnVerdict | undefined {
  const schema = schemaProblem(evidence);
  if (schema !== undefined) return untestedVerdict(evidence, "data_quality", [schema]);
  if (evidence.rows < settings.rows_min || evidence.referenceRows < settings.reference_rows_min)
    return untestedVerdict(evidence, "insufficient", []);
  const problems = valueProblems(evidence, settings);
  if (problems.length > 0) return untestedVerdict(evidence, "data_quality", problems);
  const isMeasured = evidence.psiCorrected !== null && evidence.pValue !== null;
  return isMeasured ? undefined : untestedVerdict(evidence, "insufficient", []);
}

function untestedVerdict(
  { column, psiCorrected }: Pick<ColumnEvidence, "column" | "psiCorrected">,
  verdict: Verdict,
  problems: readonly Problem[],
): ColumnVerdict {
  return { column, verdict, psiCorrected, pAdjusted: null, isCritical: false, isQuiet: false, problems };
}

function judgeEffect(evidence: ColumnEvidence, pAdjusted: number, settings: DriftSettings): ColumnVerdict {
  const psi = evidence.psiCorrected as number;
  const reached = 1 - settings.psi_margin;
  const isDrift = psi >= settings.psi_warning * reached && pAdjusted <= settings.alpha;
  return {
    column: evidence.column,
    verdict: isDrift ? "drift" : "none",
    psiCorrected: psi,
    pAdjusted,
    isCritical: isDrift && psi >= settings.psi_critical * reached,
    isQuiet: psi < settings.psi_exit,
    problems: [],
  };
}

/** The verdict on the window as a whole, beside its columns: its volume, if `expects_data` asks for it, and its schema. */
function judgeWhole({ columns, schema }: WindowEvidence, settings: DriftSettings): ColumnVerdict {
  const whole = { column: WHOLE_WINDOW, psiCorrected: null };
  const isEmpty = columns.every(({ rows }) => rows === 0);
  const refusal = schema === undefined ? undefined : refusalProblem(schema, settings);
  const problems: Problem[] = [
    ...(settings.expects_data && isEmpty ? [{ kind: "no_data", rate: 1, referenceRate: 0 } as const] : []),
    ...(refusal === undefined || refusal === "insufficient" ? [] : [refusal]),
  ];
  if (problems.length > 0) return untestedVerdict(whole, "data_quality", problems);
  const isUnsaid = refusal === "insufficient" && !settings.expects_data;
  return untestedVerdict(whole, isUnsaid ? "insufficient" : "none", []);
}

function overall(columns: readonly ColumnVerdict[]): Verdict {
  const judged = columns.filter(({ column }) => column !== WHOLE_WINDOW);
  const has = (verdict: Verdict) => columns.some((column) => column.verdict === verdict);
  if (has("data_quality")) return "data_quality";
  if (has("drift")) return "drift";
  return judged.some(({ verdict }) => verdict === "none") ? "none" : "insufficient";
}

function checkEvidence({ startMs, endMs, columns, schema }: WindowEvidence): void {
  assert.ok(startMs < endMs, `a window ends at ${endMs}, before it starts`);
  assert.ok(columns.length <= COLUMNS_MAX, `${columns.length} columns, more than ${COLUMNS_MAX}`);
  assert.equal(new Set(columns.map(({ column }) => column)).size, columns.length, "a column is there twice");
  for (const rows of Object.values(schema ?? {})) assert.ok(rows >= 0, `${rows} rows of the window`);
  for (const one of columns) {
    const { column, psiCorrected, pValue } = one;
    assert.ok(psiCorrected === null || Number.isFinite(psiCorrected), `PSI of ${column} is ${psiCorrected}`);
    assert.ok(one.rows >= 0 && one.referenceRows >= 0, `rows of ${column} are negative`);
    const { nullRate, referenceNullRate, unseenRate, referenceUnseenRate } = one;
    const rates = [nullRate, referenceNullRate, unseenRate, referenceUnseenRate, one.outOfRangeRate];
    for (const share of [...rates, one.referenceTopShare, pValue ?? 0])
      assert.ok(share >= 0 && share <= 1, `a rate or p-value of ${column} is ${share}`);
  }
}

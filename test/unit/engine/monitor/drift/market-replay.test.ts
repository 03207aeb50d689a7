/**
 * Real drift: the electricity market replayed week by week against the model that was trained on its first half, with labels that
 * come a week late. What is found is held against SciPy, scikit-learn and Evidently; the same rows shuffled are no drift.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { WHOLE_WINDOW } from "../../../../../engine/monitor/drift/column-name.ts";
import { chiSquareContingency } from "../../../../../engine/monitor/drift/contingency.ts";
import {
  type EvidentlyMeasures,
  evidentlyOfNumbers,
  evidentlyOfTexts,
} from "../../../../../engine/monitor/drift/evidently.ts";
import type { ColumnMeasures } from "../../../../../engine/monitor/drift/measure-counts.ts";
import { type ExactMeasures, measureRows } from "../../../../../engine/monitor/drift/measure-rows.ts";
import type { ColumnVerdict } from "../../../../../engine/monitor/drift/window-verdict.ts";
import type { ColumnValues } from "../../../../../engine/monitor/references/reference-builder.ts";
import type { ReferenceProfile } from "../../../../../engine/monitor/references/reference-profile.ts";
import { assertClose } from "../../../../support/close.ts";
import { columnsOf, columnValues, countRows, type ScoredRow } from "../../../../support/drift-tables.ts";
import {
  ELEC_FOLDER,
  elecGolden,
  marketIsMissing,
  readMarket,
  readScores,
} from "../../../../support/elec-market.ts";
import {
  type LabelledRow,
  measuredBy,
  type Replay,
  type ReplayedWeek,
  replayWeeks,
  WEEK_ROWS,
} from "../../../../support/market-replay.ts";
import { createRandom } from "../../../../support/random.ts";

interface ColumnGolden {
  readonly column: string;
  readonly reference_counts: readonly number[];
  readonly counts: readonly number[];
  readonly psi: number;
  readonly kl: number;
  readonly jensenshannon_base_2: number;
  readonly chi2_contingency: { readonly statistic: number; readonly dof: number; readonly pvalue: number };
  readonly scipy?: { readonly ks: number; readonly ks_p_value: number; readonly wasserstein: number };
  readonly evidently: EvidentlyMeasures & {
    readonly ks_p_value?: number;
    readonly chi_square_p_value?: number;
  };
}

interface DriftGolden {
  readonly roc_auc: readonly number[];
  readonly weeks: readonly { readonly week: number; readonly columns: readonly ColumnGolden[] }[];
}

const golden = JSON.parse(readFileSync(join(ELEC_FOLDER, "drift.json"), "utf8")) as DriftGolden;
const INPUTS = ["nswdemand", "nswprice", "transfer", "vicdemand", "vicprice"];
const OUTPUTS = ["predicted_class (output)", "predicted_value (output)"];

function near(actual: unknown, expected: unknown, place: string): void {
  assertClose(actual, expected, place, 1e-9);
}

/** The frozen bins, and what falls into them. */
function checkCounts(golden: ColumnGolden, profile: ReferenceProfile, rows: readonly ScoredRow[]): void {
  const column = profile.columns.find(({ name }) => name === golden.column);
  assert.deepEqual(column?.counts, golden.reference_counts, `${golden.column}: counts of the reference`);
  const counts = golden.counts.map(() => 0);
  for (const { feature, bin, count } of countRows(profile, rows))
    if (feature === golden.column) counts[bin] = count;
  assert.deepEqual(counts, golden.counts, `${golden.column}: counts of the week`);
  const { statistic, freedom, pValue } = chiSquareContingency(column?.counts ?? [], counts);
  const { statistic: expected, dof, pvalue } = golden.chi2_contingency;
  near([statistic, freedom, pValue], [expected, dof, pvalue], `${golden.column}: chi-square`);
}

/** What the report of the week has. */
function checkBinned(
  { column, psi, kl, jensenshannon_base_2, scipy }: ColumnGolden,
  measured: ColumnMeasures | undefined,
  bins: number,
): void {
  const { kullbackLeibler, jensenShannon, ks, wasserstein } = measured ?? {};
  near([measured?.psi?.value, kullbackLeibler, jensenShannon], [psi, kl, jensenshannon_base_2], column);
  if (scipy === undefined) return;
  assert.ok(ks !== undefined && wasserstein !== undefined);
  assert.ok(ks.low <= scipy.ks + 1e-12 && scipy.ks <= ks.high + 1e-12, `${column}: bracket of KS`);
  assert.ok(ks.high - ks.low <= 1 / bins, `${column}: width of the bracket`);
  const [low, high] = [wasserstein.low - 1e-9, wasserstein.high + 1e-9];
  assert.ok(low <= scipy.wasserstein && scipy.wasserstein <= high, `${column}: bracket of Wasserstein`);
}

function checkExact({ column, scipy, evidently }: ColumnGolden, exact: ExactMeasures | undefined): void {
  if (scipy === undefined) return;
  near(
    [exact?.d, exact?.pValue, exact?.wasserstein],
    [scipy.ks, scipy.ks_p_value, scipy.wasserstein],
    column,
  );
  near(exact?.pValue, evidently.ks_p_value, `${column}: Evidently's KS`);
}

/** Mode `evidently`. */
function checkEvidently(
  { column, evidently }: ColumnGolden,
  before: ColumnValues | undefined,
  now: ColumnValues | undefined,
): void {
  assert.ok(before !== undefined && now !== undefined);
  const own =
    before instanceof Float32Array
      ? evidentlyOfNumbers(before, now as Float32Array)
      : evidentlyOfTexts(before, now as readonly string[]);
  const { ks_p_value: _, chi_square_p_value: __, ...expected } = evidently;
  for (const [field, value] of Object.entries(expected))
    near(own?.[field as keyof EvidentlyMeasures], value, `${column}: Evidently's ${field}`);
}

function requestsOf({ weeks }: Replay): (readonly [week: number, cause: string])[] {
  return weeks.flatMap(({ week, decision }) =>
    decision.outcome === "requested" ? [[week, decision.request.cause] as const] : [],
  );
}

/** Weeks of each column for which the test holds. */
function weeksBy(
  weeks: readonly ReplayedWeek[],
  test: (column: ColumnVerdict) => boolean,
): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { week, window } of weeks)
    for (const column of window.verdict?.columns ?? []) {
      if (column.column === WHOLE_WINDOW) continue;
      const list = found.get(column.column) ?? [];
      found.set(column.column, test(column) ? [...list, week] : list);
    }
  return found;
}

describe("the electricity market, week by week", { skip: marketIsMissing }, () => {
  let market: LabelledRow[];
  let reference: readonly LabelledRow[];
  let live: readonly LabelledRow[];
  let replay: Replay;
  before(async () => {
    const scores = readScores();
    market = readMarket().map((row, at) => ({ ...row, score: scores[at] as number }));
    reference = market.slice(0, elecGolden.train_rows);
    live = market.slice(elecGolden.train_rows);
    replay = await replayWeeks(reference, live);
  });

  it("drifts in all but the hour of the day, from the first week to the last", () => {
    assert.equal(replay.weeks.length, 67);
    const drifting = weeksBy(replay.weeks, ({ verdict }) => verdict === "drift");
    const calm = [...drifting].map(([column, weeks]) => [
      column,
      replay.weeks.map(({ week }) => week).filter((week) => !weeks.includes(week)),
    ]);
    assert.deepEqual(Object.fromEntries(calm), CALM_WEEKS);
    const critical = weeksBy(replay.weeks, ({ isCritical }) => isCritical);
    for (const column of ["transfer", "vicdemand", "vicprice"])
      assert.equal(critical.get(column)?.length, 67, `${column}: Victoria was joined late in the reference`);
  });

  it("is one incident, opened after the third week and open at the end", () => {
    const changes = replay.weeks.flatMap(({ week, window }) =>
      window.changes.map(({ change, columns, incident }) => ({
        week,
        change,
        columns,
        severity: incident.severity,
      })),
    );
    const columns = [...INPUTS, ...OUTPUTS].sort();
    assert.deepEqual(changes, [{ week: 3, change: "opened", columns, severity: "critical" }]);
  });

  it("requests a job for the drift, and later for weeks whose AUC is surely lower than at first", () => {
    assert.deepEqual(requestsOf(replay), [
      [3, "drift"],
      [23, "performance"],
      [28, "performance"],
      [31, "performance"],
    ]);
    assert.equal(replay.record.decisions.length, 4, "nothing was refused that people should know of");
  });

  it("has the AUC of scikit-learn in each week", () => {
    const found = replay.weeks.map(({ realised }) => realised.value);
    near(found, golden.roc_auc, "ROC AUC");
    near(Math.min(...golden.roc_auc), found[21], "the worst is week 22");
    assert.deepEqual(
      [replay.referenceAuc.value, found[21], found[60]].map((value) => value?.toFixed(3)),
      ["0.762", "0.579", "0.977"],
    );
  });

  it("has its AUC estimated without labels well over the year, and as the reference's in a week whose scores mislead", () => {
    const errors = replay.weeks.flatMap(({ estimated, realised }) =>
      typeof estimated?.value !== "number" || realised.value === null
        ? []
        : [estimated.value - realised.value],
    );
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    assert.equal(errors.length, 62);
    assert.deepEqual(
      [mean.toFixed(3), Math.max(...errors).toFixed(3)],
      ["-0.003", "0.207"],
      "mean and worst error",
    );
  });

  for (const { week, columns } of golden.weeks)
    it(`has the numbers of SciPy and Evidently in week ${week}`, () => {
      const rows = live.slice((week - 1) * WEEK_ROWS, week * WEEK_ROWS);
      const [before, now] = [columnValues(reference), columnValues(rows)];
      const exact = measureRows(columnsOf(reference), before, now, replay.profile.bins);
      const measured = measuredBy((replay.weeks[week - 1] as ReplayedWeek).window);
      assert.deepEqual(
        columns.map(({ column }) => column),
        replay.profile.columns.map(({ name }) => name),
      );
      for (const one of columns) {
        checkCounts(one, replay.profile, rows);
        checkBinned(one, measured.get(one.column), replay.profile.bins);
        checkExact(one, exact.get(one.column)?.exact);
        checkEvidently(one, before.get(one.column), now.get(one.column));
      }
    });

  for (const seed of [1, 2, 3])
    it(`is silent when its rows are shuffled (${seed})`, async () => {
      const rows = createRandom(seed).shuffled(market);
      const shuffled = await replayWeeks(rows.slice(0, reference.length), rows.slice(reference.length));
      assert.deepEqual(
        shuffled.weeks.flatMap(({ window }) => window.changes),
        [],
      );
      assert.deepEqual(requestsOf(shuffled), []);
      assert.ok(shuffled.weeks.every(({ window }) => window.verdict?.verdict !== "insufficient"));
    });
});

/** Weeks without a verdict of drift. */
const CALM_WEEKS = {
  period: Array.from({ length: 67 }, (_, index) => index + 1),
  nswprice: [],
  nswdemand: [25, 31],
  vicprice: [],
  vicdemand: [],
  transfer: [],
  "predicted_value (output)": [],
  "predicted_class (output)": [5, 14, 40, 43, 58, 59, 61, 62, 63, 64, 66, 67],
};

/** The best split of a leaf against trying them all, row by row. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BinnedColumn } from "../../../../../workers/train/trees/binned-rows.ts";
import { scanCategories } from "../../../../../workers/train/trees/category-split.ts";
import { scanNumbers } from "../../../../../workers/train/trees/number-split.ts";
import { RowPartition } from "../../../../../workers/train/trees/row-partition.ts";
import { BestSplit, type LeafSums, type SplitRules } from "../../../../../workers/train/trees/split.ts";
import { createRandom, type Random } from "../../../../support/random.ts";

const RULES: SplitRules = {
  lambdaL2: 0.5,
  minSumHessian: 0,
  minDataInLeaf: 1,
  minGainToSplit: 0,
  catSmooth: 0,
  catL2: 0,
  maxCatThreshold: 255,
  maxCatToOnehot: 1,
  minDataPerGroup: 1,
};

interface Rows {
  readonly bins: readonly number[];
  readonly gradients: readonly number[];
  readonly hessians: readonly number[];
}

/** Gradients in 64ths, so that sums are exact in any order. Bin `values` is that of missing values. */
function someRows(random: Random, values: number, missing: number, hessian?: number): Rows {
  const rows = random.between(4, 40);
  const each = <T>(of: () => T): T[] => Array.from({ length: rows }, of);
  return {
    bins: each(() => (random.next() < missing ? values : random.between(0, values - 1))),
    gradients: each(() => random.between(-320, 320) / 64),
    hessians: each(() => hessian ?? random.between(1, 64) / 64),
  };
}

function leafOf({ gradients, hessians }: Rows): LeafSums {
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    gradient: sum(gradients),
    hessian: sum(hessians),
    rows: gradients.length,
    lower: -Infinity,
    upper: Infinity,
  };
}

function histogramOf({ bins, gradients, hessians }: Rows, values: number): Float64Array {
  const histogram = new Float64Array(2 * (values + 1));
  for (const [row, bin] of bins.entries()) {
    histogram[2 * bin] = (histogram[2 * bin] as number) + (gradients[row] as number);
    histogram[2 * bin + 1] = (histogram[2 * bin + 1] as number) + (hessians[row] as number);
  }
  return histogram;
}

/** The gain of sending the rows that `isLeft` to the left, or 0 when the rules forbid it. */
function gainOf(rows: Rows, isLeft: (bin: number) => boolean, rules: SplitRules): number {
  const sums = { gradient: [0, 0], hessian: [0, 0], rows: [0, 0] };
  for (const [row, bin] of rows.bins.entries()) {
    const side = isLeft(bin) ? 0 : 1;
    sums.gradient[side] = (sums.gradient[side] as number) + (rows.gradients[row] as number);
    sums.hessian[side] = (sums.hessian[side] as number) + (rows.hessians[row] as number);
    sums.rows[side] = (sums.rows[side] as number) + 1;
  }
  if (sums.rows.some((count) => count === 0)) return 0;
  // rows are told from hessians, as LightGBM does
  const perHessian = rows.bins.length / ((sums.hessian[0] as number) + (sums.hessian[1] as number));
  if (sums.hessian.some((hessian) => hessian < rules.minSumHessian)) return 0;
  if (sums.hessian.some((hessian) => hessian * perHessian < rules.minDataInLeaf - 0.5)) return 0;
  const score = (gradient: number, hessian: number): number => gradient ** 2 / (hessian + rules.lambdaL2);
  const [g0 = 0, g1 = 0] = sums.gradient;
  const [h0 = 0, h1 = 0] = sums.hessian;
  return score(g0, h0) + score(g1, h1) - score(g0 + g1, h0 + h1);
}

function columnOf(values: number, hasMissing: boolean): BinnedColumn {
  return { index: 0, name: "c", values, hasMissing };
}

/** Of each bin whether a row in it goes left. */
function sides(best: BestSplit, column: BinnedColumn): number[] {
  const rows = column.values + 1;
  const bins = Uint8Array.from({ length: rows }, (_, bin) => bin);
  const partition = new RowPartition(rows);
  partition.rows.set(bins);
  const binned = { rows, columns: [column], bins, offsets: Int32Array.of(0, rows) };
  const middle = partition.split(binned, 0, rows, best);
  return Array.from(bins, (bin) => Number(partition.rows.indexOf(bin) < middle));
}

function expectBest(
  best: BestSplit,
  rows: Rows,
  column: BinnedColumn,
  gains: readonly number[],
  context: string,
  rules: SplitRules,
): void {
  const most = Math.max(...gains.filter((gain) => gain > rules.minGainToSplit), 0);
  assert.ok(Math.abs(best.gain - most) < 1e-9, `${context}: ${best.gain}, not ${most}`);
  if (best.gain === 0) return;
  const table = sides(best, column);
  assert.ok(
    Math.abs(gainOf(rows, (bin) => table[bin] === 1, rules) - most) < 1e-9,
    `${context}: other rows go left`,
  );
}

describe("the best split of a column", () => {
  it("is the best of all thresholds with missing values on either side", () => {
    const random = createRandom();
    for (let round = 0; round < 500; round++) {
      const values = random.between(1, 12);
      const rows = someRows(random, values, round % 2 === 0 ? 0 : 0.3);
      const rules = {
        ...RULES,
        minDataInLeaf: random.between(1, 5),
        minSumHessian: random.between(0, 2),
        minGainToSplit: random.between(0, 3),
      };
      const best = new BestSplit();
      const column = columnOf(values, rows.bins.includes(values));
      scanNumbers(histogramOf(rows, values), 0, column, 0, leafOf(rows), rules, best);
      const gains = Array.from({ length: values }, (_, last) => [
        gainOf(rows, (bin) => bin <= last, rules),
        gainOf(rows, (bin) => bin <= last || bin === values, rules),
      ]).flat();
      expectBest(best, rows, column, gains, `seed ${random.seed}, round ${round}`, rules);
    }
  });

  it("is the best of all sets of categories when hessians are equal", () => {
    const random = createRandom();
    for (let round = 0; round < 200; round++) {
      const values = random.between(2, 8);
      const rows = someRows(random, values, 0, 1);
      const best = new BestSplit();
      const column = { ...columnOf(values, true), categories: categoriesOf(values) };
      scanCategories(histogramOf(rows, values), 0, column, 0, leafOf(rows), RULES, best);
      const gains = Array.from({ length: 2 ** values }, (_, set) =>
        gainOf(rows, (bin) => ((set >> bin) & 1) === 1, RULES),
      );
      expectBest(best, rows, column, gains, `seed ${random.seed}, round ${round}`, RULES);
    }
  });

  it("is the best single category when there are few", () => {
    const random = createRandom();
    for (let round = 0; round < 200; round++) {
      const values = random.between(2, 5);
      const rows = someRows(random, values, 0.2);
      const rules = { ...RULES, maxCatToOnehot: 5 };
      const best = new BestSplit();
      const column = { ...columnOf(values, true), categories: categoriesOf(values) };
      scanCategories(histogramOf(rows, values), 0, column, 0, leafOf(rows), rules, best);
      const gains = Array.from({ length: values }, (_, category) =>
        gainOf(rows, (bin) => bin === category, rules),
      );
      expectBest(best, rows, column, gains, `seed ${random.seed}, round ${round}`, rules);
    }
  });

  it("sends later missing values to the heavier child when there were none", () => {
    const rows = { bins: [0, 1, 1, 1], gradients: [-1, 1, 1, 1], hessians: [1, 1, 1, 1] };
    const best = new BestSplit();
    const column = columnOf(2, false);
    scanNumbers(histogramOf(rows, 2), 0, column, 0, leafOf(rows), RULES, best);
    assert.deepEqual(sides(best, column), [1, 0, 0]);
    const other = { ...rows, bins: [1, 0, 0, 0] };
    best.clear();
    scanNumbers(histogramOf(other, 2), 0, column, 0, leafOf(other), RULES, best);
    assert.deepEqual(sides(best, column), [1, 0, 1]);
  });
});

function categoriesOf(values: number): NonNullable<BinnedColumn["categories"]> {
  const codes = Int32Array.from({ length: values }, (_, code) => code);
  return { codes, binOf: Uint8Array.from(codes), values };
}

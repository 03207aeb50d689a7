/**
 * What the steps over single columns learn from the training rows: statistics, ranges, categories.
 */
import { stepInvalid } from "../core/column.ts";
import type { StepOf, UnfittedOf } from "../core/preprocessing.ts";
import { byCodePoint } from "./code-point-order.ts";
import {
  maxOf,
  meanOf,
  minOf,
  mostFrequentOf,
  percentileOf,
  standardScaleOf,
  varianceOf,
} from "./statistics.ts";

/** A column of the training rows: NaN and "" are missing. */
export type ColumnValues =
  | { readonly name: string; readonly kind: "number"; readonly values: Float64Array }
  | { readonly name: string; readonly kind: "text"; readonly values: readonly string[] };

/** The columns of one step, and where the step stands: for errors. */
export interface TrainingColumns {
  readonly index: number;
  readonly columns: readonly ColumnValues[];
}

export function fitImputer(step: UnfittedOf<"imputer">, training: TrainingColumns): StepOf<"imputer"> {
  const statistics = training.columns.map((column, at) => statisticOf(step, column, training.index, at));
  const { indicators: _, ...config } = step;
  if (step.add_indicator !== true) return { ...config, statistics };
  const hasMissing = (column: ColumnValues): boolean =>
    column.kind === "text" ? column.values.includes("") : column.values.some(Number.isNaN);
  return { ...step, statistics, indicators: training.columns.filter(hasMissing).map(({ name }) => name) };
}

function statisticOf(
  step: UnfittedOf<"imputer">,
  column: ColumnValues,
  index: number,
  at: number,
): string | number {
  const { strategy, fill_value } = step;
  if (strategy === "constant") return fill_value ?? (column.kind === "text" ? "missing_value" : 0);
  if (column.kind === "text") {
    const texts = column.values.filter((text) => text !== "");
    const found = strategy === "most_frequent" ? mostFrequentOf(texts, byCodePoint) : undefined;
    if (found !== undefined) return found;
    const why = texts.length === 0 ? "has no values" : `is text, which has no ${strategy}`;
    throw stepInvalid(index, `columns.${at}`, `"${column.name}" ${why}: use the strategy constant`);
  }
  const numbers = presentOf(column, index, at);
  switch (strategy) {
    case "mean":
      return meanOf(numbers);
    case "median":
      return percentileOf(numbers, 50);
    case "most_frequent":
      return mostFrequentOf(numbers, (a, b) => a - b) ?? 0;
  }
}

export function fitStandardScaler(
  step: UnfittedOf<"standard_scaler">,
  training: TrainingColumns,
): StepOf<"standard_scaler"> {
  const columns = numbersOf(training);
  return {
    ...step,
    mean: columns.map((values) => (step.with_mean === false ? 0 : meanOf(values))),
    scale: columns.map((values) => (step.with_std === false ? 1 : standardScaleOf(values))),
  };
}

export function fitMinMaxScaler(
  step: UnfittedOf<"min_max_scaler">,
  training: TrainingColumns,
): StepOf<"min_max_scaler"> {
  const columns = numbersOf(training);
  return {
    ...step,
    data_min: columns.map(minOf),
    data_max: columns.map(maxOf),
  };
}

export function fitRobustScaler(
  step: UnfittedOf<"robust_scaler">,
  training: TrainingColumns,
): StepOf<"robust_scaler"> {
  const columns = numbersOf(training);
  const [low, high] = step.quantile_range ?? [25, 75];
  const scaleOf = (values: Float64Array): number => {
    const range = percentileOf(values, high) - percentileOf(values, low);
    return range < 10 * Number.EPSILON ? 1 : range;
  };
  return {
    ...step,
    center: columns.map((values) => (step.with_centering === false ? 0 : percentileOf(values, 50))),
    scale: columns.map((values) => (step.with_scaling === false ? 1 : scaleOf(values))),
  };
}

export function fitVarianceThreshold(
  step: UnfittedOf<"variance_threshold">,
  training: TrainingColumns,
): StepOf<"variance_threshold"> {
  const threshold = step.threshold ?? 0;
  const columns = numbersOf(training);
  const varies = (values: Float64Array): boolean => {
    const variance = varianceOf(values);
    // the range of values that are all the same is 0 where rounding leaves a variance
    return (threshold === 0 ? Math.min(variance, maxOf(values) - minOf(values)) : variance) > threshold;
  };
  return { ...step, kept: step.columns.filter((_, at) => varies(columns[at] as Float64Array)) };
}

/** Sorted, with what is missing at the end. */
export function categoriesOf({ columns }: TrainingColumns): (string | number | null)[][] {
  return columns.map((column) => {
    if (column.kind === "text") {
      const texts = new Set(column.values);
      const hasMissing = texts.delete("");
      return [...[...texts].sort(byCodePoint), ...(hasMissing ? [null] : [])];
    }
    const numbers = new Set(column.values);
    const hasMissing = numbers.delete(Number.NaN);
    return [...[...numbers].sort((a, b) => a - b), ...(hasMissing ? [null] : [])];
  });
}

function numbersOf({ index, columns }: TrainingColumns): Float64Array[] {
  return columns.map((column, at) => {
    if (column.kind === "number") return presentOf(column, index, at);
    throw stepInvalid(index, `columns.${at}`, `"${column.name}" is text; the step takes numbers`);
  });
}

function presentOf(
  { name, values }: ColumnValues & { kind: "number" },
  index: number,
  at: number,
): Float64Array {
  const present = values.filter((value) => !Number.isNaN(value));
  if (present.length > 0) return present;
  throw stepInvalid(index, `columns.${at}`, `"${name}" has no values in the training rows`);
}

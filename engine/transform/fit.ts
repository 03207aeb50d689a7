/**
 * Fitting: from steps as somebody wrote them and the training rows to steps that a manifest can carry.
 *
 * Steps are fitted in order, each on what the fitted ones before it make of the rows, by the pipeline that serving
 * runs. The same rows in the same order give the same steps to the last bit. Each step that learns reads all rows
 * once more: fitting is no hot path.
 */
import { stepInvalid } from "../core/column.ts";
import { layoutOf } from "../core/column-layout.ts";
import type { ModelInput } from "../core/model-input.ts";
import { type PreprocessingStep, preprocessingStep, type UnfittedStep } from "../core/preprocessing.ts";
import {
  type ColumnValues,
  categoriesOf,
  fitImputer,
  fitMinMaxScaler,
  fitRobustScaler,
  fitStandardScaler,
  fitVarianceThreshold,
  type TrainingColumns,
} from "./fit-columns.ts";
import { fitTfidf } from "./fit-tfidf.ts";
import { compilePart, type Pipeline } from "./pipeline.ts";
import type { RawRows } from "./raw-rows.ts";

/**
 * Fits every step, also those that were fitted before.
 * @throws EngineError MODEL_INVALID naming preprocessing.N.field when a step does not fit the columns or the rows.
 */
export function fitPipeline(
  inputs: readonly ModelInput[],
  steps: readonly UnfittedStep[],
  rows: RawRows,
): PreprocessingStep[] {
  const fitted: PreprocessingStep[] = [];
  for (const [index, step] of steps.entries()) {
    const result = preprocessingStep.safeParse(fitStep(step, index, () => compilePart(inputs, fitted), rows));
    const [issue] = result.error?.issues ?? [];
    if (issue !== undefined) throw stepInvalid(index, issue.path.join("."), issue.message);
    if (result.data !== undefined) fitted.push(result.data);
  }
  layoutOf(inputs, fitted);
  return fitted;
}

function fitStep(
  step: UnfittedStep,
  index: number,
  compile: () => Pipeline,
  rows: RawRows,
): PreprocessingStep {
  const training = (names: readonly string[]): TrainingColumns => readColumns(compile(), names, index, rows);
  switch (step.type) {
    case "imputer":
      return fitImputer(step, training(step.columns));
    case "standard_scaler":
      return fitStandardScaler(step, training(step.columns));
    case "min_max_scaler":
      return fitMinMaxScaler(step, training(step.columns));
    case "robust_scaler":
      return fitRobustScaler(step, training(step.columns));
    case "one_hot_encoder":
      return { ...step, categories: categoriesOf(training(step.columns)) };
    case "ordinal_encoder":
      return { ...step, categories: categoriesOf(training(step.columns)) };
    case "tfidf_vectorizer":
      return fitTfidf(step, training(step.columns));
    case "variance_threshold":
      return fitVarianceThreshold(step, training(step.columns));
    case "time_parts":
    case "cyclic_encoder":
    case "haversine_distance":
    case "geohash":
    case "polynomial_features":
    case "select":
      return step;
  }
}

/** The values of columns after the steps fitted so far. */
function readColumns(
  pipeline: Pipeline,
  names: readonly string[],
  index: number,
  { count, numbers, texts }: RawRows,
): TrainingColumns {
  if (count === 0) throw stepInvalid(index, "columns", "there are no training rows to fit on");
  const columns = names.map((name, at) => {
    const column = pipeline.column(name);
    if (column === undefined || column.kind === "time" || column.elements.length !== 1)
      throw stepInvalid(index, `columns.${at}`, `there is no column "${name}" of numbers or texts here`);
    return column;
  });
  const read = columns.map(
    ({ name, kind }): ColumnValues =>
      kind === "text"
        ? { name, kind, values: Array.from({ length: count }, () => "") }
        : { name, kind: "number", values: new Float64Array(count) },
  );
  for (let row = 0; row < count; row++) {
    const isAllowed = pipeline.load(
      numbers,
      (row * numbers.length) / count,
      texts,
      (row * texts.length) / count,
    );
    if (!isAllowed) throw pipeline.explain();
    for (const [at, column] of columns.entries()) {
      const { kind, values } = read[at] as ColumnValues;
      if (kind === "text") (values as string[])[row] = pipeline.textOf(column);
      else values[row] = pipeline.numberOf(column);
    }
  }
  return { index, columns: read };
}

/**
 * From raw rows to what a trainer learns from: preprocessing is fitted on the training part alone (or stays as it was fitted), then the compiled pipeline, the
 * very one that serving runs, makes the columns of every part.
 *
 *     training rows → fit → steps ─┬─ training rows → columns
 *                                  └─ other parts   → columns
 */
import { type MissingRule, problemWithSteps } from "../../core/column-layout.ts";
import { EngineError, type ErrorDetail } from "../../core/errors.ts";
import { isKeptAsText, type ModelInput } from "../../core/model-input.ts";
import type { PreprocessingStep, UnfittedStep } from "../../core/preprocessing.ts";
import type { ClassWeight } from "../../core/training-data.ts";
import type { TrainingColumn, TrainingSet } from "../../core/training-set.ts";
import { fitPipeline } from "../../transform/fit.ts";
import { compilePipeline, type Pipeline } from "../../transform/pipeline.ts";
import type { RawRows } from "../../transform/raw-rows.ts";
import { categoryColumns } from "./category-columns.ts";
import { classWeightsOf, rowWeights } from "./class-weights.ts";
import type { Fold } from "./splits.ts";
import { numbersAt, rawRowsAt, type TrainingTable } from "./training-table.ts";

export interface PreparedSets {
  /** For the manifest; none when the model reads its inputs as they are. */
  readonly preprocessing: readonly PreprocessingStep[];
  readonly training: TrainingSet;
  /** Weighs classes as training does, since it stops it. Absent when the fold has none. */
  readonly validation?: TrainingSet;
  /** Weighs rows by their own weights only, since it judges. Absent without test rows. */
  readonly test?: TrainingSet;
}

export type PlannedSteps =
  /** To be fitted: as somebody wrote them, or those of the model that is trained again. */
  | { readonly steps: readonly UnfittedStep[] }
  /** Those of the model that training goes on from. */
  | { readonly fitted: readonly PreprocessingStep[] };

export type Preparation = PlannedSteps & {
  /** `allowed`: the trainer takes NaN for what is missing, and the manifest says allow_nan. */
  readonly missing: MissingRule;
  readonly classWeight: ClassWeight;
};

/** @throws EngineError MODEL_INVALID naming preprocessing.N.field, INVALID_REQUEST for weights of unknown classes. */
export function prepareSets(
  table: TrainingTable,
  { training, validation }: Fold,
  test: Uint32Array,
  preparation: Preparation,
): PreparedSets {
  const { missing, classWeight } = preparation;
  const { inputs, targets, classes } = table;
  const learned = rawRowsAt(table.raw, training);
  const preprocessing =
    "fitted" in preparation ? preparation.fitted : fitted(inputs, preparation.steps, learned);
  checkSteps(inputs, preprocessing, missing);
  const trainingTargets = numbersAt(targets, training);
  const classWeights = classWeightsOf(classWeight, classes, trainingTargets);
  const toSet = (indexes: Uint32Array, raw: RawRows, weighing: Float64Array | undefined): TrainingSet => {
    const ofRows = numbersAt(targets, indexes);
    const own = table.weights === undefined ? undefined : numbersAt(table.weights, indexes);
    const weights = rowWeights(ofRows, own, weighing);
    const columns = toColumns(inputs, preprocessing, raw);
    return { rows: indexes.length, columns, targets: ofRows, ...(weights === undefined ? {} : { weights }) };
  };
  const lateSet = (indexes: Uint32Array, weighing: Float64Array | undefined): TrainingSet =>
    toSet(indexes, rawRowsAt(table.raw, indexes), weighing);
  return {
    preprocessing,
    training: toSet(training, learned, classWeights),
    ...(validation.length === 0 ? {} : { validation: lateSet(validation, classWeights) }),
    ...(test.length === 0 ? {} : { test: lateSet(test, undefined) }),
  };
}

/**
 * The columns that a model with these fitted steps reads of raw rows, in the order of its input tensor.
 * @throws EngineError INVALID_FEATURES for a row that serving would refuse too.
 */
export function toColumns(
  inputs: readonly ModelInput[],
  steps: readonly PreprocessingStep[],
  raw: RawRows,
): TrainingColumn[] {
  const categories = categoryColumns(inputs, steps);
  const named = (name: string, values: Float32Array): TrainingColumn => {
    const codes = categories.get(name);
    return codes === undefined ? { name, values } : { name, values, categories: codes };
  };
  if (steps.length === 0)
    return inputs.map(({ name }, at) => {
      const values = new Float32Array(raw.count);
      for (let row = 0; row < raw.count; row++) values[row] = raw.numbers[row * inputs.length + at] as number;
      return named(name, values);
    });
  const pipeline = compilePipeline(inputs, steps);
  return transformColumns(pipeline, raw).map((values, at) => named(pipeline.names[at] as string, values));
}

function transformColumns(pipeline: Pipeline, { count, numbers, texts }: RawRows): Float32Array[] {
  const width = numbers.length / Math.max(1, count);
  const textWidth = texts.length / Math.max(1, count);
  const columns = pipeline.names.map(() => new Float32Array(count));
  const row = new Float32Array(pipeline.width);
  for (let at = 0; at < count; at++) {
    if (!pipeline.write(numbers, at * width, texts, at * textWidth, row, 0)) throw pipeline.explain();
    for (let column = 0; column < columns.length; column++)
      (columns[column] as Float32Array)[at] = row[column] as number;
  }
  return columns;
}

function fitted(
  inputs: readonly ModelInput[],
  steps: readonly UnfittedStep[],
  learned: RawRows,
): readonly PreprocessingStep[] {
  return steps.length === 0 ? [] : fitPipeline(inputs, steps, learned);
}

/** What the manifest would refuse. */
function checkSteps(
  inputs: readonly ModelInput[],
  steps: readonly PreprocessingStep[],
  missing: MissingRule,
): void {
  const problem =
    steps.length === 0 ? problemWithPlain(inputs, missing) : problemWithSteps(inputs, steps, missing);
  if (problem === undefined) return;
  throw new EngineError("MODEL_INVALID", `${problem.field}: ${problem.message}`, { details: [problem] });
}

/** Without preprocessing. */
function problemWithPlain(inputs: readonly ModelInput[], missing: MissingRule): ErrorDetail | undefined {
  const text = inputs.find(isKeptAsText);
  if (text !== undefined)
    return { field: text.name, message: `is ${text.type}: add preprocessing that encodes it` };
  const missed = inputs.find(({ nullable }) => nullable === true && missing === "refused");
  if (missed === undefined) return undefined;
  return { field: missed.name, message: "may be missing: add an imputer to the preprocessing" };
}

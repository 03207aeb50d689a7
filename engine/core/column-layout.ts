/**
 * How the steps of a preprocessing pipeline fit together: which columns each one reads and makes, and where they lie.
 *
 * One row under way is a frame: an array of numbers and one of texts, in which every column has its place. Columns
 * keep the order of the inputs; what replaces a column takes its position, what is added goes to the end, `select`
 * sets the order. The columns that are left after the last step, all numbers, are what the model reads.
 * Invariant: a layout exists only for steps that agree with each other.
 */
import { type Column, type LayoutInput, type StepLayout, stepInvalid } from "./column.ts";
import { type ErrorDetail, toEngineError } from "./errors.ts";
import { FEATURES_MAX, type PreprocessingStep } from "./preprocessing.ts";
import { LayoutState } from "./step-layout.ts";

/** One number that the model reads. */
export interface Feature {
  readonly name: string;
  readonly slot: number;
}

/** Whether a model takes NaN for what is missing. */
export type MissingRule = "refused" | "allowed";

export interface Layout {
  /** Where the inputs start out, in their order. */
  readonly inputs: readonly Column[];
  readonly steps: readonly StepLayout[];
  /** By name: the columns that are left. */
  readonly columns: ReadonlyMap<string, Column>;
  readonly features: readonly Feature[];
  readonly numbers: number;
  readonly texts: number;
}

/** @throws EngineError MODEL_INVALID naming preprocessing.N.field. */
export function layoutOf(inputs: readonly LayoutInput[], steps: readonly PreprocessingStep[]): Layout {
  const layout = layoutOfPart(inputs, steps);
  return { ...layout, features: featuresOf(layout.columns, steps.length - 1) };
}

/** Of the first steps of a pipeline that is being fitted: what is left may be text and may be missing. */
export function layoutOfPart(inputs: readonly LayoutInput[], steps: readonly PreprocessingStep[]): Layout {
  const state = new LayoutState();
  const columns = inputs.map((input) => state.addInput(input));
  const layouts = steps.map((step, index) => state.apply(step, index));
  const { numbers, texts } = state;
  return { inputs: columns, steps: layouts, columns: state.columns, features: [], numbers, texts };
}

/** Why the steps do not fit together, or undefined if they do. */
export function problemWithSteps(
  inputs: readonly LayoutInput[],
  steps: readonly PreprocessingStep[],
  missing: MissingRule,
): ErrorDetail | undefined {
  try {
    const { columns } = layoutOf(inputs, steps);
    if (missing === "refused") refuseMissing(columns, steps.length - 1);
    return undefined;
  } catch (error) {
    const [detail] = toEngineError(error).details;
    if (detail === undefined) throw error;
    return detail;
  }
}

function featuresOf(columns: ReadonlyMap<string, Column>, last: number): Feature[] {
  const features: Feature[] = [];
  for (const { name, kind, slot, elements } of columns.values()) {
    if (kind !== "number") {
      const remedy = "encode it, or leave it out by a select step at the end";
      throw stepInvalid(last, "columns", `column "${name}" is left and is no number: ${remedy}`);
    }
    elements.forEach((element, index) => features.push({ name: element, slot: slot + index }));
  }
  if (features.length > 0 && features.length <= FEATURES_MAX) return features;
  const message = `${features.length} numbers are left for the model; 1 to ${FEATURES_MAX} are allowed`;
  throw stepInvalid(last, "columns", message);
}

function refuseMissing(columns: ReadonlyMap<string, Column>, last: number): void {
  for (const { name, mayBeMissing } of columns.values()) {
    if (!mayBeMissing) continue;
    const remedy =
      "put an imputer before, leave it out by a select step at the end, or set allow_nan if the model takes NaN";
    throw stepInvalid(last, "columns", `column "${name}" is left and may be missing: ${remedy}`);
  }
}

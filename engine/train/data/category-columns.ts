/**
 * Which columns that a model reads are categories, and how many codes each has: inputs of type category that reach it as their index,
 * and what an ordinal encoder makes as long as no later step changes it. All others are numbers.
 */
import type { ModelInput } from "../../core/model-input.ts";
import type { PreprocessingStep, StepOf } from "../../core/preprocessing.ts";

/** Codes by column name; columns of numbers are not in it. */
export function categoryColumns(
  inputs: readonly ModelInput[],
  steps: readonly PreprocessingStep[],
): ReadonlyMap<string, number> {
  const codes = new Map<string, number>();
  if (steps.length === 0)
    for (const input of inputs) if (input.type === "category") codes.set(input.name, input.categories.length);
  for (const step of steps) {
    for (const name of writtenBy(step)) codes.delete(name);
    if (step.type !== "ordinal_encoder") continue;
    for (const [at, name] of writtenBy(step).entries()) {
      const count = codesOf(step, step.categories[at] ?? []);
      if (count !== undefined) codes.set(name, count);
    }
  }
  return codes;
}

/** Columns that a step makes or replaces, one for each that it reads; others keep what they hold, or are new numbers. */
function writtenBy(step: PreprocessingStep): readonly string[] {
  if (step.type === "variance_threshold" || step.type === "select" || step.type === "time_parts") return [];
  if (!("columns" in step) || "output" in step) return [];
  return step.outputs ?? step.columns;
}

/** Undefined when a missing or an unseen category becomes a number that is no code. */
function codesOf(
  { unknown_value, encoded_missing_value, handle_unknown }: StepOf<"ordinal_encoder">,
  categories: readonly (string | number | null)[],
): number | undefined {
  const isMissingSeen = categories.includes(null);
  const others = [
    handle_unknown === "use_encoded_value" ? (unknown_value ?? undefined) : undefined,
    isMissingSeen ? encoded_missing_value : undefined,
  ].filter((value) => value !== undefined);
  if (others.some((value) => !Number.isInteger(value) || value < 0)) return undefined;
  const seen = categories.length - (isMissingSeen ? 1 : 0);
  return Math.max(seen, ...others.map((value) => value + 1));
}

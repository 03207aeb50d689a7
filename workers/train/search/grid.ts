/** Every combination of a space's values, the last parameter's changing fastest. */
import { EngineError } from "../../../engine/core/errors.ts";
import type { ParameterValue } from "../../../engine/core/training-search.ts";
import type { Dimension } from "./dimension.ts";
import type { TrialParameters } from "./search-trial.ts";

/** How many combinations there are. @throws EngineError INVALID_REQUEST for a number that has no step, or more than `most`. */
export function gridSize(dimensions: readonly Dimension[], most: number): number {
  let size = 1;
  for (const dimension of dimensions) size *= countOf(dimension);
  if (size <= most) return size;
  throw refused(
    "trials_max",
    `the grid has ${size} combinations: raise it from ${most}, or name fewer values`,
  );
}

/** The combination at `index`, from 0. */
export function gridParameters(dimensions: readonly Dimension[], index: number): TrialParameters {
  let rest = index;
  const entries = dimensions.toReversed().map((dimension): [string, ParameterValue] => {
    const count = countOf(dimension);
    const at = rest % count;
    rest = Math.floor(rest / count);
    const value = dimension.kind === "choice" ? dimension.choices[at] : dimension.values?.at(at);
    return [dimension.name, value as ParameterValue];
  });
  return Object.fromEntries(entries.toReversed());
}

function countOf(dimension: Dimension): number {
  if (dimension.kind === "choice") return dimension.choices.length;
  if (dimension.values !== undefined) return dimension.values.count;
  throw refused(`space.${dimension.name}`, "a grid needs a step, or a list of choices");
}

function refused(field: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `search: ${field}: ${message}`, {
    details: [{ field, message }],
  });
}

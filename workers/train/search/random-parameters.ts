/** Parameters drawn evenly over their axes (Bergstra and Bengio 2012). */
import type { SeededRandom } from "../../../engine/core/seeded-random.ts";
import type { ParameterValue } from "../../../engine/core/training-search.ts";
import type { Dimension } from "./dimension.ts";
import type { TrialParameters } from "./search-trial.ts";

export function drawParameters(dimensions: readonly Dimension[], random: SeededRandom): TrialParameters {
  return Object.fromEntries(dimensions.map((dimension) => [dimension.name, drawValue(dimension, random)]));
}

function drawValue(dimension: Dimension, random: SeededRandom): ParameterValue {
  if (dimension.kind === "choice")
    return dimension.choices[random.below(dimension.choices.length)] as ParameterValue;
  return dimension.fromAxis(dimension.low + random.uniform() * (dimension.high - dimension.low));
}

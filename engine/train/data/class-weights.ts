/**
 * What rows weigh in training: their own weight times that of their class.
 *
 * `balanced` is scikit-learn's: rows / (classes × rows of the class), over the training part.
 */
import { fieldInvalid } from "../../core/errors.ts";
import type { ClassWeight } from "../../core/training-data.ts";

/**
 * The weight of each class, or undefined when all are alike.
 * @param targets class indexes of the training part.
 * @throws EngineError INVALID_REQUEST for a class that there is not, and for weights of classes where there are none.
 */
export function classWeightsOf(
  rule: ClassWeight,
  classes: readonly string[] | undefined,
  targets: Float64Array,
): Float64Array | undefined {
  if (rule === "none") return undefined;
  if (classes === undefined)
    throw fieldInvalid("class_weight", "is for classes; the label is a number: leave it out");
  if (rule === "balanced") {
    const counts = new Float64Array(classes.length);
    for (const target of targets) counts[target] = (counts[target] as number) + 1;
    return counts.map((count) => (count === 0 ? 1 : targets.length / (classes.length * count)));
  }
  for (const name of Object.keys(rule))
    if (!classes.includes(name))
      throw fieldInvalid(
        `class_weight.${name}`,
        `is no class; the classes are ${classes.slice(0, 20).join(", ")}`,
      );
  return Float64Array.from(classes, (name) => rule[name] ?? 1);
}

/** Own weights times those of the classes; undefined when all rows weigh the same. */
export function rowWeights(
  targets: Float64Array,
  own: Float64Array | undefined,
  classWeights: Float64Array | undefined,
): Float64Array | undefined {
  if (classWeights === undefined) return own;
  return targets.map((target, row) => (classWeights[target] as number) * (own?.[row] ?? 1));
}

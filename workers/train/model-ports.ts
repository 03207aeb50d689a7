/** What exported models call their input and output. */
import type { TrainingTask } from "../../engine/core/training-set.ts";

export const FEATURES = "features";

/** `width`: numbers per row of the output tensor. */
export function outputOf(task: TrainingTask): {
  name: string;
  type: "probabilities" | "value";
  width: number;
} {
  if (task.kind === "regression") return { name: "value", type: "value", width: 1 };
  return { name: "probabilities", type: "probabilities", width: task.classes };
}

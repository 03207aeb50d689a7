/** A trained ensemble as the contract of trainers wants it: it predicts by walking its trees, and exports as ONNX. */
import type { TrainingTask } from "../../../engine/core/training-set.ts";
import { encodeOnnx } from "../onnx/onnx-writer.ts";
import type { TrainedModel } from "../trainer.ts";

import { type Ensemble, gainShares, sumTrees } from "./tree.ts";
import { INPUT, type Link, toOnnx } from "./tree-ensemble-onnx.ts";

/** @param link turns summed rows into predictions, in place; nothing to do for those that are predictions */
export function treeModel(
  ensemble: Ensemble,
  task: TrainingTask,
  onnxLink: Link,
  link: (sums: Float64Array) => void,
): TrainedModel {
  const importances = gainShares(ensemble);
  const type = task.kind === "regression" ? "value" : "probabilities";
  const treesAnIteration = ensemble.kind === "sum" ? ensemble.width : 1;
  return {
    iterations: ensemble.trees.length / treesAnIteration,
    ...(importances === undefined ? {} : { importances }),
    async predict(columns, rows) {
      const sums = sumTrees(ensemble, columns, rows);
      link(sums);
      return sums;
    },
    export: async () => ({
      runtime: "onnx",
      files: new Map([["model.onnx", encodeOnnx(toOnnx(ensemble, onnxLink))]]),
      inputTensor: INPUT,
      output: { name: type, type },
    }),
  };
}

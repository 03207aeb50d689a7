/** What the engine's runtimes predict with a model that a trainer exported, behind a real manifest. */
import { parseManifest } from "../../engine/core/manifest.ts";
import { predictionWidth, type TrainingColumn, type TrainingTask } from "../../engine/core/training-set.ts";
import { onnxRuntime } from "../../workers/runtime-onnx.ts";
import { tfjsRuntime } from "../../workers/runtime-tfjs.ts";
import type { ExportedModel } from "../../workers/train/trainer.ts";

/** As `TrainedModel.predict` gives them. */
export async function servedPredictions(
  exported: ExportedModel,
  task: TrainingTask,
  columns: readonly TrainingColumn[],
  rows: number,
): Promise<Float64Array> {
  const manifest = parseManifest({
    name: "trained",
    version: "1.0.0",
    runtime: exported.runtime,
    inputs: columns.map(({ name, categories }) =>
      categories === undefined
        ? { name, type: "float" }
        : { name, type: "category", categories: Array.from({ length: categories }, (_, code) => `c${code}`) },
    ),
    input_tensor: exported.inputTensor,
    outputs: [exported.output],
    ...(task.kind === "regression"
      ? {}
      : { classes: Array.from({ length: task.classes }, (_, index) => `class ${index}`) }),
  });
  const runtime = exported.runtime === "onnx" ? onnxRuntime : tfjsRuntime;
  const model = await runtime.load({ manifest, files: exported.files });
  const width = task.kind === "regression" ? 1 : task.classes;
  const outputs = new Float32Array(rows * width);
  try {
    await model.predict(toMatrix(columns, rows), rows, outputs);
  } finally {
    await model.close();
  }
  return predictionWidth(task) === width
    ? Float64Array.from(outputs)
    : Float64Array.from({ length: rows }, (_, row) => outputs[row * width + 1] as number);
}

function toMatrix(columns: readonly TrainingColumn[], rows: number): Float32Array {
  const matrix = new Float32Array(rows * columns.length);
  for (const [index, { values }] of columns.entries())
    for (let row = 0; row < rows; row++) matrix[row * columns.length + index] = values[row] as number;
  return matrix;
}

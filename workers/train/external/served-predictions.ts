/**
 * Predictions of an ONNX file as serving would give them: inspected, loaded and warmed up by the runtime, then run.
 *
 * Each call loads the model and gives it back, since a model that was trained has no end of its own to give it back at.
 */
import { parseManifest } from "../../../engine/core/manifest.ts";
import {
  predictionWidth,
  type TrainingColumn,
  type TrainingTask,
} from "../../../engine/core/training-set.ts";
import { onnxRuntime } from "../../runtime-onnx.ts";
import type { Fitted } from "./fit.ts";

/**
 * `rows × predictionWidth(task)`, row-major.
 * @throws EngineError MODEL_INVALID for what serving would refuse; what the model throws on these rows.
 */
export async function predictServed(
  { onnx, inputTensor, output }: Fitted,
  task: TrainingTask,
  columns: readonly TrainingColumn[],
  rows: number,
): Promise<Float64Array> {
  const classes = task.kind === "regression" ? 1 : task.classes;
  const manifest = parseManifest({
    name: "fitted",
    version: "1.0.0",
    runtime: "onnx",
    inputs: columns.map((_, at) => ({ name: `c${at}`, type: "float", default: 0 })),
    input_tensor: inputTensor,
    outputs: [output],
    ...(task.kind === "regression"
      ? {}
      : { classes: Array.from({ length: classes }, (_, at) => String(at)) }),
    allow_nan: true,
  });
  const model = await onnxRuntime.load({ manifest, files: new Map([["model.onnx", onnx]]) });
  try {
    const outputs = new Float32Array(rows * classes);
    await model.predict(toMatrix(columns, rows), rows, outputs);
    if (task.kind !== "binary") return Float64Array.from(outputs);
    return Float64Array.from({ length: rows * predictionWidth(task) }, (_, row) => outputs[row * 2 + 1] ?? 0);
  } finally {
    await model.close();
  }
}

function toMatrix(columns: readonly TrainingColumn[], rows: number): Float32Array {
  const matrix = new Float32Array(rows * columns.length);
  for (const [column, { values }] of columns.entries())
    for (let row = 0; row < rows; row++) matrix[row * columns.length + column] = values[row] as number;
  return matrix;
}

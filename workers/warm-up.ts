/**
 * The rows a fresh model is tried on before it may take traffic, and what its answers must satisfy.
 *
 * One row and three rows are predicted, so that a model whose batch dimension is fixed or whose output has the
 * wrong shape fails here and not on the first request. Shared by all runtimes.
 */
import { inputWidth, type ModelManifest, outputWidth } from "../engine/core/manifest.ts";
import type { ModelInput } from "../engine/core/model-input.ts";
import { modelInvalid, OutputShapeError, toModelInvalid } from "./model-invalid.ts";
import type { LoadedModel } from "./runtime.ts";

const ROWS = [1, 3] as const;
/** Room for sums of float32 and for calibrated models that do not quite add up to 1. */
const PROBABILITY_TOLERANCE = 1e-3;

/** @throws EngineError MODEL_INVALID when the model fails or its answers cannot be what model.json says. */
export async function warmUp(
  model: LoadedModel,
  manifest: ModelManifest,
  file: string,
  row = exampleRow(manifest),
): Promise<void> {
  const width = outputWidth(manifest);
  for (const rows of ROWS) {
    const features = new Float32Array(rows * row.length);
    for (let index = 0; index < rows; index += 1) features.set(row, index * row.length);
    const outputs = new Float32Array(rows * width).fill(Number.NaN);
    try {
      await model.predict(features, rows, outputs);
    } catch (error) {
      if (error instanceof OutputShapeError) throw shapeRefusal(manifest, error);
      throw toModelInvalid(
        error,
        file,
        `the model fails on ${rows} example row(s); give every input an "example" it accepts, or mend the model`,
      );
    }
    for (let index = 0; index < rows; index += 1) {
      checkAnswer(manifest, outputs.subarray(index * width, (index + 1) * width));
    }
  }
}

function shapeRefusal(manifest: ModelManifest, error: OutputShapeError): Error {
  const isClasses = manifest.outputs[0]?.type === "probabilities";
  const remedy = isClasses
    ? "List as many classes as the model has, and name the output that holds their probabilities."
    : "Name an output with one number per row.";
  return modelInvalid(isClasses ? "classes" : "outputs.0.type", `${error.message}. ${remedy}`, error);
}

function checkAnswer(manifest: ModelManifest, answer: Float32Array): void {
  const type = manifest.outputs[0]?.type;
  const shown = answer.slice(0, 10).join(", ");
  if (answer.some((value) => !Number.isFinite(value))) {
    throw modelInvalid(
      "outputs.0.name",
      `the model answers ${shown} for its example row. Give every input an "example" it accepts, or mend the model.`,
    );
  }
  if (type === "value") return;
  const isProbability = (value: number): boolean =>
    value >= -PROBABILITY_TOLERANCE && value <= 1 + PROBABILITY_TOLERANCE;
  const sum = answer.reduce((total, value) => total + value, 0);
  const isOne = type === "probability" || Math.abs(sum - 1) <= PROBABILITY_TOLERANCE;
  if (answer.every(isProbability) && isOne) return;
  throw modelInvalid(
    "outputs.0.type",
    `the model answers ${shown} for its example row: no ${type === "probability" ? "probability" : "probabilities that sum to 1"}. ` +
      "Export probabilities instead of scores, or name the right output.",
  );
}

/** One row of examples, as float32 in the encoding of rows; of zeros where preprocessing would have to make it. */
export function exampleRow(manifest: ModelManifest): Float32Array {
  if (manifest.preprocessing !== undefined) return new Float32Array(inputWidth(manifest));
  return Float32Array.from(manifest.inputs, exampleOf);
}

function exampleOf(input: ModelInput): number {
  switch (input.type) {
    case "float":
    case "int":
      return input.example ?? input.default ?? Math.min(Math.max(0, input.min ?? 0), input.max ?? Infinity);
    case "bool":
      return Number(input.example ?? input.default ?? false);
    case "category":
      return Math.max(0, input.categories.indexOf(input.example ?? input.default ?? ""));
    case "text":
    case "timestamp":
      return 0;
  }
}

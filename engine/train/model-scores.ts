/**
 * What a model says of raw rows, by the pipeline and the runtime that serve it: so a model is judged as it will answer.
 */
import type { LoadedModel } from "../../workers/runtime.ts";
import { inputWidth, type ModelManifest } from "../core/manifest.ts";
import { OutputReading } from "../output-reading.ts";
import { compilePipeline, type Pipeline } from "../transform/pipeline.ts";
import type { RawRows } from "../transform/raw-rows.ts";

const ROWS_AT_ONCE = 4096;

/**
 * Outputs of raw rows of the manifest's inputs, `rows × outputWidth`, row-major.
 * @throws EngineError INVALID_FEATURES for a row that serving would refuse; what the model throws.
 */
export type ScoreRows = (raw: RawRows) => Promise<Float32Array>;

/** Preprocessing is compiled here, once, as it is for serving. */
export function createScorer(model: Pick<LoadedModel, "predict">, manifest: ModelManifest): ScoreRows {
  const { outputWidth } = new OutputReading(manifest);
  const width = inputWidth(manifest);
  const { inputs, preprocessing } = manifest;
  const pipeline = preprocessing === undefined ? undefined : compilePipeline(inputs, preprocessing);
  return async (raw) => {
    const outputs = new Float32Array(raw.count * outputWidth);
    for (let from = 0; from < raw.count; from += ROWS_AT_ONCE) {
      const to = Math.min(raw.count, from + ROWS_AT_ONCE);
      const features =
        pipeline === undefined
          ? raw.numbers.slice(from * width, to * width)
          : transformed(pipeline, inputs.length, raw, from, to);
      await model.predict(features, to - from, outputs.subarray(from * outputWidth, to * outputWidth));
    }
    return outputs;
  };
}

/** Rows [from, to) as the model reads them. */
function transformed(
  pipeline: Pipeline,
  inputs: number,
  { count, numbers, texts }: RawRows,
  from: number,
  to: number,
): Float32Array {
  const { width } = pipeline;
  const rows = new Float32Array((to - from) * width);
  const textWidth = texts.length / count;
  for (let row = from; row < to; row++)
    if (!pipeline.write(numbers, row * inputs, texts, row * textWidth, rows, (row - from) * width))
      throw pipeline.explain();
  return rows;
}

/**
 * What outputs say, `rows × predictionWidth(task)`, row by row: probability of the second class, of each class, or the value.
 * @param outputs as a scorer gives them.
 */
export function predictionsOf(manifest: ModelManifest, outputs: Float32Array): Float64Array {
  const reading = new OutputReading(manifest);
  const { outputWidth, classes } = reading;
  if (classes.length > 2) return Float64Array.from(outputs);
  const rows = outputs.length / outputWidth;
  return Float64Array.from({ length: rows }, (_, row) => reading.value(outputs, row * outputWidth));
}

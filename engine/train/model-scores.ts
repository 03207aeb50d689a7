/**
 * What a model says of raw rows, by the pipeline and the runtime that serve it: so a model is judged as it will answer.
 */
import type { LoadedModel } from "../../workers/runtime.ts";
import { inputWidth, type ModelManifest } from "../core/manifest.ts";
import { type LabelledRows, predictAt } from "../monitor/performance/labelled-rows.ts";
import { thresholdOf } from "../monitor/performance/performance-version.ts";
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
 * The rows with their labels, as metrics read them.
 * @param outputs as a scorer gives them.
 * @param targets class indexes in the order of the manifest's classes, or values.
 */
export function labelledScores(
  manifest: ModelManifest,
  outputs: Float32Array,
  targets: Float64Array,
): LabelledRows {
  const reading = new OutputReading(manifest);
  const { outputWidth, classes } = reading;
  if (classes.length === 0) return { kind: "regression", predicted: outputs, labels: targets };
  const offsets = Uint32Array.from(targets, (_, row) => row * outputWidth);
  if (classes.length === 2) {
    const scores = Float32Array.from(offsets, (offset) => reading.positive(outputs, offset));
    const predicted = predictAt(scores, thresholdOf(manifest));
    return { kind: "binary", scores, predicted, labels: Uint8Array.from(targets) };
  }
  return {
    kind: "multiclass",
    classes: classes.length,
    probabilities: outputs,
    predicted: Uint16Array.from(offsets, (offset) => reading.predictedClass(outputs, offset)),
    labels: Uint16Array.from(targets),
  };
}

// hot path
/**
 * A model version while it is served: what the path of a request needs to know of it, worked out once.
 *
 * Also the reading of one output row: score, class and confidence (see Prediction for their meaning).
 */

import { type ModelManifest, modelKey, outputWidth } from "./core/manifest.ts";
import { type Histogram, type Metrics, ROWS, SECONDS } from "./core/metrics.ts";
import { isKeptAsText } from "./core/model-input.ts";
import { RowBinaryWriter } from "./core/row-binary.ts";
import type { ServingWindow } from "./deployments/serving-window.ts";
import { FeaturePlan } from "./feature-plan.ts";
import type { FeatureLookup } from "./features/feature-lookup.ts";
import { compilePipeline, type Pipeline } from "./transform/pipeline.ts";

export interface ModelMetrics {
  readonly queueSeconds: Histogram;
  readonly inferenceSeconds: Histogram;
  readonly requestSeconds: Histogram;
  readonly batchRows: Histogram;
}

/** How a prediction names what made it. */
export interface Naming {
  readonly variant: string;
  /** Name, version and variant as the prediction log has them. */
  readonly logName: Buffer;
}

export class ServedModel {
  readonly manifest: ModelManifest;
  /** name@version */
  readonly key: string;
  readonly plan: FeaturePlan;
  /** From the plan's raw rows to what the worker reads; undefined: it reads the raw rows. */
  readonly pipeline: Pipeline | undefined;
  /** Floats per row that the worker reads. */
  readonly inputWidth: number;
  readonly outputWidth: number;
  readonly classes: readonly string[];
  /** The class labels as JSON strings. */
  readonly classesJson: readonly string[];
  /** How it is served, while it takes part in a canary. */
  window: ServingWindow | undefined;
  /** The class labels as the prediction log has them. */
  readonly logClasses: readonly Buffer[];
  readonly threshold: number;
  /** Per input: its categories, none for an input that is kept as text, or undefined for a number. */
  readonly categories: readonly (readonly string[] | undefined)[];
  /** How many inputs are numbers. */
  readonly numbers: number;
  readonly metrics: ModelMetrics;

  /** Where features come from that the request does not hold; undefined: the request holds all. */
  readonly lookup: FeatureLookup | undefined;
  #naming: Naming;

  constructor(manifest: ModelManifest, metrics: Metrics, lookup?: FeatureLookup) {
    this.lookup = lookup;
    this.manifest = manifest;
    this.key = modelKey(manifest);
    this.plan = new FeaturePlan(manifest);
    this.pipeline =
      manifest.preprocessing === undefined
        ? undefined
        : compilePipeline(manifest.inputs, manifest.preprocessing);
    this.inputWidth = this.pipeline?.width ?? this.plan.width;
    this.outputWidth = outputWidth(manifest);
    this.classes = manifest.classes ?? [];
    this.classesJson = this.classes.map((label) => JSON.stringify(label));
    this.#naming = toNaming(manifest, "");
    this.logClasses = this.classes.map((label) => toRowBinary(label));
    this.threshold = manifest.threshold ?? 0.5;
    this.categories = manifest.inputs.map((input) =>
      input.type === "category" ? input.categories : isKeptAsText(input) ? [] : undefined,
    );
    this.numbers = this.categories.filter((names) => names === undefined).length;
    this.metrics = createModelMetrics(manifest, metrics);
  }

  /** What rows that are accepted from now on are told as. */
  get naming(): Naming {
    return this.#naming;
  }

  /** @param variant what the version is beside others in production: `canary`, or empty. */
  tellAs(variant: string): void {
    this.#naming = toNaming(this.manifest, variant);
  }

  /** Index of the predicted class of an output row, or -1 for a regression. */
  predictedClass(outputs: Float32Array, offset: number): number {
    if (this.classes.length === 0) return -1;
    if (this.classes.length === 2) return this.positive(outputs, offset) >= this.threshold ? 1 : 0;
    let best = 0;
    for (let index = 1; index < this.classes.length; index++) {
      if ((outputs[offset + index] as number) > (outputs[offset + best] as number)) best = index;
    }
    return best;
  }

  /** Probability of the last of two classes. */
  positive(outputs: Float32Array, offset: number): number {
    return outputs[offset + this.outputWidth - 1] as number;
  }

  /** Probability of class `index`. */
  probability(outputs: Float32Array, offset: number, index: number): number {
    if (this.outputWidth > 1) return outputs[offset + index] as number;
    const positive = outputs[offset] as number;
    return index === 1 ? positive : Math.fround(1 - positive);
  }

  /** The `predicted_value` of an output row. */
  value(outputs: Float32Array, offset: number): number {
    if (this.classes.length === 0) return outputs[offset] as number;
    if (this.classes.length === 2) return this.positive(outputs, offset);
    return outputs[offset + this.predictedClass(outputs, offset)] as number;
  }
}

function toNaming({ name, version }: ModelManifest, variant: string): Naming {
  return { variant, logName: toRowBinary(name, version, variant) };
}

function toRowBinary(...texts: string[]): Buffer {
  const writer = new RowBinaryWriter(64);
  for (const text of texts) writer.string(text);
  return writer.written();
}

function createModelMetrics(manifest: ModelManifest, metrics: Metrics): ModelMetrics {
  const labels = { model: manifest.name, version: manifest.version };
  const seconds = (name: string, help: string): Histogram => metrics.histogram(name, help, SECONDS, labels);
  return {
    queueSeconds: seconds("engine_queue_seconds", "Wait of a batch's oldest row for a worker."),
    inferenceSeconds: seconds("engine_inference_seconds", "Time of a batch in the model runtime."),
    requestSeconds: seconds("engine_request_seconds", "Arrival of a request to the end of its answer."),
    batchRows: metrics.histogram("engine_batch_rows", "Rows per batch.", ROWS, labels),
  };
}

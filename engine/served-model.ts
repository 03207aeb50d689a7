// hot path
/**
 * A model version while it is served: what the path of a request needs to know of it, worked out once.
 */

import { type ModelManifest, modelKey } from "./core/manifest.ts";
import { type Histogram, type Metrics, ROWS, SECONDS } from "./core/metrics.ts";
import { isKeptAsText } from "./core/model-input.ts";
import { RowBinaryWriter } from "./core/row-binary.ts";
import type { ModelTensors } from "./core/tensor.ts";
import type { ServingWindow } from "./deployments/serving-window.ts";
import { FeaturePlan } from "./feature-plan.ts";
import type { FeatureLookup } from "./features/feature-lookup.ts";
import { ModelStatistics } from "./oip/model-statistics.ts";
import { servedTensors } from "./oip/served-tensors.ts";
import { OutputReading } from "./output-reading.ts";
import type { RowPlan } from "./row-source.ts";
import { TensorPlan } from "./tensor-plan.ts";
import { compilePipeline, type Pipeline } from "./transform/pipeline.ts";

/** Of a batch: 8 MiB. */
const BATCH_FLOATS_MAX = 2 ** 21;
const BATCH_TEXTS_MAX = 2 ** 16;

export interface ModelMetrics {
  readonly queueSeconds: Histogram;
  readonly handoverSeconds: Histogram;
  readonly inferenceSeconds: Histogram;
  readonly logSeconds: Histogram;
  readonly requestSeconds: Histogram;
  readonly batchRows: Histogram;
}

/** How a prediction names what made it. */
export interface Naming {
  readonly variant: string;
  /** Name, version and variant as the prediction log has them. */
  readonly logName: Buffer;
}

export class ServedModel extends OutputReading {
  readonly manifest: ModelManifest;
  /** name@version */
  readonly key: string;
  readonly plan: RowPlan;
  /** The plan of a model that takes features; undefined for one of tensors. */
  readonly featurePlan: FeaturePlan | undefined;
  /** The plan of a model of tensors. */
  readonly tensorPlan: TensorPlan | undefined;
  /** What it takes and gives over the Open Inference Protocol. */
  readonly tensors: ModelTensors;
  /** From the plan's raw rows to what the worker reads; undefined: it reads the raw rows. */
  readonly pipeline: Pipeline | undefined;
  /** Floats per row that the worker reads. */
  readonly inputWidth: number;
  /** Rows of a batch, at most: their memory is bounded. */
  readonly batchRowsMax: number;
  /** The class labels as JSON strings. */
  readonly classesJson: readonly string[];
  /** How it is served, while it takes part in a canary. */
  window: ServingWindow | undefined;
  /** The class labels as the prediction log has them. */
  readonly logClasses: readonly Buffer[];
  /** Per input: its categories, none for an input that is kept as text, or undefined for a number. */
  readonly categories: readonly (readonly string[] | undefined)[];
  /** How many inputs are numbers. */
  readonly numbers: number;
  readonly metrics: ModelMetrics;
  /** What it has done since it was loaded. */
  readonly statistics = new ModelStatistics();

  /** Where features come from that the request does not hold; undefined: the request holds all. */
  readonly lookup: FeatureLookup | undefined;
  #naming: Naming;

  /** @param loaded what the runtime says that the model takes and gives. */
  constructor(
    manifest: ModelManifest,
    metrics: Metrics,
    lookup?: FeatureLookup,
    loaded: ModelTensors = { inputs: [], outputs: [] },
  ) {
    super(manifest);
    this.lookup = lookup;
    this.manifest = manifest;
    this.key = modelKey(manifest);
    this.tensors = servedTensors(manifest, loaded, lookup);
    this.tensorPlan = manifest.tensors && new TensorPlan(manifest.tensors.inputs);
    this.featurePlan = this.tensorPlan === undefined ? new FeaturePlan(manifest) : undefined;
    this.plan = (this.tensorPlan ?? this.featurePlan) as RowPlan;
    this.pipeline =
      manifest.preprocessing === undefined
        ? undefined
        : compilePipeline(manifest.inputs, manifest.preprocessing);
    this.inputWidth = this.pipeline?.width ?? this.plan.width;
    const { texts } = this.plan;
    const rows = Math.min(
      BATCH_FLOATS_MAX / Math.max(1, this.inputWidth),
      BATCH_TEXTS_MAX / Math.max(1, texts),
    );
    this.batchRowsMax = Math.max(1, Math.floor(rows));
    this.classesJson = this.classes.map((label) => JSON.stringify(label));
    this.#naming = toNaming(manifest, "");
    this.logClasses = this.classes.map((label) => toRowBinary(label));
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
    handoverSeconds: seconds("engine_handover_seconds", "A batch's way to its worker and back."),
    inferenceSeconds: seconds("engine_inference_seconds", "Time of a batch in the model runtime."),
    logSeconds: seconds(
      "engine_log_seconds",
      "Result of a batch until it may be answered: log, and its acknowledgement.",
    ),
    requestSeconds: seconds("engine_request_seconds", "Arrival of a request to the end of its answer."),
    batchRows: metrics.histogram("engine_batch_rows", "Rows per batch.", ROWS, labels),
  };
}

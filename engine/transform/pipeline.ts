// hot path
/**
 * A preprocessing pipeline, compiled once: from a row's raw values, as they are logged, to the floats that the model
 * reads. Serving and training both go through it.
 *
 *     raw floats, texts → [frame: float64 and texts] → kernel → kernel → … → float32 in the slab
 *
 * Raw values: a float32 per input (a category as its index, NaN for what is missing), and a text for each input that
 * is kept as text, timestamps as ISO 8601. It computes in float64 and rounds once, at the end.
 */
import type { Column, StepLayout } from "../core/column.ts";
import { type Layout, layoutOf, layoutOfPart } from "../core/column-layout.ts";
import { EngineError } from "../core/errors.ts";
import { isKeptAsText, type ModelInput } from "../core/model-input.ts";
import type { PreprocessingStep } from "../core/preprocessing.ts";
import { OneHotKernel, OrdinalKernel } from "./category-kernels.ts";
import type { Frame, Kernel } from "./kernel.ts";
import { CenterKernel, CyclicKernel, ImputerKernel, MinMaxKernel, ProductsKernel } from "./number-kernels.ts";
import { GeohashKernel, HaversineKernel } from "./place-kernels.ts";
import { TfidfKernel } from "./tfidf-kernel.ts";
import { TimePartsKernel } from "./time-kernel.ts";

/** What an input's raw value becomes in the frame. */
type Loading = "number" | "category" | "text" | "time";

export class Pipeline {
  /** Names of the floats of a row. */
  readonly names: readonly string[];
  readonly #layout: Layout;
  readonly #loadings: readonly Loading[];
  readonly #inputSlots: Int32Array;
  readonly #categories: readonly (readonly string[])[];
  readonly #kernels: readonly Kernel[];
  readonly #features: Int32Array;
  readonly #frame: Frame;
  #failed: Kernel | undefined;

  constructor(inputs: readonly ModelInput[], layout: Layout) {
    this.names = layout.features.map(({ name }) => name);
    this.#layout = layout;
    this.#loadings = inputs.map(loadingOf);
    this.#inputSlots = Int32Array.from(layout.inputs, ({ slot }) => slot);
    this.#categories = inputs.map((input) => (input.type === "category" ? input.categories : []));
    this.#kernels = layout.steps.flatMap(toKernels);
    this.#features = Int32Array.from(layout.features, ({ slot }) => slot);
    this.#frame = {
      numbers: new Float64Array(layout.numbers),
      texts: Array.from({ length: layout.texts }, () => ""),
    };
  }

  /** Floats in a row that it writes. */
  get width(): number {
    return this.#features.length;
  }

  /**
   * Transforms the raw row at `raw[rawOffset]` and `texts[textOffset]` into `row` at `offset`.
   * @returns false when a value is not allowed; `explain` says why then.
   */
  write(
    raw: Float32Array,
    rawOffset: number,
    texts: readonly string[],
    textOffset: number,
    row: Float32Array,
    offset: number,
  ): boolean {
    if (!this.load(raw, rawOffset, texts, textOffset)) return false;
    const { numbers } = this.#frame;
    const features = this.#features;
    for (let at = 0; at < features.length; at++) row[offset + at] = numbers[features[at] as number] as number;
    return true;
  }

  /** Runs the steps over one raw row and leaves the result in the frame, for `numberOf` and `textOf`. */
  load(raw: Float32Array, rawOffset: number, texts: readonly string[], textOffset: number): boolean {
    this.#loadInputs(raw, rawOffset, texts, textOffset);
    for (const kernel of this.#kernels) {
      if (kernel.run(this.#frame)) continue;
      this.#failed = kernel;
      return false;
    }
    return true;
  }

  /** A column that is left after the steps. */
  column(name: string): Column | undefined {
    return this.#layout.columns.get(name);
  }

  numberOf({ slot }: Column): number {
    return this.#frame.numbers[slot] as number;
  }

  textOf({ slot }: Column): string {
    return this.#frame.texts[slot] as string;
  }

  /** The error of the row that was refused last. */
  explain(): EngineError {
    const problem = this.#failed?.problem?.(this.#frame);
    const field = `features.${problem?.column.input ?? ""}`;
    const message = problem?.message ?? "is not allowed";
    return new EngineError("INVALID_FEATURES", `${field} ${message}`, { details: [{ field, message }] });
  }

  #loadInputs(raw: Float32Array, rawOffset: number, texts: readonly string[], textOffset: number): void {
    const { numbers, texts: frameTexts } = this.#frame;
    let text = textOffset;
    for (let input = 0; input < this.#inputSlots.length; input++) {
      const slot = this.#inputSlots[input] as number;
      switch (this.#loadings[input] as Loading) {
        case "category":
          frameTexts[slot] = this.#categories[input]?.[raw[rawOffset + input] as number] ?? "";
          break;
        case "text":
          frameTexts[slot] = texts[text++] as string;
          break;
        case "time":
          // "" is no date: NaN
          numbers[slot] = Date.parse(texts[text++] as string);
          break;
        case "number":
          numbers[slot] = raw[rawOffset + input] as number;
      }
    }
  }
}

/**
 * Compiles the fitted steps of a manifest.
 * @throws EngineError MODEL_INVALID when they do not fit together.
 */
export function compilePipeline(
  inputs: readonly ModelInput[],
  steps: readonly PreprocessingStep[],
): Pipeline {
  return new Pipeline(inputs, layoutOf(inputs, steps));
}

/** Compiles the first steps of a pipeline that is being fitted; it has no features yet. */
export function compilePart(inputs: readonly ModelInput[], steps: readonly PreprocessingStep[]): Pipeline {
  return new Pipeline(inputs, layoutOfPart(inputs, steps));
}

function loadingOf(input: ModelInput): Loading {
  if (isKeptAsText(input)) return input.type === "timestamp" ? "time" : "text";
  return input.type === "category" ? "category" : "number";
}

/** None for steps that only choose columns. */
function toKernels(layout: StepLayout): Kernel[] {
  const { step } = layout;
  switch (step.type) {
    case "imputer":
      return [new ImputerKernel(step, layout)];
    case "standard_scaler":
      return [new CenterKernel(step.mean, step.scale, layout)];
    case "robust_scaler":
      return [new CenterKernel(step.center, step.scale, layout)];
    case "min_max_scaler":
      return [new MinMaxKernel(step, layout)];
    case "one_hot_encoder":
      return [new OneHotKernel(step, layout)];
    case "ordinal_encoder":
      return [new OrdinalKernel(step, layout)];
    case "tfidf_vectorizer":
      return [new TfidfKernel(step, layout)];
    case "time_parts":
      return [new TimePartsKernel(step, layout)];
    case "cyclic_encoder":
      return [new CyclicKernel(step, layout)];
    case "haversine_distance":
      return [new HaversineKernel(step, layout)];
    case "geohash":
      return [new GeohashKernel(step, layout)];
    case "polynomial_features":
      return [new ProductsKernel(step, layout)];
    case "variance_threshold":
    case "select":
      return [];
  }
}

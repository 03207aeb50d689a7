// hot path
/**
 * Kernels from numbers to numbers: filling in, scaling, cyclic encoding, products. A missing number (NaN) stays one
 * except where it is filled in, as in scikit-learn.
 */
import type { StepLayout } from "../core/column.ts";
import type { StepOf } from "../core/preprocessing.ts";
import { type Frame, type Kernel, slotsOf } from "./kernel.ts";

const EMPTY = "";

/** Fills what is missing, numbers and texts alike; before that, sets the indicators. */
export class ImputerKernel implements Kernel {
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #isText: Uint8Array;
  readonly #numbers: Float64Array;
  readonly #texts: readonly string[];
  /** Slot of the indicator of a column, or -1. */
  readonly #indicators: Int32Array;

  constructor(step: StepOf<"imputer">, { reads, writes }: StepLayout) {
    this.#from = slotsOf(reads);
    this.#to = slotsOf(writes.slice(0, reads.length));
    this.#isText = Uint8Array.from(reads, ({ kind }) => (kind === "text" ? 1 : 0));
    this.#numbers = Float64Array.from(step.statistics, Number);
    this.#texts = step.statistics.map(String);
    this.#indicators = Int32Array.from(reads, ({ name }) => {
      const at = (step.indicators ?? []).indexOf(name);
      return at < 0 ? -1 : (writes[reads.length + at]?.slot ?? -1);
    });
  }

  run({ numbers, texts }: Frame): boolean {
    for (let at = 0; at < this.#from.length; at++) {
      const from = this.#from[at] as number;
      const to = this.#to[at] as number;
      const indicator = this.#indicators[at] as number;
      let isMissing: boolean;
      if (this.#isText[at] === 1) {
        const text = texts[from] as string;
        isMissing = text === EMPTY;
        texts[to] = isMissing ? (this.#texts[at] as string) : text;
      } else {
        const number = numbers[from] as number;
        isMissing = Number.isNaN(number);
        numbers[to] = isMissing ? (this.#numbers[at] as number) : number;
      }
      if (indicator >= 0) numbers[indicator] = isMissing ? 1 : 0;
    }
    return true;
  }
}

/** (x - center) / scale: the standard and the robust scaler. */
export class CenterKernel implements Kernel {
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #center: Float64Array;
  readonly #scale: Float64Array;

  constructor(center: readonly number[], scale: readonly number[], { reads, writes }: StepLayout) {
    this.#from = slotsOf(reads);
    this.#to = slotsOf(writes);
    this.#center = Float64Array.from(center);
    this.#scale = Float64Array.from(scale);
  }

  run({ numbers }: Frame): boolean {
    for (let at = 0; at < this.#from.length; at++) {
      const number = numbers[this.#from[at] as number] as number;
      numbers[this.#to[at] as number] = (number - (this.#center[at] as number)) / (this.#scale[at] as number);
    }
    return true;
  }
}

/** x · scale + min, with scale and min from the data's range and the wanted one, as scikit-learn has it. */
export class MinMaxKernel implements Kernel {
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #scale: Float64Array;
  readonly #min: Float64Array;
  readonly #low: number;
  readonly #high: number;

  constructor(step: StepOf<"min_max_scaler">, { reads, writes }: StepLayout) {
    const [low, high] = step.feature_range ?? [0, 1];
    this.#from = slotsOf(reads);
    this.#to = slotsOf(writes);
    this.#scale = Float64Array.from(step.data_min, (min, at) => {
      const range = (step.data_max[at] ?? min) - min;
      return (high - low) / (range < 10 * Number.EPSILON ? 1 : range);
    });
    this.#min = Float64Array.from(step.data_min, (min, at) => low - min * (this.#scale[at] as number));
    this.#low = step.clip === true ? low : Number.NEGATIVE_INFINITY;
    this.#high = step.clip === true ? high : Number.POSITIVE_INFINITY;
  }

  run({ numbers }: Frame): boolean {
    for (let at = 0; at < this.#from.length; at++) {
      const number = numbers[this.#from[at] as number] as number;
      const scaled = number * (this.#scale[at] as number) + (this.#min[at] as number);
      numbers[this.#to[at] as number] =
        scaled < this.#low ? this.#low : scaled > this.#high ? this.#high : scaled;
    }
    return true;
  }
}

/** Sine and cosine, side by side. */
export class CyclicKernel implements Kernel {
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #period: number;

  constructor(step: StepOf<"cyclic_encoder">, { reads, writes }: StepLayout) {
    this.#from = slotsOf(reads);
    this.#to = slotsOf(writes);
    this.#period = step.period;
  }

  run({ numbers }: Frame): boolean {
    for (let at = 0; at < this.#from.length; at++) {
      const angle = (2 * Math.PI * (numbers[this.#from[at] as number] as number)) / this.#period;
      const to = this.#to[at] as number;
      numbers[to] = Math.sin(angle);
      numbers[to + 1] = Math.cos(angle);
    }
    return true;
  }
}

/** Products of pairs, in the order of scikit-learn's PolynomialFeatures of degree 2. */
export class ProductsKernel implements Kernel {
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #to: number;

  constructor(step: StepOf<"polynomial_features">, { reads, writes }: StepLayout) {
    const slots = reads.flatMap(({ slot, elements }) => elements.map((_, at) => slot + at));
    const skip = step.interaction_only === true ? 1 : 0;
    const pairs = slots.flatMap((left, at) => slots.slice(at + skip).map((right) => [left, right] as const));
    this.#left = Int32Array.from(pairs, ([left]) => left);
    this.#right = Int32Array.from(pairs, ([, right]) => right);
    this.#to = writes[0]?.slot ?? 0;
  }

  run({ numbers }: Frame): boolean {
    for (let at = 0; at < this.#left.length; at++) {
      const left = numbers[this.#left[at] as number] as number;
      numbers[this.#to + at] = left * (numbers[this.#right[at] as number] as number);
    }
    return true;
  }
}

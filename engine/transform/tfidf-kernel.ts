// hot path
/**
 * TF-IDF of a text over a fixed vocabulary. The words are strings of their own, so this kernel allocates; the bound is
 * the input's max_length.
 */
import type { StepLayout } from "../core/column.ts";
import type { StepOf } from "../core/preprocessing.ts";
import type { Frame, Kernel } from "./kernel.ts";
import { termsOf } from "./words.ts";

export class TfidfKernel implements Kernel {
  readonly #from: number;
  readonly #to: number;
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #idf: Float64Array;
  readonly #isLowered: boolean;
  readonly #least: number;
  readonly #most: number;
  readonly #isSublinear: boolean;
  readonly #norm: "l1" | "l2" | null;
  /** Indexes of the terms that the row has. */
  readonly #found: Int32Array;

  constructor(step: StepOf<"tfidf_vectorizer">, { reads, writes }: StepLayout) {
    this.#from = reads[0]?.slot ?? 0;
    this.#to = writes[0]?.slot ?? 0;
    this.#indexes = new Map(step.vocabulary.map((term, index) => [term, index]));
    this.#idf = Float64Array.from(step.idf);
    this.#isLowered = step.lowercase !== false;
    [this.#least, this.#most] = step.ngram_range ?? [1, 1];
    this.#isSublinear = step.sublinear_tf === true;
    this.#norm = step.norm === undefined ? "l2" : step.norm;
    this.#found = new Int32Array(step.vocabulary.length);
  }

  run({ numbers, texts }: Frame): boolean {
    const to = this.#to;
    numbers.fill(0, to, to + this.#idf.length);
    const count = this.#count(texts[this.#from] as string, numbers);
    let sum = 0;
    for (let at = 0; at < count; at++) {
      const index = this.#found[at] as number;
      const frequency = numbers[to + index] as number;
      const weight = (this.#isSublinear ? Math.log(frequency) + 1 : frequency) * (this.#idf[index] as number);
      numbers[to + index] = weight;
      sum += this.#norm === "l1" ? Math.abs(weight) : weight * weight;
    }
    const length = this.#norm === null || sum === 0 ? 1 : this.#norm === "l1" ? sum : Math.sqrt(sum);
    for (let at = 0; at < count; at++) {
      const slot = to + (this.#found[at] as number);
      numbers[slot] = (numbers[slot] as number) / length;
    }
    return true;
  }

  /** Counts each term in its own place; returns how many different ones there are. */
  #count(text: string, numbers: Float64Array): number {
    let count = 0;
    for (const term of termsOf(text, this.#isLowered, this.#least, this.#most)) {
      const index = this.#indexes.get(term);
      if (index === undefined) continue;
      const before = numbers[this.#to + index] as number;
      if (before === 0) this.#found[count++] = index;
      numbers[this.#to + index] = before + 1;
    }
    return count;
  }
}

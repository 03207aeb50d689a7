/** A metric that is the mean of the rows' losses: its value and the interval that their variance gives. */
import { normalInterval } from "./intervals.ts";
import { known, type MetricValue, unknownFor } from "./metric-value.ts";

/** Adds up losses by Welford's recurrence, which does not cancel where a variance is small against the mean. */
export class MeanOfLosses {
  #count = 0;
  #mean = 0;
  #squares = 0;

  /** `count` rows of the same loss. */
  add(loss: number, count = 1): void {
    if (count === 0) return;
    this.#count += count;
    const distance = loss - this.#mean;
    this.#mean += (distance * count) / this.#count;
    this.#squares += count * distance * (loss - this.#mean);
  }

  get mean(): number {
    return this.#mean;
  }

  /** Without an interval below two rows. */
  toMetric(
    range: { readonly low: number | null; readonly high: number | null },
    confidence: number,
  ): MetricValue {
    if (this.#count === 0) return unknownFor("there are no rows");
    if (this.#count === 1) return known(this.#mean);
    const error = Math.sqrt(this.#squares / (this.#count - 1) / this.#count);
    return known(this.#mean, normalInterval(this.#mean, error, confidence, range));
  }
}

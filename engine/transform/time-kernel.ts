// hot path
/**
 * Parts of a point in time, in UTC. One Date object serves all rows.
 */
import type { StepLayout } from "../core/column.ts";
import type { StepOf } from "../core/preprocessing.ts";
import { type TimePart, timePartOf } from "../core/time-parts.ts";
import { type Frame, type Kernel, slotsOf } from "./kernel.ts";

export class TimePartsKernel implements Kernel {
  readonly #date = new Date(0);
  readonly #parts: readonly TimePart[];
  readonly #from: Int32Array;
  readonly #to: Int32Array;

  constructor(step: StepOf<"time_parts">, { reads, writes }: StepLayout) {
    this.#parts = step.parts;
    this.#from = slotsOf(reads);
    this.#to = slotsOf(writes);
  }

  run({ numbers }: Frame): boolean {
    let next = 0;
    for (const from of this.#from) {
      const ms = numbers[from] as number;
      this.#date.setTime(ms);
      // of an invalid date every part is NaN; the weekend alone would not be
      for (const part of this.#parts)
        numbers[this.#to[next++] as number] = Number.isNaN(ms) ? ms : timePartOf(this.#date, part);
    }
    return true;
  }
}

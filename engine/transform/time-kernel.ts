// hot path
/**
 * Parts of a point in time, in UTC. One Date object serves all rows.
 */
import type { StepLayout } from "../core/column.ts";
import type { StepOf, TimePart } from "../core/preprocessing.ts";
import { type Frame, type Kernel, slotsOf } from "./kernel.ts";

const DAY_MS = 86_400_000;

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
        numbers[this.#to[next++] as number] = Number.isNaN(ms) ? ms : partOf(this.#date, part);
    }
    return true;
  }
}

function partOf(date: Date, part: TimePart): number {
  switch (part) {
    case "year":
      return date.getUTCFullYear();
    case "month":
      return date.getUTCMonth() + 1;
    case "day_of_month":
      return date.getUTCDate();
    case "day_of_week":
      return (date.getUTCDay() + 6) % 7;
    case "day_of_year":
      return Math.floor(date.getTime() / DAY_MS) - Date.UTC(date.getUTCFullYear(), 0, 1) / DAY_MS + 1;
    case "is_weekend":
      return date.getUTCDay() % 6 === 0 ? 1 : 0;
    case "hour":
      return date.getUTCHours();
    case "minute":
      return date.getUTCMinutes();
    case "second":
      return date.getUTCSeconds();
    case "epoch_days":
      return date.getTime() / DAY_MS;
  }
}

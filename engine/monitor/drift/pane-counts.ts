// hot path
/**
 * Counts the rows of one series (model, version, variant) by minute, in the bins of one reference.
 *
 *     rows of the log → staged while they are of one minute → BinCounter, column by column → counts of the minute
 *
 * Bound: STAGED_ROWS rows staged; one array of slots a minute until `take`.
 */
import type { LogRowReader } from "../../core/log-row-reader.ts";
import type { ReferenceProfile } from "../references/reference-profile.ts";
import { BinCounter } from "./bin-counter.ts";

export const MINUTE_MS = 60_000;
const STAGED_ROWS = 256;

/** What a series is counted by: the bins, and where a row has the columns' values. */
export interface CountingPlan {
  readonly counter: BinCounter;
  /** Index in the profile of each category, text and timestamp of a row; -1: it is not watched. */
  readonly textColumns: readonly number[];
  /** Indexes in the profile; -1 where the profile has not that column. */
  readonly valueColumn: number;
  readonly classColumn: number;
}

/** `texts`: names of the model's categories, texts and timestamps, in its order. */
export function planCounting(profile: ReferenceProfile, texts: readonly string[]): CountingPlan {
  const indexOf = (name: string, role: string): number =>
    profile.columns.findIndex((column) => column.name === name && column.role === role);
  return {
    counter: new BinCounter(profile),
    textColumns: texts.map((name) => indexOf(name, "input")),
    valueColumn: indexOf("predicted_value", "output"),
    classColumn: indexOf("predicted_class", "output"),
  };
}

export class PaneCounts {
  readonly #plan: CountingPlan;
  readonly #staged: Float32Array;
  readonly #stagedBytes: Uint8Array;
  #stagedRows = 0;
  #minute = Number.NaN;
  #counts: Uint32Array = new Uint32Array(0);
  #byMinute = new Map<number, Uint32Array>();
  #misfits = 0;

  constructor(plan: CountingPlan) {
    this.#plan = plan;
    this.#staged = new Float32Array(STAGED_ROWS * plan.counter.stride);
    this.#stagedBytes = new Uint8Array(this.#staged.buffer);
  }

  /** Minutes with counts. */
  get minutes(): number {
    return this.#byMinute.size;
  }

  /** Counts the row that the reader stands at: one that has not the columns of the reference, in the slot behind all of them. */
  add(row: LogRowReader): void {
    const { counter, textColumns, valueColumn, classColumn } = this.#plan;
    const { stride } = counter;
    const minute = Math.floor(row.dateMs / MINUTE_MS);
    if (minute !== this.#minute) this.#turnTo(minute);
    const counts = this.#counts;
    if (row.numbers !== stride || row.texts !== textColumns.length) {
      increment(counts, counter.slots);
      this.#misfits++;
      return;
    }
    if (valueColumn >= 0) increment(counts, counter.slotOf(valueColumn, row.predictedValue));
    if (classColumn >= 0) increment(counts, counter.slotOf(classColumn, row.predictedClass()));
    if (textColumns.length > 0) {
      let index = 0;
      for (const text of row.categories()) {
        const column = textColumns[index++] as number;
        if (column >= 0) increment(counts, counter.slotOf(column, text));
      }
    }
    row.copyNumbers(this.#stagedBytes, this.#stagedRows * stride * 4);
    if (++this.#stagedRows === STAGED_ROWS) this.#countStaged();
  }

  /** Rows counted since the last call that have not the columns of the reference. */
  takeMisfits(): number {
    const taken = this.#misfits;
    this.#misfits = 0;
    return taken;
  }

  /** The counts by minute since 1970, per slot, and last of the rows that do not fit; it starts over with none. */
  take(): ReadonlyMap<number, Uint32Array> {
    this.#countStaged();
    const taken = this.#byMinute;
    this.#byMinute = new Map();
    this.#minute = Number.NaN;
    return taken;
  }

  #turnTo(minute: number): void {
    this.#countStaged();
    this.#minute = minute;
    let counts = this.#byMinute.get(minute);
    if (counts === undefined) {
      counts = new Uint32Array(this.#plan.counter.slots + 1);
      this.#byMinute.set(minute, counts);
    }
    this.#counts = counts;
  }

  #countStaged(): void {
    this.#plan.counter.countRows(this.#staged, 0, this.#stagedRows, this.#counts);
    this.#stagedRows = 0;
  }
}

function increment(counts: Uint32Array, slot: number): void {
  counts[slot] = (counts[slot] as number) + 1;
}

// hot path
/**
 * Counts the rows of one series (model, version, variant) by minute, in the bins of one reference.
 *
 *     rows of the log → places staged while they are of one minute → BinCounter, column by column → counts of the minute
 *
 * Rows are counted where they stand: `countStaged` must be called before their bytes change.
 * Bound: COUNTED_ROWS_MAX places staged; one array of slots a minute until `take`.
 */
import { behindLength, type LogRowReader, lengthAt } from "../../core/log-row-reader.ts";
import type { ReferenceProfile } from "../references/reference-profile.ts";
import { BinCounter } from "./bin-counter.ts";
import { COUNTED_ROWS_MAX } from "./number-bins.ts";

export const MINUTE_MS = 60_000;
const NO_BYTES = new DataView(new ArrayBuffer(0));

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
  #view: DataView = NO_BYTES;
  /** Where the numbers of the staged rows stand in #view, and their predicted values. */
  readonly #numbers = new Int32Array(COUNTED_ROWS_MAX);
  readonly #values = new Int32Array(COUNTED_ROWS_MAX);
  #stagedRows = 0;
  /** The minute of the rows that are staged. */
  #startMs = Infinity;
  #counts: Uint32Array = new Uint32Array(0);
  #byMinute = new Map<number, Uint32Array>();
  #misfits = 0;
  /** Of a model of tensors nothing but the output is watched, whatever its rows hold. */
  readonly #hasInputs: boolean;

  constructor(plan: CountingPlan) {
    this.#plan = plan;
    this.#hasInputs = plan.counter.stride + plan.textColumns.length > 0;
  }

  /** Minutes with counts. */
  get minutes(): number {
    return this.#byMinute.size;
  }

  /** Whether there are counts of a minute that was over at `nowMs`. */
  hasMinuteOver(nowMs: number): boolean {
    for (const minute of this.#byMinute.keys()) if ((minute + 1) * MINUTE_MS <= nowMs) return true;
    return false;
  }

  /**
   * Counts the row that the reader stands at, at the latest in `countStaged`: one that has not the columns of the reference, in the slot
   * behind all of them.
   */
  add(row: LogRowReader): void {
    const { counter, textColumns, classColumn } = this.#plan;
    const intoMinuteMs = row.dateMs - this.#startMs;
    if (!(intoMinuteMs >= 0 && intoMinuteMs < MINUTE_MS)) this.#turnTo(Math.floor(row.dateMs / MINUTE_MS));
    if (this.#hasInputs && (row.numbers !== counter.stride || row.texts !== textColumns.length)) {
      this.#counts[counter.slots] = (this.#counts[counter.slots] as number) + 1;
      this.#misfits++;
      return;
    }
    const { bytes } = row;
    if (classColumn >= 0) this.#countText(classColumn, bytes, row.classAt);
    let at = row.textsAt;
    for (let index = 0; index < textColumns.length; index++)
      at = this.#countText(textColumns[index] as number, bytes, at);
    this.#view = row.view;
    this.#numbers[this.#stagedRows] = row.numbersAt;
    this.#values[this.#stagedRows] = row.valueAt;
    if (++this.#stagedRows === COUNTED_ROWS_MAX) this.countStaged();
  }

  countStaged(): void {
    const { counter, valueColumn } = this.#plan;
    counter.countRows(this.#view, this.#numbers, this.#stagedRows, this.#counts);
    if (valueColumn >= 0)
      counter.countNumbers(valueColumn, this.#view, this.#values, this.#stagedRows, this.#counts);
    this.#stagedRows = 0;
    this.#view = NO_BYTES;
  }

  /** Rows counted since the last call that have not the columns of the reference. */
  takeMisfits(): number {
    const taken = this.#misfits;
    this.#misfits = 0;
    return taken;
  }

  /** The counts by minute since 1970, per slot, and last of the rows that do not fit; it starts over with none. */
  take(): ReadonlyMap<number, Uint32Array> {
    this.countStaged();
    const taken = this.#byMinute;
    this.#byMinute = new Map();
    this.#startMs = Infinity;
    return taken;
  }

  #turnTo(minute: number): void {
    this.countStaged();
    this.#startMs = minute * MINUTE_MS;
    let counts = this.#byMinute.get(minute);
    if (counts === undefined) {
      counts = new Uint32Array(this.#plan.counter.slots + 1);
      this.#byMinute.set(minute, counts);
    }
    this.#counts = counts;
  }

  /** Counts the string at a place of a row in a column, -1 for none; where it ends. */
  #countText(column: number, bytes: Uint8Array, at: number): number {
    const start = behindLength(bytes, at);
    const end = start + lengthAt(bytes, at);
    if (column >= 0) this.#plan.counter.countText(column, bytes, start, end, this.#counts);
    return end;
  }
}

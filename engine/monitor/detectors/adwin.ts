// hot path
/**
 * ADWIN: keeps a window of the latest values, as long as no older part of it has another mean than the newer part.
 *
 * The window is an exponential histogram: row i holds up to BUCKETS_MAX buckets of 2^i values each, with their sum and
 * their sum of squared deviations. Every `clock` values each boundary between buckets is tried as a cut; where the means
 * differ by more than epsilon the older part goes.
 *
 *     newest  row 0: 1 1 1 1   row 1: 2 2 2 2 2   row 2: 4 4 …   oldest
 *
 * Bound: ROWS rows, enough for 2^47 values. A. Bifet, R. Gavaldà, "Learning from time-changing data with adaptive
 * windowing", 2007; the constants are River's, which the goldens compare with.
 */
import { z } from "zod";
import { type DriftDetector, invalidValue, parseDetector, VALUE_MAX } from "./drift-detector.ts";

const ROWS = 48;
const BUCKETS_MAX = 5;
/** Values in a bucket, by row. A table, since powers take two thirds of the time: 7 M updates/s with them, 22 without (bench/detectors). */
const SIZES = Float64Array.from({ length: ROWS }, (_, row) => 2 ** row);
/** One more, since a row is shortened after it has become too long. */
const ROW_LENGTH = BUCKETS_MAX + 1;
/** Fewest values on either side of a cut. */
const SIDE_MIN = 5;
/** A window that is not longer is not searched. */
const GRACE_PERIOD = 10;

export const adwinOptions = z.strictObject({
  /**
   * What is left after drift. `standard`: what came after the likeliest cut. The paper drops bucket by bucket while any
   * cut is significant, which leaves a rest of the old values and makes 4 to 6 alarms of one change; this makes one.
   * `river`: nothing, so the new values have to be gathered once more before the next change can be seen.
   */
  mode: z.enum(["standard", "river"]).default("standard"),
  /**
   * The level of a search. River's 0.002 gives a false alarm in 1.3 million values of N(0, 1) with `range` 1, and one in 5
   * million errors of rate 0.5. The default gives one in 17 and in 29 million, and none in 200 million errors of rate 0.1
   * or 0.01 (measured as in bench/detectors). Finding a rate that goes from 0.1 to 0.15 takes 1,250 values for 1,050.
   */
  delta: z.number().gt(0).lt(1).default(0.0002),
  /** Values between two searches for a cut. */
  clock: z.int().min(1).max(1_000_000).default(32),
  /**
   * Largest minus smallest value that the stream can have: 1 for probabilities and for errors of 0 and 1. For values
   * without a bound, what nearly all of them span: log-normal ones make 25 false alarms in 864,000 with 1, none with 20.
   */
  range: z.number().gt(0).max(VALUE_MAX).default(1),
});
export type AdwinOptions = z.input<typeof adwinOptions>;

const numbers = z.array(z.number()).max(BUCKETS_MAX);
const adwinState = z.strictObject({
  kind: z.literal("adwin"),
  options: adwinOptions,
  ticks: z.int().min(0),
  total: z.number(),
  squares: z.number(),
  /** Row by row; in a row the oldest bucket first. */
  rows: z.array(z.strictObject({ totals: numbers, squares: numbers })).max(ROWS),
});

export class Adwin implements DriftDetector {
  readonly #options: z.output<typeof adwinOptions>;
  readonly #isRiver: boolean;
  readonly #clock: number;
  /** By row × ROW_LENGTH + position: sums, and sums of squared deviations from the bucket's mean. */
  readonly #totals = new Float64Array(ROWS * ROW_LENGTH);
  readonly #squares = new Float64Array(ROWS * ROW_LENGTH);
  /** Buckets by row. */
  readonly #counts = new Int32Array(ROWS);
  #rows = 1;
  #ticks = 0;
  /** Of the whole window: values, their sum, their sum of squared deviations from the mean. */
  #width = 0;
  #total = 0;
  #deviations = 0;

  /** @throws EngineError INVALID_REQUEST naming the option. */
  constructor(options: AdwinOptions = {}) {
    this.#options = parseDetector("ADWIN", adwinOptions, options);
    this.#isRiver = this.#options.mode === "river";
    this.#clock = this.#options.clock;
  }

  /** @throws EngineError INVALID_REQUEST for what toJSON has not made. */
  static restore(json: unknown): Adwin {
    const state = parseDetector("state of ADWIN", adwinState, json);
    const adwin = new Adwin(state.options);
    adwin.#ticks = state.ticks;
    adwin.#total = state.total;
    adwin.#deviations = state.squares;
    adwin.#rows = Math.max(1, state.rows.length);
    for (const [row, { totals, squares }] of state.rows.entries()) {
      adwin.#totals.set(totals, row * ROW_LENGTH);
      adwin.#squares.set(squares, row * ROW_LENGTH);
      adwin.#counts[row] = totals.length;
      adwin.#width += totals.length * 2 ** row;
    }
    return adwin;
  }

  toJSON(): z.output<typeof adwinState> {
    const rows = Array.from(this.#counts.subarray(0, this.#rows), (count, row) => ({
      totals: [...this.#totals.subarray(row * ROW_LENGTH, row * ROW_LENGTH + count)],
      squares: [...this.#squares.subarray(row * ROW_LENGTH, row * ROW_LENGTH + count)],
    }));
    return {
      kind: "adwin",
      options: this.#options,
      ticks: this.#ticks,
      total: this.#total,
      squares: this.#deviations,
      rows,
    };
  }

  /** Values in the window. */
  get width(): number {
    return this.#width;
  }

  /** Mean of the window; 0 when it is empty. */
  get mean(): number {
    return this.#width === 0 ? 0 : this.#total / this.#width;
  }

  /** Population variance of the window; 0 when it is empty. */
  get variance(): number {
    return this.#width === 0 ? 0 : this.#deviations / this.#width;
  }

  update(value: number): boolean {
    if (!(Math.abs(value) <= VALUE_MAX)) throw invalidValue(value);
    this.#insert(value);
    this.#ticks++;
    if (this.#ticks % this.#clock !== 0 || this.#width <= GRACE_PERIOD) return false;
    let older = this.#findCut();
    if (older === 0) return false;
    if (this.#isRiver) this.reset();
    else for (; older > 0; older = this.#findCut()) this.#drop(older);
    return true;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#rows = 1;
    this.#ticks = 0;
    this.#width = 0;
    this.#total = 0;
    this.#deviations = 0;
  }

  #insert(value: number): void {
    const counts = this.#counts;
    const count = counts[0] as number;
    this.#totals[count] = value;
    this.#squares[count] = 0;
    counts[0] = count + 1;
    this.#width++;
    if (this.#width > 1) {
      const difference = value - this.#total / (this.#width - 1);
      this.#deviations += ((this.#width - 1) * difference * difference) / this.#width;
    }
    this.#total += value;
    for (let row = 0; counts[row] === ROW_LENGTH; row++) this.#mergeOldest(row);
  }

  /** Makes one bucket of the next row out of the two oldest of a row. */
  #mergeOldest(row: number): void {
    const [totals, squares, counts] = [this.#totals, this.#squares, this.#counts];
    const at = row * ROW_LENGTH;
    const size = SIZES[row] as number;
    const first = totals[at] as number;
    const second = totals[at + 1] as number;
    const difference = first / size - second / size;
    const deviations = (squares[at] as number) + (squares[at + 1] as number);
    const to = at + ROW_LENGTH + (counts[row + 1] as number);
    totals[to] = first + second;
    squares[to] = deviations + size * 0.5 * difference * difference;
    (counts[row + 1] as number)++;
    this.#shorten(row, 2);
    if (row + 1 === this.#rows) this.#rows++;
  }

  /** Takes the oldest buckets out of a row. */
  #shorten(row: number, by: number): void {
    const [totals, squares] = [this.#totals, this.#squares];
    const end = row * ROW_LENGTH + (this.#counts[row] as number);
    for (let at = row * ROW_LENGTH + by; at < end; at++) {
      totals[at - by] = totals[at] as number;
      squares[at - by] = squares[at] as number;
    }
    (this.#counts[row] as number) -= by;
  }

  /** Takes the oldest values out, a number that #findCut has given: so many whole buckets. */
  #drop(values: number): void {
    const width = this.#width - values;
    while (this.#width > width) this.#dropOldest();
  }

  #dropOldest(): void {
    const row = this.#rows - 1;
    const size = SIZES[row] as number;
    const total = this.#totals[row * ROW_LENGTH] as number;
    this.#width -= size;
    this.#total -= total;
    const difference = total / size - this.#total / this.#width;
    const between = (size * this.#width * difference * difference) / (size + this.#width);
    this.#deviations -= (this.#squares[row * ROW_LENGTH] as number) + between;
    // Rounding can leave less than nothing of a window whose values are all equal.
    if (this.#deviations < 0) this.#deviations = 0;
    this.#shorten(row, 1);
    while (this.#rows > 1 && this.#counts[this.#rows - 1] === 0) this.#rows--;
  }

  /**
   * Where to cut: how many of the oldest values are to go, 0 if none. Of all cuts at which the means of the n0 older and
   * the n1 newer values differ by more than
   * epsilon = sqrt(2/m · variance · ln(2 ln(n) / delta)) + 2/(3m) · range · ln(2 ln(n) / delta),
   * 1/m = 1/(n0 - SIDE_MIN + 1) + 1/(n1 - SIDE_MIN + 1), the one with the largest share of the variance between its two
   * sides, n0 n1 (difference of means)². Epsilon's second term is Bernstein's for values within `range`.
   */
  #findCut(): number {
    const totals = this.#totals;
    const counts = this.#counts;
    const width = this.#width;
    const spread = Math.log((2 * Math.log(width)) / this.#options.delta);
    const variance = this.#deviations / width;
    const linear = (2 / 3) * this.#options.range * spread;
    const total = this.#total;
    let older = 0;
    let olderTotal = 0;
    let cut = 0;
    let largest = 0;
    for (let row = this.#rows - 1; row >= 0; row--) {
      const size = SIZES[row] as number;
      const start = row * ROW_LENGTH;
      const end = start + (counts[row] as number);
      for (let at = start; at < end; at++) {
        older += size;
        olderTotal += totals[at] as number;
        const newer = width - older;
        if (newer < SIDE_MIN) return cut;
        if (older < SIDE_MIN) continue;
        const difference = Math.abs(olderTotal / older - (total - olderTotal) / newer);
        const inverse = 1 / (older - SIDE_MIN + 1) + 1 / (newer - SIDE_MIN + 1);
        if (!(difference > Math.sqrt(2 * inverse * variance * spread) + linear * inverse)) continue;
        const between = older * newer * difference * difference;
        if (between <= largest) continue;
        largest = between;
        cut = older;
      }
    }
    return cut;
  }
}

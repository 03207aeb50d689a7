// hot path
/**
 * KSWIN: at every value, compares the newest `stat_size` values of a sliding window with as many drawn at random from
 * the older ones, by the two-sample Kolmogorov-Smirnov test.
 *
 * The window is kept sorted: one value leaves, one is put in, and the statistic is one walk over it in which a drawn value
 * counts up and a new one down. A slot of the ring belongs to one value from its coming to its leaving.
 *
 * After drift the detector starts as new, as River's does: of the newest values, which the paper would keep, two thirds can
 * be from before the change, and made a second alarm of every large one.
 *
 * Bound: `window_size` values. C. Raab, M. Heusinger, F.-M. Schleif, "Reactive soft prototype computing for concept drift
 * streams", 2020.
 */
import { z } from "zod";
import { EngineError } from "../../core/errors.ts";
import { type RandomSource, SeededRandom } from "../../core/seeded-random.ts";
import { type DriftDetector, invalidValue, parseDetector, VALUE_MAX } from "./drift-detector.ts";
import { criticalKsGap } from "./ks-exact.ts";

const WINDOW_MAX = 10_000;
/** A smaller distance is no drift, however significant. River's. */
const DISTANCE_MIN = 0.1;
const NEWER = -1;
const DRAWN = 1;

export const kswinOptions = z
  .strictObject({
    /**
     * Largest p that is drift. Every value is a test with a fresh sample, so about this share of values are false alarms:
     * River's 0.005 with 100 and 30 values gives one in 720, the default 2 in 30 million (measured as in bench/detectors).
     */
    alpha: z.number().gt(0).lt(1).default(1e-7),
    window_size: z.int().min(2).max(WINDOW_MAX).default(600),
    /**
     * Values in each of the two samples: what can be seen at all. 200 see D = 0.29: a normal's mean shifted by 0.75
     * deviations, not its deviation doubled (0.17). Smaller changes are for ADWIN and Page-Hinkley.
     */
    stat_size: z
      .int()
      .min(1)
      .max(WINDOW_MAX / 2)
      .default(200),
    seed: z.int().min(0).max(0xffff_ffff).default(1),
  })
  .refine(({ window_size, stat_size }) => 2 * stat_size <= window_size, {
    path: ["stat_size"],
    message: "must be at most half of window_size: the older values must be as many",
  });
export type KswinOptions = z.input<typeof kswinOptions>;

const kswinState = z.strictObject({
  kind: z.literal("kswin"),
  options: kswinOptions,
  random: z.int(),
  /** Oldest first. */
  values: z.array(z.number().min(-VALUE_MAX).max(VALUE_MAX)).max(WINDOW_MAX),
});

export class Kswin implements DriftDetector {
  readonly #options: z.output<typeof kswinOptions>;
  readonly #random: RandomSource;
  readonly #size: number;
  readonly #statSize: number;
  readonly #criticalGap: number;
  /** The window as a ring: values by slot; #next is the slot of the oldest once the window is full. */
  readonly #values: Float64Array;
  #next = 0;
  #count = 0;
  /** The window in ascending order: values and their slots. */
  readonly #sorted: Float64Array;
  readonly #slots: Uint16Array;
  /** By slot: NEWER or 0; and for one test also DRAWN. */
  readonly #marks: Int8Array;
  readonly #drawnMarks: Int8Array;
  /** Ages of the older values, 0 the oldest, to be drawn from. */
  readonly #ages: Uint16Array;
  readonly #pool: Uint16Array;

  /**
   * @param random in place of the seeded generator.
   * @throws EngineError INVALID_REQUEST naming the option, also when no statistic of this size can be significant.
   */
  constructor(options: KswinOptions = {}, random?: RandomSource) {
    this.#options = parseDetector("KSWIN", kswinOptions, options);
    const { window_size: size, stat_size: statSize, alpha, seed } = this.#options;
    this.#random = random ?? new SeededRandom(seed);
    this.#size = size;
    this.#statSize = statSize;
    this.#criticalGap = Math.max(criticalKsGap(statSize, alpha), smallestGapAbove(DISTANCE_MIN, statSize));
    if (this.#criticalGap > statSize) {
      const message = `no two samples of ${statSize} values have a p of at most ${alpha}; use a larger one, or a larger alpha`;
      throw new EngineError("INVALID_REQUEST", `KSWIN: stat_size: ${message}`, {
        details: [{ field: "stat_size", message }],
      });
    }
    this.#values = new Float64Array(size);
    this.#sorted = new Float64Array(size);
    this.#slots = new Uint16Array(size);
    this.#marks = new Int8Array(size);
    this.#drawnMarks = new Int8Array(size);
    this.#ages = Uint16Array.from({ length: size - statSize }, (_, age) => age);
    this.#pool = new Uint16Array(size - statSize);
  }

  /** @throws EngineError INVALID_REQUEST for what toJSON has not made. */
  static restore(json: unknown): Kswin {
    const state = parseDetector("state of KSWIN", kswinState, json);
    const { options, random, values } = state;
    const kswin = new Kswin(options, new SeededRandom(options.seed, random));
    for (const value of values.slice(-options.window_size)) kswin.#put(value);
    return kswin;
  }

  toJSON(): z.output<typeof kswinState> {
    const oldest = this.#next + this.#size - this.#count;
    const values = Array.from(
      { length: this.#count },
      (_, age) => this.#values[(oldest + age) % this.#size] as number,
    );
    return { kind: "kswin", options: this.#options, random: this.#random.state, values };
  }

  update(value: number): boolean {
    if (!(Math.abs(value) <= VALUE_MAX)) throw invalidValue(value);
    this.#put(value);
    if (this.#count < this.#size || !this.#isDrift()) return false;
    this.reset();
    return true;
  }

  reset(): void {
    this.#next = 0;
    this.#count = 0;
    this.#marks.fill(0);
    this.#random.reset();
  }

  /** Puts a value into the ring and the sorted window, in place of the oldest if it is full. */
  #put(value: number): void {
    const slot = this.#next;
    const from = this.#count === this.#size ? this.#placeOf(slot) : this.#count++;
    this.#move(from, value, slot);
    this.#values[slot] = value;
    this.#next = slot + 1 === this.#size ? 0 : slot + 1;
    this.#marks[slot] = NEWER;
    const older = slot - this.#statSize;
    this.#marks[older < 0 ? older + this.#size : older] = 0;
  }

  /** Where the slot's value stands in the sorted window. */
  #placeOf(slot: number): number {
    const value = this.#values[slot] as number;
    let place = this.#firstNotBelow(value, this.#size);
    while (this.#slots[place] !== slot) place++;
    return place;
  }

  /** The first place of the first `count` whose value is at least `value`. */
  #firstNotBelow(value: number, count: number): number {
    const sorted = this.#sorted;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Overwrites what stands at `from` with a value, and moves those between there and its place in the order. */
  #move(from: number, value: number, slot: number): void {
    const [sorted, slots] = [this.#sorted, this.#slots];
    let place = from;
    for (; place > 0 && (sorted[place - 1] as number) > value; place--) {
      sorted[place] = sorted[place - 1] as number;
      slots[place] = slots[place - 1] as number;
    }
    for (; place + 1 < this.#count && (sorted[place + 1] as number) < value; place++) {
      sorted[place] = sorted[place + 1] as number;
      slots[place] = slots[place + 1] as number;
    }
    sorted[place] = value;
    slots[place] = slot;
  }

  /** Compares the newest values with `stat_size` of the older ones, drawn without replacement. */
  #isDrift(): boolean {
    const [pool, marks, size, random] = [this.#pool, this.#drawnMarks, this.#size, this.#random];
    pool.set(this.#ages);
    marks.set(this.#marks);
    for (let left = pool.length, last = left - this.#statSize; left > last; left--) {
      const index = random.below(left);
      // The slot of this age, without a branch that is taken at random: 280 k updates/s for 240 k (bench/detectors).
      const beyond = (pool[index] as number) + this.#next - size;
      marks[beyond + (size & (beyond >> 31))] = DRAWN;
      pool[index] = pool[left - 1] as number;
    }
    return this.#largestGap() >= this.#criticalGap;
  }

  /** stat_size × D: the largest difference between how many drawn and how many newer values are at most some value. */
  #largestGap(): number {
    const [sorted, slots, marks] = [this.#sorted, this.#slots, this.#drawnMarks];
    const last = this.#size - 1;
    let difference = 0;
    let largest = 0;
    for (let place = 0; place < last; place++) {
      difference += marks[slots[place] as number] as number;
      const gap = Math.abs(difference);
      if (gap > largest && sorted[place] !== sorted[place + 1]) largest = gap;
    }
    return largest;
  }
}

function smallestGapAbove(distance: number, size: number): number {
  let gap = 0;
  while (gap / size <= distance) gap++;
  return gap;
}

// hot path
/**
 * Page-Hinkley: adds up by how much values exceed their mean so far, less an allowance; drift is a sum above a threshold.
 *
 * `standard` counts in standard deviations of the values so far, so that one threshold fits every scale, and lets a sum
 * never fall below 0 (Page's CUSUM). `river` is what River computes: in units of the values, with a forgetting factor,
 * the sum's distance from its extreme; it alarms on unchanged streams as soon as their deviation is some tenths.
 *
 * After drift the detector starts as new. Bound: seven numbers. E. S. Page, "Continuous inspection schemes", 1954.
 */
import { z } from "zod";
import { type DriftDetector, invalidValue, parseDetector, VALUE_MAX } from "./drift-detector.ts";

const RIVER_FORGETTING = 0.9999;

export const pageHinkleyOptions = z.strictObject({
  mode: z.enum(["standard", "river"]).default("standard"),
  /**
   * Allowance per value, half of the smallest shift that matters: with the default, 0.2 standard deviations. A shift of s
   * is found after about threshold / (s - delta) values. `river`: in units of the values (0.005 there).
   */
  delta: z.number().min(0).max(VALUE_MAX).default(0.1),
  /**
   * Sum that is drift, in standard deviations; `river`: in units of the values (50 there).
   *
   * For values that are about normal, one direction's false alarms are (exp(2 delta h) - 2 delta h - 1) / (2 delta²) values
   * apart, h = threshold + 1.166 (D. Siegmund, "Sequential analysis", 1985). For skewed ones they are closer. 80 is
   * chosen for errors of rate 0.01: one in 3 million values; 67 million at rates of 0.1 and 0.5, 200 million for normal
   * values, 2 million for log-normal ones (measured as in bench/detectors). Rarer errors need more.
   */
  threshold: z.number().gt(0).max(VALUE_MAX).default(80),
  /** Values before the first decision. With fewer, the deviation that all is measured by is known too badly. River: 30. */
  warm_up: z.int().min(2).max(1_000_000_000).default(1000),
  /** Which changes of the mean are drift. */
  direction: z.enum(["up", "down", "both"]).default("both"),
});
export type PageHinkleyOptions = z.input<typeof pageHinkleyOptions>;

const pageHinkleyState = z.strictObject({
  kind: z.literal("page_hinkley"),
  options: pageHinkleyOptions,
  count: z.int().min(0),
  mean: z.number(),
  squares: z.number().min(0),
  rising: z.number(),
  falling: z.number(),
  rising_min: z.number(),
  falling_max: z.number(),
});

export class PageHinkley implements DriftDetector {
  readonly #options: z.output<typeof pageHinkleyOptions>;
  readonly #isRiver: boolean;
  readonly #delta: number;
  readonly #warmUp: number;
  /** Infinity in the direction that does not count. */
  readonly #risingMax: number;
  readonly #fallingMax: number;
  #count = 0;
  #mean = 0;
  /** Sum of squared deviations from the mean. */
  #squares = 0;
  #rising = 0;
  #falling = 0;
  /** Only River's, which starts #fallingHigh at -1; the first sum is delta >= 0, so that makes no difference. */
  #risingLow = Number.MAX_VALUE;
  #fallingHigh = -Number.MAX_VALUE;

  /** @throws EngineError INVALID_REQUEST naming the option. */
  constructor(options: PageHinkleyOptions = {}) {
    this.#options = parseDetector("Page-Hinkley", pageHinkleyOptions, options);
    const { mode, delta, threshold, warm_up: warmUp, direction } = this.#options;
    this.#isRiver = mode === "river";
    this.#delta = delta;
    this.#warmUp = warmUp;
    this.#risingMax = direction === "down" ? Number.POSITIVE_INFINITY : threshold;
    this.#fallingMax = direction === "up" ? Number.POSITIVE_INFINITY : threshold;
  }

  /** @throws EngineError INVALID_REQUEST for what toJSON has not made. */
  static restore(json: unknown): PageHinkley {
    const state = parseDetector("state of Page-Hinkley", pageHinkleyState, json);
    const detector = new PageHinkley(state.options);
    detector.#count = state.count;
    detector.#mean = state.mean;
    detector.#squares = state.squares;
    detector.#rising = state.rising;
    detector.#falling = state.falling;
    detector.#risingLow = state.rising_min;
    detector.#fallingHigh = state.falling_max;
    return detector;
  }

  toJSON(): z.output<typeof pageHinkleyState> {
    return {
      kind: "page_hinkley",
      options: this.#options,
      count: this.#count,
      mean: this.#mean,
      squares: this.#squares,
      rising: this.#rising,
      falling: this.#falling,
      rising_min: this.#risingLow,
      falling_max: this.#fallingHigh,
    };
  }

  update(value: number): boolean {
    if (!(Math.abs(value) <= VALUE_MAX)) throw invalidValue(value);
    const isDrift = this.#isRiver ? this.#addAsRiver(value) : this.#add(value);
    if (isDrift) this.reset();
    return isDrift;
  }

  reset(): void {
    this.#count = 0;
    this.#mean = 0;
    this.#squares = 0;
    this.#rising = 0;
    this.#falling = 0;
    this.#risingLow = Number.MAX_VALUE;
    this.#fallingHigh = -Number.MAX_VALUE;
  }

  /** The value counts by the mean and deviation of those before it, so it has expectation 0 as long as nothing changes. */
  #add(value: number): boolean {
    const difference = value - this.#mean;
    let isDrift = false;
    // Equal values have no deviation to measure by: then the warm-up goes on.
    if (this.#count >= this.#warmUp && this.#squares > 0) {
      const standardized = difference / Math.sqrt(this.#squares / (this.#count - 1));
      this.#rising = Math.max(0, this.#rising + standardized - this.#delta);
      this.#falling = Math.max(0, this.#falling - standardized - this.#delta);
      isDrift = this.#rising > this.#risingMax || this.#falling > this.#fallingMax;
    }
    this.#count++;
    this.#mean += difference / this.#count;
    this.#squares += difference * (value - this.#mean);
    return isDrift;
  }

  #addAsRiver(value: number): boolean {
    this.#count++;
    this.#mean += (1 / this.#count) * (value - this.#mean);
    const deviation = value - this.#mean;
    this.#rising = RIVER_FORGETTING * this.#rising + deviation - this.#delta;
    this.#falling = RIVER_FORGETTING * this.#falling + deviation + this.#delta;
    this.#risingLow = Math.min(this.#risingLow, this.#rising);
    this.#fallingHigh = Math.max(this.#fallingHigh, this.#falling);
    if (this.#count < this.#warmUp) return false;
    return (
      this.#rising - this.#risingLow > this.#risingMax || this.#fallingHigh - this.#falling > this.#fallingMax
    );
  }
}

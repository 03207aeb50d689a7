/**
 * The loop of a load generator over a driver: sends what is due while a slot is free, and counts what comes back.
 *
 * Node's timers are a millisecond apart, so at low rates a request is sent up to that late; `late` says by how much. Answers wake the loop
 * too, which at high rates is often enough.
 */
import { createHistogram, performance, type RecordableHistogram } from "node:perf_hooks";
import { Arrivals } from "./arrivals.ts";
import type { Driver } from "./driver.ts";
import type { Latency, LoadJob, LoadResult } from "./job.ts";

/** Answers that are still under way at the end are waited for so long. */
const LAST_ANSWERS_MS = 5_000;
const HIGHEST_NS = 600_000_000_000;

export async function generate(job: Omit<LoadJob, "url" | "bodies">, driver: Driver): Promise<LoadResult> {
  return new Generator(job, driver).run();
}

class Generator {
  readonly #seconds: number;
  readonly #arrivals: Arrivals | undefined;
  readonly #driver: Driver;
  readonly #free: number[];
  /** When what waits for a slot was due, from #head on. */
  readonly #waiting: number[] = [];
  readonly #latency = histogram();
  readonly #refused = histogram();
  readonly #late = histogram();
  readonly #statuses: Record<string, number> = {};
  #startMs = 0;
  #endMs = 0;
  #head = 0;
  #sent = 0;
  #underWay = 0;
  #answered = 0;
  #lastMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #settle: () => void = () => undefined;

  constructor({ connections, seconds, rate, seed = 1 }: Omit<LoadJob, "url" | "bodies">, driver: Driver) {
    this.#seconds = seconds;
    this.#arrivals = rate === undefined ? undefined : new Arrivals(rate, seed);
    this.#driver = driver;
    this.#free = Array.from({ length: connections }, (_, slot) => slot);
  }

  async run(): Promise<LoadResult> {
    const lengthMs = this.#seconds * 1000;
    const cpu = process.cpuUsage();
    const settled = new Promise<void>((resolve) => {
      this.#settle = resolve;
    });
    this.#startMs = performance.now();
    this.#lastMs = this.#startMs;
    this.#endMs = this.#startMs + lengthMs;
    const end = setTimeout(() => this.#pump(performance.now()), lengthMs + 1);
    const givenUp = setTimeout(() => this.#settle(), lengthMs + LAST_ANSWERS_MS);
    this.#pump(this.#startMs);
    await settled;
    for (const one of [end, givenUp, this.#timer]) clearTimeout(one);
    const { user, system } = process.cpuUsage(cpu);
    return this.#result((user + system) / 1000 / (performance.now() - this.#startMs));
  }

  /** Sends what is due, as far as slots are free. */
  #pump(nowMs: number): void {
    if (nowMs >= this.#endMs) {
      if (this.#arrivals !== undefined) this.#queue(this.#arrivals, this.#endMs); // never to be sent
      if (this.#underWay === 0) this.#settle();
    } else if (this.#arrivals === undefined) {
      for (let slot = this.#free.pop(); slot !== undefined; slot = this.#free.pop()) this.#send(slot, nowMs);
    } else {
      this.#queue(this.#arrivals, nowMs);
      this.#sendWaiting();
      this.#timer ??= setTimeout(
        () => {
          this.#timer = undefined;
          this.#pump(performance.now());
        },
        Math.max(0, this.#startMs + this.#arrivals.next - nowMs),
      );
    }
  }

  #queue(arrivals: Arrivals, nowMs: number): void {
    for (; this.#startMs + arrivals.next <= nowMs; arrivals.advance()) {
      const dueMs = this.#startMs + arrivals.next;
      if (this.#free.length > 0) this.#late.record(nanoseconds(nowMs - dueMs));
      this.#waiting.push(dueMs);
    }
  }

  #sendWaiting(): void {
    while (this.#head < this.#waiting.length) {
      const slot = this.#free.pop();
      if (slot === undefined) return;
      this.#send(slot, this.#waiting[this.#head++] as number);
    }
    this.#waiting.length = 0;
    this.#head = 0;
  }

  #send(slot: number, dueMs: number): void {
    const sentMs = performance.now();
    this.#underWay++;
    this.#driver.send(slot, this.#sent++, (status) => {
      const nowMs = performance.now();
      this.#underWay--;
      this.#free.push(slot);
      this.#note(status, { dueMs, sentMs, nowMs });
      this.#pump(nowMs);
    });
  }

  #note(status: number, { dueMs, sentMs, nowMs }: { dueMs: number; sentMs: number; nowMs: number }): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    if (status < 200 || status >= 400) {
      this.#refused.record(nanoseconds(nowMs - sentMs));
      return;
    }
    this.#latency.record(nanoseconds(nowMs - dueMs));
    if (nowMs > this.#endMs) return;
    this.#answered++;
    this.#lastMs = nowMs;
  }

  /** A closed loop is over with its last answer. */
  #result(cores: number): LoadResult {
    const tookMs = this.#arrivals === undefined ? this.#lastMs - this.#startMs : this.#seconds * 1000;
    return {
      seconds: this.#seconds,
      rate: (this.#answered * 1000) / Math.max(tookMs, 1),
      statuses: this.#statuses,
      latency: latencyOf(this.#latency),
      refused: latencyOf(this.#refused),
      late: latencyOf(this.#late),
      unsent: this.#waiting.length - this.#head + this.#underWay,
      cores,
    };
  }
}

/** Node's histogram is an HdrHistogram. */
function histogram(): RecordableHistogram {
  return createHistogram({ lowest: 1_000, highest: HIGHEST_NS, figures: 3 });
}

function nanoseconds(ms: number): number {
  return Math.min(HIGHEST_NS, Math.max(1_000, Math.round(ms * 1e6)));
}

function latencyOf(recorded: RecordableHistogram): Latency {
  const at = (percentile: number): number => recorded.percentile(percentile) / 1e6;
  const isEmpty = recorded.count === 0;
  const curve = isEmpty
    ? []
    : [...recorded.percentiles].map(([percentile, ns]) => [percentile, ns / 1e6] as const);
  return {
    count: recorded.count,
    mean: isEmpty ? 0 : recorded.mean / 1e6,
    p50: isEmpty ? 0 : at(50),
    p90: isEmpty ? 0 : at(90),
    p99: isEmpty ? 0 : at(99),
    p999: isEmpty ? 0 : at(99.9),
    max: isEmpty ? 0 : recorded.max / 1e6,
    curve,
  };
}

// hot path
/**
 * Metrics in Prometheus' text format: counters, gauges and histograms over typed arrays.
 *
 * A series is looked up once (per model version, say) and kept by its user, so that an update on the hot path is
 * an addition, with no label hashing. Bound: a family takes SERIES_MAX series; more are counted in one "other".
 */

const SERIES_MAX = 1000;

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount: number): void;
}

export interface Gauge {
  set(value: number): void;
}

/** Observations in cumulative buckets, as Prometheus defines them. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  toLines(name: string, labels: string): string[] {
    const lines: string[] = [];
    const prefix = labels === "" ? "" : `${labels},`;
    let total = 0;
    for (const [index, count] of this.#counts.entries()) {
      total += count;
      const bound = this.#bounds[index] ?? "+Inf";
      lines.push(`${name}_bucket{${prefix}le="${bound}"} ${total}`);
    }
    lines.push(`${name}_sum${braced(labels)} ${this.#sum}`, `${name}_count${braced(labels)} ${total}`);
    return lines;
  }
}

/** Bounds in seconds, for anything between a queue of microseconds and a time-out. */
export const SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;
export const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const;

class Value implements Counter, Gauge {
  value = 0;
  add(amount: number): void {
    this.value += amount;
  }
  set(value: number): void {
    this.value = value;
  }
}

interface Family {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly series: Map<string, Value | Histogram>;
}

export class Metrics {
  readonly #families = new Map<string, Family>();
  readonly #collectors: (() => void)[] = [];

  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#series("counter", name, help, labels, () => new Value());
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    return this.#series("gauge", name, help, labels, () => new Value());
  }

  /** A counter that is kept elsewhere: its total is set before every exposition. */
  total(name: string, help: string, labels: Labels = {}): Gauge {
    return this.#series("counter", name, help, labels, () => new Value());
  }

  histogram(name: string, help: string, bounds: readonly number[], labels: Labels = {}): Histogram {
    return this.#series("histogram", name, help, labels, () => new Histogram(bounds));
  }

  /** Runs `collect` before every exposition, to set gauges that are read rather than kept. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** Forgets every series with all these labels, once a model version is unloaded. */
  drop(labels: Labels): void {
    const parts = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`);
    for (const family of this.#families.values()) {
      for (const key of family.series.keys())
        if (parts.every((part) => key.split(",").includes(part))) family.series.delete(key);
    }
  }

  /** Forgets one series. */
  remove(name: string, labels: Labels): void {
    this.#families.get(name)?.series.delete(keyOf(labels));
  }

  /** The whole exposition, text format 0.0.4. */
  toText(): string {
    for (const collect of this.#collectors) collect();
    const lines: string[] = [];
    for (const [name, family] of this.#families) {
      lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`);
      for (const [labels, series] of family.series) {
        if (series instanceof Histogram) lines.push(...series.toLines(name, labels));
        else lines.push(`${name}${braced(labels)} ${series.value}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }

  #series<T extends Value | Histogram>(
    type: Family["type"],
    name: string,
    help: string,
    labels: Labels,
    create: () => T,
  ): T {
    const family = this.#families.get(name) ?? { type, help, series: new Map() };
    this.#families.set(name, family);
    const named = keyOf(labels);
    const isFull = family.series.size >= SERIES_MAX && !family.series.has(named);
    const key = isFull ? keyOf(labels, "other") : named;
    const series = (family.series.get(key) as T | undefined) ?? create();
    family.series.set(key, series);
    return series;
  }
}

/** The labels as they stand between the braces; all with value `instead` if that is given. */
function keyOf(labels: Labels, instead?: string): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${escaped(instead ?? value)}"`)
    .join(",");
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

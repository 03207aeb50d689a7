/**
 * What the monitors on the control plane measured, as gauges of a data plane: each source's latest status, until it has been silent
 * for SILENT_MS. Bound: that of a status, for each source.
 */
import type { MonitorStatus, StatusGauge } from "../../streams/status.ts";
import type { Metrics } from "../core/metrics.ts";

const SILENT_MS = 60_000;

interface Heard {
  readonly atMs: number;
  readonly gauges: readonly StatusGauge[];
}

export class MonitorGauges {
  readonly #metrics: Metrics;
  readonly #now: () => number;
  readonly #heard = new Map<string, Heard>();

  /** @param now ms of a clock that only goes forward. */
  constructor(metrics: Metrics, now: () => number) {
    this.#metrics = metrics;
    this.#now = now;
    metrics.onCollect(() => this.#expire());
  }

  take({ source, gauges }: MonitorStatus): void {
    this.#remove(source);
    this.#heard.set(source, { atMs: this.#now(), gauges });
    for (const { name, help, labels, value } of gauges) this.#metrics.gauge(name, help, labels).set(value);
  }

  #expire(): void {
    for (const [source, { atMs }] of this.#heard) if (this.#now() - atMs > SILENT_MS) this.#remove(source);
  }

  #remove(source: string): void {
    for (const { name, labels } of this.#heard.get(source)?.gauges ?? []) this.#metrics.remove(name, labels);
    this.#heard.delete(source);
  }
}

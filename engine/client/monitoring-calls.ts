/** How models do, from the client. */
import type { DriftAnswer, DriftQuery } from "../contract/drift.ts";
import type { LabelCountsAnswer, LabelCountsQuery } from "../contract/labels.ts";
import type { OverviewAnswer } from "../contract/overview.ts";
import type { PerformanceAnswer, PerformanceQuery } from "../contract/performance.ts";
import type { LatencyAnswer, LatencyQuery, SlaAnswer } from "../contract/service.ts";
import { type Ask, get, path } from "./client-call.ts";
import type { CallOptions } from "./http-caller.ts";

export class MonitoringCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** How a model does, as a whole. */
  async overview(model: string, options?: CallOptions): Promise<OverviewAnswer> {
    return this.#ask(get(path`/monitoring/${model}`), options);
  }

  /** How far a window has drifted from the reference; the last 24 hours unless told. */
  async drift(model: string, query: DriftQuery = {}, options?: CallOptions): Promise<DriftAnswer> {
    return this.#ask(get(path`/monitoring/${model}/drift`, query), options);
  }

  /** How good a model was, window by window. */
  async performance(
    model: string,
    query: PerformanceQuery = {},
    options?: CallOptions,
  ): Promise<PerformanceAnswer> {
    return this.#ask(get(path`/monitoring/${model}/performance`, query), options);
  }

  /** Traffic, errors and latencies by stage, over time. */
  async latency(model: string, query: LatencyQuery = {}, options?: CallOptions): Promise<LatencyAnswer> {
    return this.#ask(get(path`/monitoring/${model}/latency`, query), options);
  }

  /** How well the objectives of a model are kept. */
  async sla(model: string, options?: CallOptions): Promise<SlaAnswer> {
    return this.#ask(get(path`/monitoring/${model}/sla`), options);
  }

  /** How many labels there are, and how late they come. */
  async labels(
    model: string,
    query: LabelCountsQuery = {},
    options?: CallOptions,
  ): Promise<LabelCountsAnswer> {
    return this.#ask(get(path`/monitoring/${model}/labels`, query), options);
  }
}

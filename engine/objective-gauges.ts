/**
 * The service levels of all objectives as gauges, evaluated once a minute: a scrape reads what was last seen.
 *
 * Bound: the registry's number of objectives; they are read one after the other.
 */
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { Labels, Metrics } from "./core/metrics.ts";
import type { ServiceObjective } from "./core/service-objective.ts";
import {
  type ObjectiveLevel,
  type ObjectiveSources,
  objectiveLevel,
} from "./monitor/service/objective-level.ts";

const EVALUATE_MS = 60_000;

export interface ObjectiveGaugesOptions {
  readonly metrics: Metrics;
  readonly listObjectives: () => Promise<readonly ServiceObjective[]>;
  readonly sources: ObjectiveSources;
  readonly logger: Logger;
}

export class ObjectiveGauges {
  readonly #options: ObjectiveGaugesOptions;
  readonly #timer: NodeJS.Timeout;
  #shown = new Set<string>();
  #evaluating: Promise<void> | undefined;

  constructor(options: ObjectiveGaugesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.evaluate(Date.now()), EVALUATE_MS).unref();
  }

  /** Sets the gauges as of `nowMs`, unless that is under way. Never throws: the last ones stay. */
  async evaluate(nowMs: number): Promise<void> {
    this.#evaluating ??= this.#evaluate(nowMs)
      .catch((error: unknown) =>
        this.#options.logger.warn(
          { err: messageOf(error) },
          "service levels could not be read, trying again",
        ),
      )
      .finally(() => {
        this.#evaluating = undefined;
      });
    await this.#evaluating;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#evaluating;
  }

  async #evaluate(nowMs: number): Promise<void> {
    const { metrics, listObjectives, sources } = this.#options;
    const objectives = await listObjectives();
    const names = new Set(objectives.map(({ name }) => name));
    for (const name of this.#shown) if (!names.has(name)) metrics.drop({ slo: name });
    this.#shown = names;
    for (const objective of objectives) this.#show(await objectiveLevel(objective, sources, nowMs));
  }

  /** A figure that there is none of, as without events, has no series. */
  #show({ name, model, target, compliance, error_budget_left, burn_rates }: ObjectiveLevel): void {
    const labels = { slo: name, model };
    this.#options.metrics.drop({ slo: name });
    this.#set("target", "Share that must be good.", labels, target);
    this.#set("compliance", "Share that was good over the period.", labels, compliance);
    this.#set("error_budget_left", "Share of the error budget that is left.", labels, error_budget_left);
    for (const { minutes, burn_rate } of burn_rates)
      this.#set(
        "burn_rate",
        "How many times faster than planned the error budget is spent.",
        { ...labels, minutes: String(minutes) },
        burn_rate,
      );
  }

  #set(name: string, help: string, labels: Labels, value: number | null): void {
    if (value !== null) this.#options.metrics.gauge(`engine_slo_${name}`, help, labels).set(value);
  }
}

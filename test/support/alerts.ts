/**
 * Alerts in tests: rules, observations, and groups that are kept in a map instead of a bucket.
 */
import type { AlertChange } from "../../engine/alerts/alert.ts";
import type { AlertGroup } from "../../engine/alerts/alert-group.ts";
import { type AlertRule, alertRule, type ChannelName } from "../../engine/alerts/alert-rule.ts";
import type { Silence } from "../../engine/alerts/alert-silence.ts";
import { foldGroup, planRound } from "../../engine/alerts/alert-state.ts";
import type { Observation } from "../../engine/alerts/observation.ts";

export const MINUTE = 60_000;
export const START = Date.parse("2026-11-21T10:00:00Z");

/** A rule that alerts when a p99 of latency is above 100 ms. */
export function rule(part: Readonly<Record<string, unknown>> = {}): AlertRule {
  return alertRule.parse({
    name: "slow",
    metric: "latency.p99_ms",
    condition: { op: ">", threshold: 100 },
    ...part,
  });
}

/** Of the n-th window of five minutes. */
export function observed(n: number, value: number, part: Partial<Observation> = {}): Observation {
  const windowEnd = START + n * 5 * MINUTE;
  return {
    model: "fraud",
    version: "1.0.0",
    variant: "",
    metric: "latency.p99_ms",
    value,
    windowStart: windowEnd - 5 * MINUTE,
    windowEnd,
    ...part,
  };
}

export interface BookOptions {
  readonly rules?: readonly AlertRule[];
  readonly channels?: readonly ChannelName[];
}

export class Book {
  groups = new Map<string, AlertGroup>();
  rules: readonly AlertRule[];
  silences: Silence[] = [];
  readonly #channels: readonly ChannelName[];

  constructor({ rules = [rule()], channels = ["nats"] }: BookOptions = {}) {
    this.rules = rules;
    this.#channels = channels;
  }

  /**
   * Folds a round, at the end of its latest window.
   * @param groupsMax how many groups are written before the round is broken off.
   */
  round(observations: readonly Observation[], nowMs?: number, groupsMax = Infinity): AlertChange[] {
    const ends = observations.map(({ windowEnd }) => windowEnd);
    const common = { rules: this.rules, silences: this.silences, channels: this.#channels };
    const plan = planRound(this.groups, observations, {
      ...common,
      nowMs: nowMs ?? Math.max(...ends, START),
    });
    const changes: AlertChange[] = [];
    for (const one of plan.slice(0, groupsMax)) {
      const before = this.groups.get(one.key);
      const next = foldGroup(before, one);
      changes.push(...(next?.unstored.slice(before?.unstored.length ?? 0) ?? []));
      if (next === undefined) this.groups.delete(one.key);
      else this.groups.set(one.key, next);
    }
    return changes;
  }

  /** One observation a round; what each round changed. */
  rounds(...values: readonly (readonly [n: number, value: number])[]): string[] {
    return values.map(([n, value]) =>
      this.round([observed(n, value)])
        .map(({ change }) => change)
        .join(),
    );
  }

  /** As if the outbox had worked off everything. */
  settle(): void {
    for (const [key, group] of this.groups) this.groups.set(key, { ...group, unstored: [], deliveries: [] });
  }

  only(): AlertGroup {
    const [group, ...more] = this.groups.values();
    if (group === undefined || more.length > 0) throw new Error(`there are ${this.groups.size} groups`);
    return group;
  }
}

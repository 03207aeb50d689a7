/**
 * The rules that everybody has. A rule of the same name replaces one, and may switch it off: {"name", "enabled": false}.
 */
import type { AlertRule } from "./alert-rule.ts";

export interface BuiltInThresholds {
  /** ms */
  readonly latencyP99Ms: number;
  /** Share of the rows. */
  readonly errorRate: number;
  /** In the units of the model's main metric. */
  readonly performanceDrop: number;
}

export function builtInRules({ latencyP99Ms, errorRate, performanceDrop }: BuiltInThresholds): AlertRule[] {
  return [
    rule({
      name: "drift-incident",
      description: "columns or predictions drifted from their reference, and it lasts",
      metric: "drift.incident",
      condition: { op: ">=", threshold: 1 },
    }),
    rule({
      name: "data-quality-incident",
      description: "inputs are broken: nulls, another type, unseen categories, a constant",
      metric: "data_quality.incident",
      condition: { op: ">=", threshold: 1 },
      severity: "critical",
    }),
    rule({
      name: "performance-below-reference",
      description: "the model's main metric is below that of its reference",
      metric: "performance.below_reference",
      condition: { op: ">", threshold: performanceDrop },
      persistence: { needed: 2, considered: 3 }, // one window may be small and unlucky
      severity: "critical",
    }),
    rule({
      name: "high-latency",
      description: "one answer in a hundred takes too long",
      metric: "latency.p99_ms",
      condition: { op: ">", threshold: latencyP99Ms },
      persistence: { needed: 3, considered: 5 }, // a swap of models or a pause of a server is no alert
    }),
    rule({
      name: "high-error-rate",
      description: "too many rows fail",
      metric: "errors.rate",
      condition: { op: ">", threshold: errorRate },
      persistence: { needed: 3, considered: 5 },
      severity: "critical",
    }),
  ];
}

function rule(
  part: Pick<AlertRule, "name" | "description" | "metric" | "condition"> & Partial<AlertRule>,
): AlertRule {
  return {
    model: "*",
    persistence: { needed: 1, considered: 1 },
    severity: "warning",
    cooldown: "1h",
    group_by: ["model", "version", "variant"],
    enabled: true,
    ...part,
  };
}

import assert from "node:assert/strict";
import { it } from "node:test";
import { pino } from "pino";
import { Metrics } from "../../../engine/core/metrics.ts";
import { parseServiceObjective, type ServiceObjective } from "../../../engine/core/service-objective.ts";
import { ObjectiveGauges } from "../../../engine/objective-gauges.ts";
import { parseMetrics } from "../../support/prometheus.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const MINUTES = { time: [NOW - 60_000], answered: [95], errors: [5], slow: [0] };

it("objectives are shown as gauges, as long as they are declared and have figures", async () => {
  const metrics = new Metrics();
  const parse = (name: string, indicator: unknown): ServiceObjective =>
    parseServiceObjective({ name, model: "fraud", indicator, target: 0.9 });
  let declared = [
    parse("errors", { kind: "error_rate" }),
    parse("quality", { kind: "min_metric", metric: "roc_auc", bound: 0.8 }),
  ];
  const gauges = new ObjectiveGauges({
    metrics,
    listObjectives: async () => declared,
    sources: {
      readMinutes: async () => MINUTES,
      readMetric: async () => [],
    },
    logger: pino({ level: "silent" }),
  });
  const shown = () => parseMetrics(metrics.toText()).filter(({ name }) => name.startsWith("engine_slo_"));
  const valueOf = (name: string, slo: string, minutes?: string) =>
    shown().find(
      (one) =>
        one.name === `engine_slo_${name}` && one.labels["slo"] === slo && one.labels["minutes"] === minutes,
    )?.value;
  await gauges.evaluate(NOW);
  assert.equal(valueOf("compliance", "errors"), 0.95);
  assert.equal(valueOf("error_budget_left", "errors"), 0.5);
  assert.ok(Math.abs((valueOf("burn_rate", "errors", "5") ?? 0) - 0.5) < 1e-12);
  assert.equal(valueOf("target", "quality"), 0.9);
  assert.equal(valueOf("compliance", "quality"), undefined);
  declared = declared.slice(1);
  await gauges.evaluate(NOW);
  assert.equal(valueOf("compliance", "errors"), undefined);
  assert.equal(shown().length, 1);
  await gauges.stop();
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bucketEndMs, bucketOf } from "../../../../../engine/core/latency-buckets.ts";
import { parseServiceObjective } from "../../../../../engine/core/service-objective.ts";
import {
  checkObjective,
  type ObjectiveSources,
  objectiveLevel,
} from "../../../../../engine/monitor/service/objective-level.ts";
import type { MinutesQuestion } from "../../../../../storage/traffic-report.ts";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 30);
const END = Date.UTC(2026, 10, 21, 12);
const MINUTE_MS = 60_000;

/** Three minutes: 99 answered in time and 1 late; 90 answered, of which 9 late, and 10 failed; 10 failed only. */
const COLUMNS = {
  time: [END - 400 * MINUTE_MS, END - 40 * MINUTE_MS, END - 3 * MINUTE_MS],
  answered: [100, 90, 0],
  errors: [0, 10, 10],
  slow: [1, 9, 0],
};

function sourcesOf(asked: MinutesQuestion[] = []): ObjectiveSources {
  return {
    readMinutes: async (question) => {
      asked.push(question);
      return COLUMNS;
    },
    readMetric: async () => [],
  };
}

const objective = (indicator: unknown, target = 0.9) =>
  parseServiceObjective({ name: "one", model: "fraud", indicator, target, period: "1d" });

describe("the level of an objective", () => {
  it("counts answered rows within a latency, up to the end of the bound's bucket", async () => {
    const asked: MinutesQuestion[] = [];
    const level = await objectiveLevel(objective({ kind: "latency_ms", bound: 50 }), sourcesOf(asked), NOW);
    assert.deepEqual([level.good, level.valid, level.is_met], [180, 190, true]);
    assert.equal(level.compliance, 180 / 190);
    assert.equal(level.effective_bound_ms, bucketEndMs(bucketOf(50)));
    assert.equal(level.to, new Date(END).toISOString());
    assert.deepEqual([asked[0]?.from, asked[0]?.to, asked[0]?.boundMs], [END - 86_400_000, END, 50]);
  });

  it("counts minutes whose quantile is within the bound", async () => {
    const indicator = { kind: "latency_ms", bound: 50, quantile: 0.99 };
    const level = await objectiveLevel(objective(indicator), sourcesOf(), NOW);
    assert.deepEqual([level.good, level.valid, level.is_met], [1, 2, false]);
  });

  it("counts requests that failed by the engine's fault, and how fast that spends the budget", async () => {
    const asked: MinutesQuestion[] = [];
    const level = await objectiveLevel(objective({ kind: "error_rate" }), sourcesOf(asked), NOW);
    assert.deepEqual([level.good, level.valid], [190, 210]);
    assert.equal(level.error_budget, 21);
    assert.ok(Math.abs((level.error_budget_left ?? 0) - 1 / 21) < 1e-12);
    const rates = Object.fromEntries(level.burn_rates.map(({ minutes, burn_rate }) => [minutes, burn_rate]));
    assert.equal(rates[5], 10); // all failed where a tenth may
    assert.ok(Math.abs((rates[60] ?? 0) - 20 / 110 / 0.1) < 1e-12);
    assert.ok(asked[0]?.codes.includes("QUEUE_FULL") && !asked[0].codes.includes("INVALID_FEATURES"));
  });

  it("counts minutes with few errors", async () => {
    const indicator = { kind: "availability", error_rate_max: 0.1 };
    const level = await objectiveLevel(objective(indicator), sourcesOf(), NOW);
    assert.deepEqual([level.good, level.valid], [2, 3]);
  });

  it("counts windows whose metric is sound, and says nothing where there are none", async () => {
    const some = objective({ kind: "min_metric", metric: "roc_auc", bound: 0.8 });
    const without = await objectiveLevel(some, sourcesOf(), NOW);
    assert.equal(without.compliance, null);
    const value = (auc: number) => ({ value: auc, low: null, high: null });
    const sources = {
      ...sourcesOf(),
      readMetric: async () => [0.9, 0.79, 0.8].map((auc, index) => ({ time: index, value: value(auc) })),
    };
    const level = await objectiveLevel(some, sources, NOW);
    assert.deepEqual([level.good, level.valid], [2, 3]);
  });
});

describe("objectives are refused", () => {
  const good = { name: "one", model: "fraud", indicator: { kind: "error_rate" }, target: 0.99 };
  const fields: [string, unknown][] = [
    ["name", { ...good, name: "One" }],
    ["target", { ...good, target: 1 }],
    ["target", { ...good, target: 99.9 }],
    ["period", { ...good, period: "91d" }],
    ["indicator.kind", { ...good, indicator: { kind: "speed" } }],
    ["indicator.bound", { ...good, indicator: { kind: "latency_ms" } }],
    ["indicator.quantile", { ...good, indicator: { kind: "latency_ms", bound: 5, quantile: 99 } }],
    ["objective", { ...good, goal: 1 }],
  ];
  for (const [field, json] of fields)
    it(`naming ${field}: ${JSON.stringify(json)}`, () => {
      assert.throws(
        () => parseServiceObjective(json),
        (error: { code?: string; details?: { field: string }[] }) =>
          error.code === "INVALID_REQUEST" && error.details?.[0]?.field === field,
      );
    });

  it("for a metric that is none", () => {
    const some = parseServiceObjective({
      ...good,
      indicator: { kind: "min_metric", metric: "auk", bound: 1 },
    });
    assert.throws(() => checkObjective(some), /indicator\.metric must be one of roc_auc/);
  });
});

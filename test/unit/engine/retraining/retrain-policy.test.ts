/** A model's retraining policy: its defaults, and the field that an error names. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRetrainPolicy } from "../../../../engine/retraining/retrain-policy.ts";
import { hasCode } from "../../../support/error-code.ts";

describe("a retraining policy", () => {
  it("has defaults that retrain for what is certain, and hold back", () => {
    const drops = { roc_auc: 0.03, roc_auc_ovr_macro: 0.03, r2: 0.1 };
    const defaults = {
      model_name: "fraud",
      drift: { enabled: true, severity_min: "critical" },
      performance: { enabled: true, drops },
      estimated_performance: { enabled: false, drops },
      labels: { enabled: false, count_min: 10_000 },
      cooldown: "24h",
      jobs_per_day_max: 3,
      job_deadline: "6h",
      data_quality_veto: true,
    };
    assert.deepEqual(parseRetrainPolicy("fraud", undefined), defaults);
    assert.deepEqual(parseRetrainPolicy("fraud", { model_name: "fraud" }), defaults);
  });

  const wrong: readonly (readonly [field: string, policy: object])[] = [
    ["model_name", { model_name: "other" }],
    ["model_name", { model_name: 7 }],
    ["policy", { drifts: {} }],
    ["drift", { drift: { enabled: true, severity: "critical" } }],
    ["drift.severity_min", { drift: { severity_min: "high" } }],
    ["performance.drops.ROC AUC", { performance: { drops: { "ROC AUC": 0.1 } } }],
    ["performance.drops.roc_auc", { performance: { drops: { roc_auc: 0 } } }],
    ["labels.count_min", { labels: { count_min: 0 } }],
    ["schedule.expression", { schedule: {} }],
    ["schedule.expression", { schedule: { expression: "@hourly" } }],
    ["schedule.expression", { schedule: { expression: "61 * * * *" } }],
    ["schedule.expression", { schedule: { expression: "0 0 0 * * *" } }],
    ["schedule.expression", { schedule: { expression: "0 0 30 2 *" } }],
    ["schedule.time_zone", { schedule: { expression: "@daily", time_zone: "Mars/Olympus" } }],
    ["cooldown", { cooldown: "0s" }],
    ["jobs_per_day_max", { jobs_per_day_max: 1.5 }],
    ["job_deadline", { job_deadline: 3600 }],
    ["data_quality_veto", { data_quality_veto: "yes" }],
  ];
  for (const [field, policy] of wrong)
    it(`is refused with ${field} for ${JSON.stringify(policy)}`, () => {
      assert.throws(
        () => parseRetrainPolicy("fraud", { model_name: "fraud", ...policy }),
        (error) => {
          hasCode("INVALID_REQUEST")(error);
          assert.equal((error as { details: { field: string }[] }).details[0]?.field, field);
          return true;
        },
      );
    });
});

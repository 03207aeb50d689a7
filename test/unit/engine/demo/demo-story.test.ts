/** What the demo makes of the engine's events and of the job's document, in whatever order and number they come. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DemoStory, STEPS } from "../../../../engine/demo/demo-story.ts";
import { toSummary } from "../../../../engine/demo/demo-view.ts";

const START_MS = Date.UTC(2026, 10, 21, 16, 43, 20);
const incident = {
  severity: "critical",
  columns: [
    { column: "hour", psi_max: null },
    { column: "amount", psi_max: 0.19 },
    { column: "amount_ratio", psi_max: 0.224 },
  ],
};
const drift = { kind: "drift_detected", id: "incident:opened", body: { change: "opened", incident } };
const version = { model_name: "card-fraud", model_version: "1.1.0" };
const gateOf = (verdict: string, reasons: readonly string[]) => ({
  verdict,
  reasons,
  metric: "roc_auc",
  comparison: {
    rows: 1800,
    metrics: [{ metric: "roc_auc", challenger: { value: 0.9551 }, champion: { value: 0.399 } }],
  },
});

function injected(): DemoStory {
  const story = new DemoStory();
  story.inject(START_MS);
  return story;
}

describe("the demo's story", () => {
  it("has a line for each event and the time of each step since the injection", () => {
    const story = injected();
    story.hear(drift, START_MS + 58_700);
    story.hear(
      { kind: "retraining_requested", id: "job", body: { job_id: "one", cause: "drift" } },
      START_MS + 58_800,
    );
    assert.equal(story.jobId, "one");
    story.look({ status: "QUEUED", stage: null, gate: null }, START_MS + 58_900);
    assert.equal(story.has("job started"), false);
    story.look({ status: "RUNNING", stage: "TRAINING", gate: null }, START_MS + 60_000);
    story.look({ status: "RUNNING", stage: "TRAINING", gate: null }, START_MS + 60_500);
    story.look({ status: "RUNNING", stage: "REGISTERING", gate: gateOf("PASSED", []) }, START_MS + 64_000);
    story.hear({ kind: "model_promoted", id: "audit", body: version }, START_MS + 70_000);
    story.hear(
      {
        kind: "model_training_completed",
        id: "end",
        body: { status: "COMPLETED", outcome: "deployed", error: null },
      },
      START_MS + 70_100,
    );
    story.reach("quality recovered", START_MS + 82_500);
    assert.deepEqual(
      [...story.steps],
      STEPS.map((step, at) => [step, [58_700, 58_800, 60_000, 64_000, 70_000, 82_500][at]]),
    );
    assert.deepEqual(story.lines, [
      "16:43:20   +0.0 s  the payments change: a drift is injected",
      "16:44:18  +58.7 s  drift found, critical: PSI of amount_ratio 0.22, amount 0.19, hour 0.00",
      "16:44:18  +58.8 s  retraining requested, for drift",
      "16:44:20  +60.0 s  training: training",
      "16:44:24  +64.0 s  training: registering",
      "16:44:24  +64.0 s  gate passed: roc_auc 0.955 against 0.399 on 1800 rows",
      "16:44:30  +70.0 s  card-fraud 1.1.0 promoted",
      "16:44:30  +70.1 s  training completed: deployed",
    ]);
    assert.equal(story.isJobOver, true);
  });

  it("takes a repeated event once, and counts no step before the injection", () => {
    const story = new DemoStory();
    story.hear(drift, START_MS - 1_000);
    assert.equal(story.has("drift found"), false);
    story.inject(START_MS);
    story.hear(drift, START_MS + 1_000);
    assert.equal(story.has("drift found"), false);
    assert.equal(story.lines.length, 2);
  });

  it("tells why the gate rejected, which is no step", () => {
    const story = injected();
    const gate = gateOf("REJECTED", ["roc_auc is 0.2 lower"]);
    story.look({ status: "COMPLETED", stage: "EVALUATING", gate }, START_MS + 1_000);
    assert.equal(story.has("gate passed"), false);
    assert.match(story.lines.at(-1) ?? "", /gate rejected: .*; roc_auc is 0\.2 lower$/);
  });

  it("says in its summary which steps were not reached", () => {
    const story = injected();
    story.hear(drift, START_MS + 58_700);
    const summary = toSummary(
      story,
      { before: 0.9, worst: 0.4, after: undefined },
      { answered: 10, failed: 1 },
    );
    assert.match(summary, /before 0\.900 {3}worst 0\.400 {3}after -\n/);
    assert.match(summary, /drift found +58\.7 s\n/);
    assert.match(summary, /deployed +not reached\n/);
    assert.match(summary, /10 answered, 1 failed$/);
  });
});

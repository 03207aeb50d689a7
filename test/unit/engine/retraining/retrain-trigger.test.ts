/** The decision on a round, case by case: what is requested, and what holds it back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { finished, type JobRecord, NO_JOBS, started } from "../../../../engine/core/retrain-job.ts";
import { utcText } from "../../../../engine/core/retrain-request.ts";
import { parseRetrainPolicy } from "../../../../engine/retraining/retrain-policy.ts";
import type { OpenIncident, Proposal } from "../../../../engine/retraining/retrain-proposal.ts";
import { withDecision, withObserved } from "../../../../engine/retraining/retrain-record.ts";
import { type Decision, decide } from "../../../../engine/retraining/retrain-trigger.ts";
import { hasCode } from "../../../support/error-code.ts";
import {
  DAY_MS,
  driftAt,
  finding,
  HOUR_MS,
  labelsOf,
  MODEL,
  NOON_MS,
  QUALITY_INCIDENT,
} from "../../../support/retrain.ts";

const MANUAL_ID = "6f1a3c0e-58b4-4a55-9f0e-0b7f0a4f2a11";
const MANUAL: Proposal = { cause: "manual", requestedBy: "rest", windows: [], referenceId: null };
const WORSE = { metric: "roc_auc", value: 0.8, reference: 0.86, gain: -0.06, gainHigh: -0.04 };

interface Round {
  readonly record?: JobRecord;
  readonly policy?: object;
  readonly proposals: readonly Proposal[];
  readonly incidents?: readonly OpenIncident[];
  readonly nowMs?: number;
}

/** A round, and the record after it. */
function play({ record: before = NO_JOBS, policy = {}, proposals, incidents = [], nowMs = NOON_MS }: Round): {
  readonly decision: Decision;
  readonly record: JobRecord;
} {
  const record = withObserved(before, proposals, incidents);
  const parsed = parseRetrainPolicy(MODEL, { model_name: MODEL, ...policy });
  const decision = decide({
    model: MODEL,
    policy: parsed,
    record,
    proposals,
    nowMs,
    manualJobId: MANUAL_ID,
  });
  return { decision, record: withDecision(record, MODEL, decision, proposals, nowMs) };
}

const outcome = (round: Round): string => play(round).decision.outcome;

/** The record once its job has succeeded at `nowMs`. */
function done(record: JobRecord, nowMs: number): JobRecord {
  const jobId = record.job?.job_id ?? "";
  const running = started(record, jobId, nowMs).record;
  return finished(running, { jobId, attempt: 1 }, { state: "succeeded" }, nowMs).record;
}

const requested = play({ proposals: [driftAt()] });
const trained = done(requested.record, NOON_MS + HOUR_MS);
const later = driftAt(NOON_MS + 2 * HOUR_MS);

describe("a finding against the policy", () => {
  const cases: readonly (readonly [string, string, Round])[] = [
    ["nothing", "nothing_proposed", { proposals: [] }],
    ["critical drift", "requested", { proposals: [driftAt()] }],
    [
      "a drift warning",
      "below_threshold",
      { proposals: [{ ...finding(), cause: "drift", severity: "warning" }] },
    ],
    [
      "a drift warning where warnings count",
      "requested",
      {
        proposals: [{ ...finding(), cause: "drift", severity: "warning" }],
        policy: { drift: { severity_min: "warning" } },
      },
    ],
    [
      "drift that is switched off",
      "disabled",
      { proposals: [driftAt()], policy: { drift: { enabled: false } } },
    ],
    ["a drop beyond chance", "requested", { proposals: [{ ...finding(), cause: "performance", ...WORSE }] }],
    [
      "a drop that may be chance",
      "below_threshold",
      { proposals: [{ ...finding(), cause: "performance", ...WORSE, gainHigh: -0.029 }] },
    ],
    [
      "a drop without an interval",
      "requested",
      {
        proposals: [
          { ...finding(), cause: "performance", metric: "r2", value: 0.5, reference: 0.6, gain: -0.1 },
        ],
      },
    ],
    [
      "a metric that the policy does not name",
      "disabled",
      { proposals: [{ ...finding(), cause: "performance", ...WORSE, metric: "constructor" }] },
    ],
    [
      "an estimated drop by default",
      "disabled",
      { proposals: [{ ...finding(), cause: "estimated_performance", ...WORSE }] },
    ],
    [
      "an estimated drop where it counts",
      "requested",
      {
        proposals: [{ ...finding(), cause: "estimated_performance", ...WORSE }],
        policy: { estimated_performance: { enabled: true } },
      },
    ],
    ["labels by default", "disabled", { proposals: [labelsOf(1_000_000)] }],
    [
      "one label too few",
      "below_threshold",
      { proposals: [labelsOf(99)], policy: { labels: { enabled: true, count_min: 100 } } },
    ],
    [
      "enough labels",
      "requested",
      { proposals: [labelsOf(100)], policy: { labels: { enabled: true, count_min: 100 } } },
    ],
    ["a person", "requested", { proposals: [MANUAL] }],
    [
      "a schedule that is not there",
      "disabled",
      { proposals: [{ cause: "schedule", dueMs: NOON_MS, windows: [], referenceId: null }] },
    ],
  ];
  for (const [title, expected, round] of cases)
    it(`${title}: ${expected}`, () => assert.equal(outcome(round), expected));
});

describe("what holds a finding back", () => {
  const schedule = { schedule: { expression: "@daily" } };
  const due: Proposal = { cause: "schedule", dueMs: NOON_MS, windows: [], referenceId: null };
  const cases: readonly (readonly [string, string, Round])[] = [
    ["the same finding again", "duplicate", { record: requested.record, proposals: [driftAt()] }],
    [
      "the same finding after the job",
      "duplicate",
      { record: trained, proposals: [driftAt()], nowMs: NOON_MS + 3 * DAY_MS },
    ],
    ["another during the job", "in_flight", { record: requested.record, proposals: [later] }],
    ["a person during the job", "in_flight", { record: requested.record, proposals: [MANUAL] }],
    [
      "another right before the deadline",
      "in_flight",
      { record: requested.record, proposals: [later], nowMs: NOON_MS + 6 * HOUR_MS - 1 },
    ],
    [
      "another once the deadline has passed, in the pause",
      "cooldown",
      { record: requested.record, proposals: [later], nowMs: NOON_MS + 6 * HOUR_MS },
    ],
    [
      "another after deadline and pause",
      "requested",
      { record: requested.record, proposals: [later], nowMs: NOON_MS + 30 * HOUR_MS },
    ],
    [
      "another after the job, too soon",
      "cooldown",
      { record: trained, proposals: [later], nowMs: NOON_MS + 25 * HOUR_MS - 1 },
    ],
    [
      "another after the pause",
      "requested",
      { record: trained, proposals: [later], nowMs: NOON_MS + 25 * HOUR_MS },
    ],
    [
      "the schedule in the pause",
      "requested",
      { record: trained, proposals: [due], policy: schedule, nowMs: NOON_MS + 2 * HOUR_MS },
    ],
    [
      "a person in the pause",
      "requested",
      { record: trained, proposals: [MANUAL], nowMs: NOON_MS + 2 * HOUR_MS },
    ],
    [
      "the day's last job was used",
      "budget",
      {
        record: trained,
        proposals: [later],
        policy: { jobs_per_day_max: 1, cooldown: "1s" },
        nowMs: NOON_MS + 2 * HOUR_MS,
      },
    ],
    [
      "the schedule without a job left today",
      "budget",
      {
        record: trained,
        proposals: [due],
        policy: { jobs_per_day_max: 1, ...schedule },
        nowMs: NOON_MS + 2 * HOUR_MS,
      },
    ],
    [
      "a person without a job left today",
      "requested",
      { record: trained, proposals: [MANUAL], policy: { jobs_per_day_max: 1 }, nowMs: NOON_MS + 2 * HOUR_MS },
    ],
    [
      "midnight, UTC, brings new jobs",
      "requested",
      {
        record: trained,
        proposals: [later],
        policy: { jobs_per_day_max: 1, cooldown: "1s" },
        nowMs: NOON_MS + 12 * HOUR_MS,
      },
    ],
    ["broken data", "vetoed", { proposals: [driftAt()], incidents: [QUALITY_INCIDENT] }],
    ["broken data, for people too", "vetoed", { proposals: [MANUAL], incidents: [QUALITY_INCIDENT] }],
    [
      "broken data where the policy does not mind",
      "requested",
      { proposals: [driftAt()], incidents: [QUALITY_INCIDENT], policy: { data_quality_veto: false } },
    ],
    [
      "an incident of drift is no veto",
      "requested",
      { proposals: [driftAt()], incidents: [{ ...QUALITY_INCIDENT, cause: "drift" }] },
    ],
  ];
  for (const [title, expected, round] of cases)
    it(`${title}: ${expected}`, () => assert.equal(outcome(round), expected));
});

describe("a job", () => {
  it("has all evidence of its round, the weightiest cause, and is decided alike in any order", () => {
    const performance: Proposal = { ...finding(), cause: "performance", ...WORSE };
    const recall: Proposal = { ...performance, metric: "recall" };
    const policy = { performance: { drops: { roc_auc: 0.03, recall: 0.01 } } };
    const proposals = [driftAt(), recall, performance, labelsOf(70)];
    const [one, other] = [play({ proposals, policy }), play({ proposals: proposals.toReversed(), policy })];
    assert.deepEqual(one, other);
    assert.ok(one.decision.outcome === "requested");
    const { request, keys } = one.decision;
    assert.equal(request.cause, "performance");
    assert.equal(request.job_id, keys[0]);
    assert.deepEqual(
      request.evidence.map(({ cause }) => cause),
      ["performance", "performance", "drift"], // labels are off
    );
    assert.equal(keys.length, 2); // the metrics of one window are one finding
    assert.deepEqual(request.evidence[2], {
      cause: "drift",
      numbers: { "psi.amount": 0.31, severity: "critical" },
      windows: [{ from: utcText(NOON_MS - HOUR_MS), to: utcText(NOON_MS) }],
      reference_id: "reference-1",
      incident_id: "i-1",
    });
    assert.equal(request.deadline, utcText(NOON_MS + 6 * HOUR_MS));
    assert.equal(outcome({ record: one.record, proposals: [driftAt()] }), "duplicate");
  });

  it("has another id for another model, cause, window or reference, and the same for the same", () => {
    const idOf = (proposal: Proposal): unknown => {
      const { decision } = play({ proposals: [proposal] });
      return decision.outcome === "requested" ? decision.request.job_id : decision.outcome;
    };
    assert.equal(idOf(driftAt()), idOf({ ...driftAt(), numbers: {} }));
    const other = { ...driftAt(), referenceId: "reference-2" };
    const performance: Proposal = { ...finding(), cause: "performance", ...WORSE };
    assert.equal(new Set([driftAt(), later, other, performance].map(idOf)).size, 4);
    assert.equal(idOf(MANUAL), MANUAL_ID);
  });

  it("is refused when its evidence fits into no message, with the field", () => {
    const numbers = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`n${index}`, "x".repeat(500)]),
    );
    const proposals: readonly Proposal[] = [{ ...driftAt(), numbers }];
    assert.throws(() => play({ proposals }), hasCode("INVALID_REQUEST", /evidence.*16384 bytes/));
    const wrong: readonly Proposal[] = [{ ...driftAt(), numbers: { psi: Number.NaN } }];
    assert.throws(() => play({ proposals: wrong }), hasCode("INVALID_REQUEST", /evidence\.0\.numbers\.psi/));
    const timeless: readonly Proposal[] = [driftAt(Number.NaN)];
    const field = /evidence\.0\.windows\.0\.from/;
    assert.throws(() => play({ proposals: timeless }), hasCode("INVALID_REQUEST", field));
    assert.throws(
      () => play({ proposals: timeless, incidents: [QUALITY_INCIDENT] }),
      hasCode("INVALID_REQUEST", field),
    ); // kept in the record, so checked too
  });
});

describe("labels", () => {
  const policy = { labels: { enabled: true, count_min: 100 }, cooldown: "1s" };
  const first = play({ proposals: [labelsOf(120)], policy });
  const over = done(first.record, NOON_MS + HOUR_MS);
  const nowMs = NOON_MS + 2 * HOUR_MS;

  it("are counted from the newest job on", () => {
    assert.equal(outcome({ record: over, proposals: [labelsOf(219)], policy, nowMs }), "below_threshold");
    assert.equal(outcome({ record: over, proposals: [labelsOf(220)], policy, nowMs }), "requested");
    assert.equal(outcome({ record: over, proposals: [labelsOf(100)], policy, nowMs }), "requested"); // counted anew
  });

  it("are counted from the next round on when a person asked for the newest job", () => {
    const manual = done(play({ record: over, proposals: [MANUAL], nowMs }).record, nowMs);
    const seen = play({ record: manual, proposals: [labelsOf(500)], policy, nowMs: nowMs + HOUR_MS });
    assert.equal(seen.decision.outcome, "below_threshold");
    const next = { record: seen.record, policy, nowMs: nowMs + HOUR_MS };
    assert.equal(outcome({ ...next, proposals: [labelsOf(599)] }), "below_threshold");
    assert.equal(outcome({ ...next, proposals: [labelsOf(600)] }), "requested");
  });
});

describe("a refusal", () => {
  it("is told and kept once until the next job, whatever flickers", () => {
    let record = requested.record;
    for (let turn = 0; turn < 50; turn++)
      record = play({
        record,
        proposals: [driftAt(NOON_MS + turn * HOUR_MS)],
        incidents: turn % 2 === 0 ? [] : [QUALITY_INCIDENT],
        nowMs: NOON_MS + (turn + 1) * 1_000 + (turn > 25 ? 7 * HOUR_MS : 0),
      }).record;
    const kinds = record.events.map(({ kind, body }) => [kind, body["refusal"]].join(" ").trim());
    assert.deepEqual(kinds.toSorted(), [
      "retraining_refused cooldown",
      "retraining_refused in_flight",
      "retraining_refused vetoed",
      "retraining_requested",
    ]);
    assert.equal(record.decisions.length, 4);
    const veto = record.decisions.find(({ outcome: what }) => what === "vetoed");
    assert.deepEqual(
      veto?.incidents?.map(({ incident_id }) => incident_id),
      ["quality-1"],
    );
    assert.equal(veto?.evidence[0]?.cause, "drift");
  });

  it("for another data-quality incident is told anew", () => {
    const proposals = [driftAt()];
    const first = play({ proposals, incidents: [QUALITY_INCIDENT] });
    const again = play({ record: first.record, proposals, incidents: [QUALITY_INCIDENT] });
    assert.equal(again.record, first.record); // nothing to write
    const other = { ...QUALITY_INCIDENT, id: "quality-2" };
    assert.equal(play({ record: first.record, proposals, incidents: [other] }).record.events.length, 2);
  });
});

/** The life of a job in the record: who may move it on, and who may not any more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  cancelled,
  finished,
  type JobRecord,
  jobInFlight,
  NO_JOBS,
  parseJobRecord,
  started,
  stateOf,
  withExpiry,
} from "../../../../engine/core/retrain-job.ts";
import { parseRetrainRequest, utcText } from "../../../../engine/core/retrain-request.ts";
import { hasCode } from "../../../support/error-code.ts";

const ID = "0f5c8a52-7d0b-8b5e-9c43-3d9a4f1f6a10";
const OTHER = "0f5c8a52-7d0b-8b5e-9c43-3d9a4f1f6a11";
const START_MS = Date.UTC(2026, 2, 2);
const DEADLINE_MS = START_MS + 1_000;
const REQUEST = {
  job_id: ID,
  model_name: "fraud",
  requested_at: utcText(START_MS),
  cause: "drift",
  evidence: [{ cause: "drift", numbers: { psi: 0.3 }, windows: [], reference_id: "r" }],
  deadline: utcText(DEADLINE_MS),
  requested_by: "monitor",
} as const;
const REQUESTED: JobRecord = {
  ...NO_JOBS,
  job: {
    job_id: ID,
    state: "requested",
    cause: "drift",
    requested_at: REQUEST.requested_at,
    deadline: REQUEST.deadline,
    requested_by: "monitor",
    evidence_digest: "",
    unpublished: parseRetrainRequest(REQUEST),
    attempt: 0,
  },
};
const running = started(REQUESTED, ID, START_MS + 1).record;
const end = { state: "succeeded" } as const;
const refusal = (state: string) => ({ isAccepted: false, state });

describe("a retraining job", () => {
  it("runs once it is started, and its message need not be published any more", () => {
    assert.equal(running.job?.state, "running");
    assert.equal(running.job.unpublished, undefined);
    assert.equal(jobInFlight(running, DEADLINE_MS - 1)?.job_id, ID);
    assert.deepEqual(parseJobRecord(JSON.stringify(running)), running);
  });

  it("ends by its trainer, once, and said again nothing changes", () => {
    const over = finished(running, { jobId: ID, attempt: 1 }, { ...end, note: "better" }, START_MS + 2);
    assert.deepEqual(over.answer, { isAccepted: true, attempt: 1 });
    assert.deepEqual(
      [over.record.job?.state, over.record.job?.note, over.record.job?.ended_at],
      ["succeeded", "better", utcText(START_MS + 2)],
    );
    assert.deepEqual(over.record.last_ended, over.record.job);
    const again = finished(over.record, { jobId: ID, attempt: 1 }, end, START_MS + 3);
    assert.deepEqual(again, { record: over.record, answer: { isAccepted: true, attempt: 1 } });
    const other = finished(over.record, { jobId: ID, attempt: 1 }, { state: "failed" }, START_MS + 3);
    assert.deepEqual(other.answer, refusal("succeeded"));
    assert.deepEqual(started(over.record, ID, START_MS + 4).answer, refusal("succeeded"));
  });

  it("is taken over when its message comes again, and the former trainer is shut out", () => {
    const second = started(running, ID, START_MS + 2);
    assert.deepEqual(second.answer, { isAccepted: true, attempt: 2 });
    assert.deepEqual(
      finished(second.record, { jobId: ID, attempt: 1 }, end, START_MS + 3).answer,
      refusal("running"),
    );
    assert.ok(finished(second.record, { jobId: ID, attempt: 2 }, end, START_MS + 3).answer.isAccepted);
  });

  it("does not end before it is started, nor under another id", () => {
    assert.deepEqual(
      finished(REQUESTED, { jobId: ID, attempt: 0 }, end, START_MS).answer,
      refusal("requested"),
    );
    assert.deepEqual(started(REQUESTED, OTHER, START_MS).answer, refusal("unknown"));
    assert.deepEqual(started(NO_JOBS, ID, START_MS).answer, refusal("unknown"));
  });

  it("expires at its deadline, whatever state it is in", () => {
    for (const record of [REQUESTED, running]) {
      assert.equal(withExpiry(record, DEADLINE_MS - 1), record);
      assert.equal(jobInFlight(record, DEADLINE_MS), undefined);
      const { job } = withExpiry(record, DEADLINE_MS + 5_000);
      assert.deepEqual(
        [job?.state, job?.ended_at, job?.unpublished],
        ["expired", REQUEST.deadline, undefined],
      );
      assert.deepEqual(started(record, ID, DEADLINE_MS).answer, refusal("expired"));
      assert.deepEqual(
        finished(record, { jobId: ID, attempt: 1 }, end, DEADLINE_MS).answer,
        refusal("expired"),
      );
    }
  });

  it("is called off, and then nobody starts or ends it", () => {
    const off = cancelled(running, START_MS + 2, "not now");
    assert.deepEqual([off.job?.state, off.job?.note], ["cancelled", "not now"]);
    assert.deepEqual(started(off, ID, START_MS + 3).answer, refusal("cancelled"));
    assert.deepEqual(
      finished(off, { jobId: ID, attempt: 1 }, end, START_MS + 3).answer,
      refusal("cancelled"),
    );
    assert.equal(cancelled(off, START_MS + 4), off);
  });
});

describe("what a record knows of a job", () => {
  it("is how it ended, also when another has followed it, until that has ended too", () => {
    assert.equal(stateOf(running, ID), "running");
    const off = cancelled(running, START_MS + 2);
    const next = { ...off, job: { ...REQUESTED.job, job_id: OTHER } as JobRecord["job"] };
    assert.deepEqual([stateOf(next, OTHER), stateOf(next, ID)], ["requested", "cancelled"]);
    assert.deepEqual(
      finished(next, { jobId: ID, attempt: 1 }, end, START_MS + 3).answer,
      refusal("cancelled"),
    );
    assert.equal(stateOf(cancelled(next, START_MS + 4), ID), "unknown");
  });
});

describe("a retraining request", () => {
  const wrong: readonly (readonly [field: string, change: object])[] = [
    ["job_id", { job_id: "1" }],
    ["model_name", { model_name: "Fraud!" }],
    ["evidence", { evidence: [] }],
    [
      "evidence.0.windows.0.to",
      { evidence: [{ ...REQUEST.evidence[0], windows: [{ from: REQUEST.deadline }] }] },
    ],
    ["evidence.0.reference_id", { evidence: [{ cause: "drift", numbers: {}, windows: [] }] }],
    ["deadline", { deadline: "tomorrow" }],
    ["request", { priority: 1 }],
  ];
  for (const [field, change] of wrong)
    it(`is refused with ${field} for ${JSON.stringify(change)}`, () => {
      assert.throws(
        () => parseRetrainRequest({ ...REQUEST, ...change }),
        (error) => {
          hasCode("INVALID_REQUEST")(error);
          assert.equal((error as { details: { field: string }[] }).details[0]?.field, field);
          return true;
        },
      );
    });
});

/** Training jobs as the terminal shows them. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { verdictLines } from "../../../engine/cli-comparison-table.ts";
import { summaryOf } from "../../../engine/cli-jobs.ts";
import { SeededRandom } from "../../../engine/core/seeded-random.ts";
import { parseTrainingGate } from "../../../engine/core/training-gate.ts";
import type { TrainingJob } from "../../../engine/core/training-job.ts";
import { judgeChallenger } from "../../../engine/train/gate/gate-verdict.ts";
import { regressionContest } from "../../support/gate-rows.ts";

it("a rejected job shows the metrics and every check of its gate", () => {
  const { rows, challenger, champion } = regressionContest(new SeededRandom(31), 400, [1.5, 1]);
  const verdict = judgeChallenger(parseTrainingGate({ resamples: 500 }), { rows, challenger, champion });
  assert.equal(verdict.verdict, "REJECTED");
  const job = {
    job_id: "01900000-0000-7000-8000-000000000000",
    model_name: "m",
    status: "COMPLETED",
    cause: "manual",
    requested_at: "2026-03-01T10:00:00.000Z",
    attempt: 1,
    outcome: "rejected",
    model_version: null,
    error: null,
    gate: { ...verdict },
    logs: [],
  } as unknown as TrainingJob;
  const lines = summaryOf(job);
  assert.equal(lines[2], "  rejected: no new version");
  for (const line of verdictLines(verdict)) assert.ok(lines.includes(line), line);
  for (const reason of verdict.reasons)
    assert.ok(
      lines.some((line) => line.includes(reason)),
      reason,
    );
});

/** Training jobs of a whole engine, on what its sample model was served and what that turned out to be. */
import assert from "node:assert/strict";
import type { TrainingJob } from "../../engine/core/training-job.ts";
import { createCardFraudGenerator } from "../../engine/sample/card-fraud.ts";
import { jsonOf } from "./answers.ts";
import type { TestEngine } from "./engine.ts";
import { eventually } from "./eventually.ts";

/** That serveAndLabel stores. */
export const SERVED_ROWS = 4_000;
const AT_ONCE = 1_000;

/** Payments through the model that serves, and what they turned out to be; returns once all of it is stored. */
export async function serveAndLabel(engine: TestEngine): Promise<void> {
  const generator = createCardFraudGenerator(7);
  for (let row = 0; row < SERVED_ROWS; row += AT_ONCE) {
    const payments = Array.from({ length: AT_ONCE }, () => generator.next());
    const instances = payments.map(({ transaction_id, card_id, features }) => ({
      request_id: transaction_id,
      entity_id: card_id,
      features,
    }));
    assert.equal((await engine.post("/predict/batch", { instances })).status, 200);
    const labels = payments.map(({ transaction_id, label }) => ({ request_id: transaction_id, label }));
    assert.equal((await engine.post("/labels", { model_name: "card-fraud", labels })).status, 202);
  }
  const query =
    "SELECT least((SELECT count() FROM millrace.labels), (SELECT count() FROM millrace.predictions)) AS n";
  await eventually(
    "all labels are stored",
    async () => Number((await engine.sql<{ n: string }>(query))[0]?.n) >= SERVED_ROWS,
    60_000,
  );
}

/** The job's id. */
export async function startJob(engine: TestEngine, spec: Record<string, unknown>): Promise<string> {
  const answer = await engine.post("/api/v1/training/start", { model_name: "card-fraud", ...spec });
  const { job_id } = await jsonOf<{ readonly job_id: string }>(answer);
  assert.equal(answer.status, 202);
  return job_id;
}

export async function endedJob(engine: TestEngine, jobId: string, withinMs = 120_000): Promise<TrainingJob> {
  return eventually(
    "the job has ended",
    async () => {
      const job = await jsonOf<TrainingJob>(await engine.get(`/api/v1/training/${jobId}/status`));
      return job.status !== "QUEUED" && job.status !== "RUNNING" && job;
    },
    withinMs,
  );
}

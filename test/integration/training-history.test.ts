/** Jobs in ClickHouse, read again as their documents were. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { parseTrainingJob, type TrainingJob } from "../../engine/core/training-job.ts";
import { type ClickHouse, openClickHouse } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { TrainingHistory } from "../../storage/training-history.ts";
import { PASSWORD, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";

const AT = "2026-03-01T10:00:00.000Z";

function ended(change: Partial<TrainingJob> = {}): TrainingJob {
  return parseTrainingJob({
    job_id: randomUUID(),
    model_name: "m",
    status: "COMPLETED",
    stage: null,
    progress: 100,
    estimated_completion: null,
    cause: "manual",
    requested_by: "ann",
    requested_at: AT,
    started_at: "2026-03-01T10:00:01.250Z",
    updated_at: "2026-03-01T10:01:00.000Z",
    ended_at: "2026-03-01T10:01:00.000Z",
    attempt: 1,
    spec: { model_type: "LINEAR", mode: "FULL_RETRAIN" },
    parent_version: "1.0.0",
    model_version: null,
    data: { rows: 10 },
    trials: [
      {
        trial: 0,
        parameters: { C: 1 },
        state: "FAILED",
        value: null,
        values_per_fold: [0.5],
        losses: [],
        duration_ms: 1500,
        reason: "too few",
      },
    ],
    metrics: { rows: 3 },
    gate: { verdict: "REJECTED" },
    outcome: "rejected",
    error: null,
    logs: [],
    ...change,
  });
}

describe("the history of training", () => {
  let server: TestClickhouse;
  let client: ClickHouse;
  before(async () => {
    server = await startTestClickhouse();
    client = openClickHouse(server.url.replace("//", `//millrace:${encodeURIComponent(PASSWORD)}@`));
    await migrate(client, "millrace", pino({ level: "silent" }));
  });
  after(async () => {
    await client?.close();
    await server?.remove();
  });

  it("gives a job in the shape of its document", async () => {
    const history = new TrainingHistory(client, "millrace");
    const rejected = ended();
    const failed = ended({
      status: "FAILED",
      progress: 0,
      started_at: null,
      attempt: 0,
      spec: null,
      parent_version: null,
      data: null,
      trials: [],
      metrics: null,
      gate: null,
      outcome: null,
      error: { code: "DEADLINE_EXCEEDED", message: "late: by an hour", details: [] },
    });
    for (const job of [rejected, failed]) await history.keep(job);
    assert.deepEqual(await history.find(rejected.job_id), rejected);
    assert.deepEqual(await history.find(failed.job_id), failed);
    const listed = await history.list({ model: "m", limit: 10 });
    for (const job of [rejected, failed])
      assert.deepEqual(
        listed.find(({ job_id }) => job_id === job.job_id),
        job,
      );
    assert.equal(await history.find(randomUUID()), undefined);
  });
});

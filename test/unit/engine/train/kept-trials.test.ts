/** What a further attempt of a job keeps of the one before: its specification, and trials as long as they were made on the same rows. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRetrainRequest } from "../../../../engine/core/retrain-request.ts";
import type { TrainingTrial } from "../../../../engine/core/training-job.ts";
import { begunDocument, JobDocument } from "../../../../engine/train/job-document.ts";
import { toTrainingTask } from "../../../../engine/train/training-order.ts";
import { trainOn } from "../../../support/continued-training.ts";

const SPEC = {
  model_type: "LINEAR",
  search: { method: "random", trials_max: 3, timeout: "5m" },
};
const ROWS = { from: 0, count: 400 };

describe("a further attempt of a job", () => {
  const request = parseRetrainRequest({
    job_id: "5f0f2d2e-56b7-4a53-9d5f-0d4f3f1c7a11",
    model_name: "letters",
    cause: "manual",
    evidence: [{ cause: "manual", numbers: {}, windows: [], reference_id: null }],
    requested_by: "somebody",
    requested_at: "2026-03-02T12:00:00.000Z",
    deadline: "2026-03-03T12:00:00.000Z",
  });
  const { model_name } = request;

  async function attempt(rows: typeof ROWS, before?: JobDocument): Promise<JobDocument> {
    const document = new JobDocument(begunDocument(request, 1, before?.job, 0), {
      store: { write: async () => true },
      clock: () => 0,
    });
    const standing =
      before === undefined ? { ...SPEC, model_name } : { model_type: "RANDOM_FOREST", model_name };
    const task = toTrainingTask({
      request,
      document: document.job,
      standing,
      model: undefined,
      codeVersion: "1",
      clickhouseUrl: "",
      analystUrl: "",
      database: "",
    });
    document.set({ spec: { ...task.spec } });
    const { trials, triedOn, spec } = task;
    const { model_type, search } = spec;
    await trainOn({
      rows,
      spec: { model_type, search },
      kept: { trials, triedOn },
      onNews: (news) => document.hear(news),
    });
    await document.settle();
    return document;
  }

  const durations = (trials: readonly TrainingTrial[]) =>
    trials.map(({ trial, duration_ms }) => [trial, duration_ms]);

  it("keeps the specification and the trials on the same rows", async () => {
    const first = await attempt(ROWS);
    assert.equal(first.job.trials.length, 3);
    const second = await attempt(ROWS, first);
    assert.equal(second.job.spec?.["model_type"], "LINEAR", "what stands in the record is another by now");
    assert.deepEqual(durations(second.job.trials), durations(first.job.trials));
  });

  it("makes trials anew on other rows", async () => {
    const first = await attempt(ROWS);
    const second = await attempt({ from: 0, count: 500 }, first);
    assert.deepEqual(
      second.job.trials.map(({ trial }) => trial),
      [0, 1, 2],
    );
    for (const [at, { value }] of second.job.trials.entries())
      assert.notEqual(value, first.job.trials[at]?.value);
    assert.match(
      second.job.logs.map(({ message }) => message).join("\n"),
      /no longer those of 3 earlier trials/,
    );
  });
});

/**
 * What becomes of a training process that succeeds, fails, dies, takes too much memory or is called off.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { trainInProcess } from "../../engine/train/training-process.ts";
import type { TrainingNews, TrainingResult, TrainingTask } from "../../engine/train/training-task.ts";
import { RESULT } from "../support/training.ts";

const module = fileURLToPath(new URL("../support/training-child.js", import.meta.url));
const MIB = 1024 * 1024;

const task: TrainingTask = {
  request: {
    job_id: "00000000-0000-4000-8000-000000000000",
    model_name: "fraud",
    requested_at: "2026-01-01T00:00:00.000Z",
    cause: "manual",
    evidence: [{ cause: "manual", numbers: {}, windows: [], reference_id: null }],
    deadline: "2026-01-02T00:00:00.000Z",
    requested_by: "test",
  },
  spec: {},
  champion: undefined,
  championDigest: undefined,
  versions: [],
  version: "1.1.0",
  trials: [],
  codeVersion: "test",
  clickhouseUrl: "",
  analystUrl: "",
  database: "",
};

async function run(
  act: string,
  {
    signal = new AbortController().signal,
    onNews = () => undefined,
  }: { signal?: AbortSignal; onNews?: (news: TrainingNews) => void } = {},
): Promise<TrainingResult> {
  return trainInProcess({ module, memoryBytesMax: 256 * MIB }, { ...task, spec: { act } }, onNews, signal);
}

describe("a training process", () => {
  it("gives its result, typed arrays and maps included, and its news before", async () => {
    const news: TrainingNews[] = [];
    assert.deepEqual(await run("succeed", { onNews: (one) => news.push(one) }), RESULT);
    assert.deepEqual(news, [{ kind: "progress", stage: "TRAINING", share: 0.5 }]);
  });

  it("gives a large model whole", async () => {
    for (let time = 0; time < 3; time++) {
      const { model } = await run("succeed greatly");
      const bytes = model.files.get("model.onnx");
      assert.deepEqual([bytes?.length, bytes?.at(-1)], [32 * MIB, 7]);
    }
  });

  it("knows nothing of the engine's settings, which hold secrets", async () => {
    process.env["MILLRACE_SMTP_URL"] = "smtp://user:secret@localhost";
    const answer: unknown = await run("show the environment").catch((error: unknown) => error);
    delete process.env["MILLRACE_SMTP_URL"];
    const names = (answer as Error).message.split(" ");
    assert.ok(names.includes("PATH"));
    assert.ok(!names.some((name) => name.startsWith("MILLRACE")), names.join(" "));
  });

  it("that fails says why", async () => {
    await assert.rejects(run("fail"), { code: "INVALID_REQUEST", message: "no rows" });
  });

  it("that dies may be tried again", async () => {
    await assert.rejects(run("die"), { code: "WORKER_FAILED", message: /ended with code 7/ });
  });

  it("that takes more memory than it may is killed, with a remedy", async () => {
    await assert.rejects(run("hoard"), { code: "INVALID_REQUEST", message: /more than 256 MiB.*rows_max/ });
  });

  it("that fills its heap is told from one that dies", async () => {
    await assert.rejects(run("fill the heap"), { code: "INVALID_REQUEST", message: /more than 256 MiB/ });
  });

  it("that is called off is killed at once", async () => {
    const calling = new AbortController();
    const reason = new Error("cancelled");
    const onNews = (): void => calling.abort(reason);
    await assert.rejects(run("hang", { signal: calling.signal, onNews }), reason);
  });
});

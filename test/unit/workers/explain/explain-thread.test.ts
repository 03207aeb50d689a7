/** The thread that explains: what it is asked, how it comes by its models, and what it answers when it cannot. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { EngineError } from "../../../../engine/core/errors.ts";
import { ExplainThread } from "../../../../workers/explain/explain-thread.ts";
import type { ExplainedRow } from "../../../../workers/explain/explanation.ts";
import {
  type ExplanationGolden,
  explainedModel,
  questionOf,
  readExplanations,
} from "../../../support/explained-model.ts";

const [trees] = readExplanations("covers") as [ExplanationGolden];
const WAIT_MS = 60_000;

function asked(row = 0, change: Partial<ExplainedRow> = {}): ExplainedRow {
  const question = questionOf(trees.rows[row] ?? [], trees.answers[row] ?? [], 0);
  return { ...question, deadlineMs: Date.now() + WAIT_MS, ...change };
}

describe("the thread that explains", () => {
  let thread: ExplainThread;
  const handedOut: string[] = [];
  before(() => {
    const artifact = explainedModel(trees);
    const { "background.json": _, ...files } = Object.fromEntries(artifact.files);
    const other = Object.fromEntries(readExplanations("background").map((golden) => [golden.name, golden]));
    const withoutBackground = explainedModel(other["LightGBM, two classes"] as ExplanationGolden);
    thread = new ExplainThread((key) => {
      handedOut.push(key);
      if (key.startsWith("trees")) return { ...artifact, files: new Map(Object.entries(files)) };
      const model = new Map([...withoutBackground.files].filter(([path]) => path === "model.onnx"));
      return key === "bare" ? { ...withoutBackground, files: model } : undefined;
    });
  });
  after(async () => thread.close());

  it("takes a model's files once, however many rows come together", async () => {
    const rows = trees.rows.map((_, row) => thread.explain("trees", asked(row)));
    for (const [row, { contributions }] of (await Promise.all(rows)).entries())
      for (const [column, expected] of (trees.contributions[row]?.[0] ?? []).entries())
        assert.ok(Math.abs((contributions[column] as number) - expected) <= 1e-6);
    assert.deepEqual(handedOut, ["trees"]);
  });

  it("lets go of the models that were asked for longest ago, and takes them again", async () => {
    for (let round = 0; round < 2; round++)
      for (let model = 0; model < 6; model++) {
        const { base } = await thread.explain(`trees ${model}`, asked());
        assert.ok(Math.abs(base - (trees.base[0] ?? 0)) <= 1e-6);
      }
    assert.equal(handedOut.filter((key) => key === "trees 0").length, 2);
  });

  it("says why a model cannot be explained, and that one is no longer there", async () => {
    for (let time = 0; time < 2; time++)
      await assert.rejects(thread.explain("bare", asked()), {
        code: "MODEL_INVALID",
        message: /background\.json/,
      });
    await assert.rejects(thread.explain("gone", asked()), { code: "MODEL_NOT_FOUND" });
  });

  it("gives up at the deadline", async () => {
    await assert.rejects(thread.explain("trees", asked(0, { deadlineMs: Date.now() - 1 })), {
      code: "DEADLINE_EXCEEDED",
    });
  });

  it("gives no explanation of another answer than the model's", async () => {
    const answer = Float32Array.of((trees.answers[0]?.[0] ?? 0) + 0.01);
    await assert.rejects(thread.explain("trees", asked(0, { answer })), { code: "INFERENCE_FAILED" });
  });

  it("refuses more rows than may wait", async () => {
    const full = new ExplainThread(() => explainedModel(trees));
    const rows = Array.from({ length: 1_001 }, async () => full.explain("trees", asked()));
    const refused = (await Promise.allSettled(rows)).filter((result) => result.status === "rejected");
    assert.deepEqual(
      refused.map(({ reason }) => (reason as EngineError).code),
      ["QUEUE_FULL"],
    );
    await full.close();
  });

  it("refuses what comes after its end", async () => {
    const ended = new ExplainThread(() => undefined);
    await ended.close();
    await assert.rejects(ended.explain("trees", asked()), { code: "SHUTTING_DOWN" });
  });
});

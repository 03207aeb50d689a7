/** What becomes of the rows that ask for an explanation, with a pool that explains when the test says. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Batcher } from "../../../engine/batcher.ts";
import { createDeferred, type Deferred } from "../../../engine/core/deferred.ts";
import { EngineError } from "../../../engine/core/errors.ts";
import { Metrics } from "../../../engine/core/metrics.ts";
import { Explainer } from "../../../engine/explainer.ts";
import { ServedModel } from "../../../engine/served-model.ts";
import type { ExplainedRow, Explanation } from "../../../workers/explain/explanation.ts";
import { testRow } from "../../support/log-blocks.ts";
import { mixedManifest } from "../../support/manifests.ts";

const manifest = mixedManifest({
  inputs: [
    { name: "size", type: "float", nullable: true },
    { name: "note", type: "text" },
  ],
  input_tensor: "features",
  preprocessing: [
    { type: "imputer", columns: ["size"], strategy: "constant", fill_value: 5, statistics: [5] },
    { type: "one_hot_encoder", columns: ["note"], categories: [["a", "b"]] },
  ],
  outputs: [{ name: "probabilities", type: "probabilities" }],
  classes: ["no", "maybe", "yes"],
});

class HeldPool {
  readonly asked: {
    readonly key: string;
    readonly row: ExplainedRow;
    readonly answer: Deferred<Explanation>;
  }[] = [];

  explain(key: string, row: ExplainedRow): Promise<Explanation> {
    const answer = createDeferred<Explanation>();
    this.asked.push({ key, row, answer });
    return answer.promise;
  }
}

/** Two rows that are answered, and the sent answers. */
function explained(top: number, deadlineMs = Number.POSITIVE_INFINITY) {
  const pool = new HeldPool();
  const explainer = new Explainer(pool, { error: (fields: unknown) => void logged.push(fields) });
  const logged: unknown[] = [];
  const batcher = new Batcher(new ServedModel(manifest, new Metrics()), 4);
  const rows = [testRow({ deadlineMs }), testRow({ deadlineMs })];
  assert.equal(batcher.add(rows[0] ?? testRow(), { size: 0.1, note: "a" }), undefined);
  assert.equal(batcher.add(rows[1] ?? testRow(), { note: "b" }), undefined);
  const batch = batcher.take();
  assert.ok(batch);
  batch.outputs.set([0.2, 0.7, 0.1, 0.5, 0.1, 0.4]);
  const sent: Record<string, unknown>[] = [];
  for (const [index, row] of rows.entries())
    explainer.answer(batch, index, { row, top, json: `{"row":${index}}` }, (json) =>
      sent.push(JSON.parse(json) as Record<string, unknown>),
    );
  return { pool, explainer, batch, sent, logged };
}

const explanation = (...contributions: number[]): Explanation => ({
  unit: "probability",
  base: 0.25,
  contributions: Float64Array.from(contributions),
});

describe("the explainer", () => {
  it("asks about copies: the batch's memory is the next batch's while the answer is awaited", async () => {
    const { pool, explainer, batch, sent } = explained(5);
    batch.features.fill(9);
    batch.raw.fill(9);
    batch.outputs.fill(9);
    batch.texts.fill("nine");
    const [first, second] = pool.asked;
    assert.deepEqual([...(first?.row.row ?? [])], [Math.fround(0.1), 1, 0]);
    assert.deepEqual([...(second?.row.row ?? [])], [5, 0, 1]);
    assert.deepEqual([...(first?.row.answer ?? [])], [0.2, 0.7, 0.1].map(Math.fround));
    assert.deepEqual([first?.row.output, second?.row.output], [1, 0], "the predicted class");
    assert.deepEqual([...(first?.row.players ?? [])], [0, 1, 1]);
    first?.answer.resolve(explanation(0.1, -0.4));
    second?.answer.resolve(explanation(0.2, 0.2));
    await explainer.drain();
    const common = { base_value: 0.25, contribution_unit: "probability" };
    assert.deepEqual(sent, [
      {
        row: 0,
        top_features: [
          { name: "note", value: "a", contribution: -0.4 },
          { name: "size", value: 0.1, contribution: 0.1 },
        ],
        ...common,
      },
      {
        row: 1,
        top_features: [
          { name: "size", value: null, contribution: 0.2 },
          { name: "note", value: "b", contribution: 0.2 },
        ],
        ...common,
      },
    ]);
  });

  it("answers each row when its own explanation is there, with as many features as it asked for", async () => {
    const { pool, explainer, sent } = explained(1);
    pool.asked[1]?.answer.resolve(explanation(0.1, 0.3));
    await pool.asked[1]?.answer.promise;
    pool.asked[0]?.answer.resolve(explanation(0, 0));
    await explainer.drain();
    assert.deepEqual(
      sent.map(({ row }) => row),
      [1, 0],
    );
    assert.deepEqual(sent[0]?.["top_features"], [{ name: "note", value: "b", contribution: 0.3 }]);
  });

  it("sends the prediction with the reason when there is no explanation", async () => {
    const { pool, explainer, sent, logged } = explained(5);
    const bug = new TypeError("a bug");
    pool.asked[0]?.answer.reject(new EngineError("MODEL_INVALID", "no background"));
    pool.asked[1]?.answer.reject(bug);
    await explainer.drain();
    assert.deepEqual(sent, [
      { row: 0, explanation_error: { code: "MODEL_INVALID", message: "no background" } },
      {
        row: 1,
        explanation_error: { code: "INTERNAL", message: "internal error; the engine's log has the cause" },
      },
    ]);
    assert.deepEqual(logged, [{ err: bug, model: "mixed@1.0.0" }]);
  });

  it("gives an explanation the time that its row has left, and five seconds at most", () => {
    const leftMs = (deadlineMs?: number): number =>
      (explained(5, deadlineMs).pool.asked[0]?.row.deadlineMs ?? 0) - Date.now();
    assert.ok(leftMs() <= 5_000);
    assert.ok(leftMs(performance.now() + 1_000) <= 1_000);
    assert.ok(leftMs(performance.now() - 1) <= 0);
  });
});

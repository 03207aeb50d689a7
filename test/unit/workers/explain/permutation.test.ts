/** Drawn orders of players: exact for pairs, adding up for anything, bounded, and the same for the same row. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ExplainedRow } from "../../../../workers/explain/explanation.ts";
import { permutationExplainer } from "../../../../workers/explain/permutation-explainer.ts";
import { type PermutationQuestion, permutationShap } from "../../../../workers/explain/permutation-shap.ts";
import { hasCode } from "../../../support/error-code.ts";
import {
  type ExplanationGolden,
  explainedModel,
  questionOf,
  readExplanations,
} from "../../../support/explained-model.ts";

const ROW = [1, 2, -1, 0.5];
const BACKGROUND = [
  [0, 0, 0, 0],
  [1, -1, 2, 0],
  [0.5, 1, 1, 3],
].map((row) => Float32Array.from(row));
/** The last two columns are one player. */
const PLAYERS = Int32Array.of(0, 1, 2, 2);
const ORDERS = [[2, 0, 1]].map((order) => Uint32Array.from(order));

function questionFor(
  of: (row: Float32Array) => number,
  change: Partial<ExplainedRow> = {},
): PermutationQuestion {
  const row = Float32Array.from(ROW);
  const asked = { ...questionOf(ROW, [of(row)], 0), players: PLAYERS, playerCount: 3, ...change };
  const base = BACKGROUND.reduce((sum, other) => sum + of(other), 0) / BACKGROUND.length;
  return {
    asked,
    background: BACKGROUND,
    base,
    orders: ORDERS,
    width: 1,
    predict: async (rows, count, outputs) => {
      for (let at = 0; at < count; at++) outputs[at] = of(rows.subarray(at * 4, at * 4 + 4));
    },
  };
}

describe("contributions by drawn orders", () => {
  it("are exact after one order where players work together in pairs", async () => {
    const [a = 0, b = 0, c = 0, d = 0] = ROW;
    const means = [0, 1, 2, 3].map((at) => BACKGROUND.reduce((sum, row) => sum + (row[at] as number) / 3, 0));
    const found = await permutationShap(questionFor(([a = 0, b = 0, c = 0, d = 0]) => 3 * a + 2 * b * c + d));
    const meanProduct = BACKGROUND.reduce(
      (sum, row) => sum + ((row[1] as number) * (row[2] as number)) / 3,
      0,
    );
    const [, meanB = 0, meanC = 0, meanD = 0] = means;
    const expected = [
      3 * (a - (means[0] as number)),
      // half of what changes when the other is unknown, and half of what changes when it is known
      b * meanC - meanProduct + (b * c - meanB * c),
      meanB * c - meanProduct + (b * c - b * meanC) + (d - meanD),
    ];
    for (const [player, value] of expected.entries())
      assert.ok(
        Math.abs((found[player] as number) - value) <= 1e-6,
        `player ${player}: ${found[player]}, not ${value}`,
      );
  });

  it("add up to the answer whatever the model is", async () => {
    const question = questionFor(([a = 0, b = 0, c = 0, d = 0]) =>
      Math.fround(Math.sin(a * b) * Math.exp(c - d)),
    );
    const sum = (await permutationShap(question)).reduce((all, one) => all + one, question.base);
    assert.ok(Math.abs(sum - (question.asked.answer[0] as number)) <= 1e-6);
  });

  it("stop at the deadline", async () => {
    const question = questionFor(([a = 0]) => a, { deadlineMs: Date.now() - 1 });
    await assert.rejects(permutationShap(question), hasCode("DEADLINE_EXCEEDED"));
  });

  it("of one player are all of the difference", async () => {
    const question = questionFor(([a = 0]) => a, { players: new Int32Array(4), playerCount: 1 });
    const found = await permutationShap({ ...question, orders: [Uint32Array.of(0)] });
    assert.deepEqual([...found], [1 - question.base]);
  });

  it("are the same for the same row, and of the order of shap's for a network", async () => {
    const [golden] = readExplanations("permutation") as [ExplanationGolden];
    const artifact = explainedModel(golden);
    const background = (golden.background ?? []).map((row) => Float32Array.from(row as number[]));
    const explainer = await permutationExplainer(artifact, background);
    const question = questionOf(golden.rows[0] ?? [], golden.answers[0] ?? [], golden.width - 1);
    const first = await explainer.explain(question);
    assert.deepEqual(await explainer.explain(question), first);
    for (const [column, contribution] of (golden.contributions[0]?.[0] ?? []).entries())
      assert.ok(Math.abs((first.contributions[column] as number) - contribution) <= 0.02);
    await explainer.close();
  });
});

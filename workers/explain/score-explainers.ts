/**
 * Explainers of models whose scores can be read: trees by their covers, trees against a background, weighted sums. All exact.
 */
import { EngineError } from "../../engine/core/errors.ts";
import { byPlayer, type ExplainedRow, type Explainer, type Explanation } from "./explanation.ts";
import type { LinearScores } from "./linear-scores.ts";
import { type CountedScore, checkAnswer, explainedScores, type Linked, unitOf } from "./scores.ts";
import { scoreOf, type TreeScores } from "./split-tree.ts";
import { meanByCover, TreeShap } from "./tree-shap.ts";
import { TreeShapAgainst } from "./tree-shap-against.ts";

/** Base and contributions of columns, of one score. */
interface ScoreMethod {
  /** What the model's scores are for a row. */
  scoresOf(row: Float32Array): Float64Array;
  baseOf(score: number): number;
  /** Adds `factor` times each column's part. */
  add(score: number, factor: number, row: ExplainedRow, contributions: Float64Array): void;
}

/** @param isClassifier whether a score that is not linked is a probability */
export function scoreExplainer(method: ScoreMethod, linked: Linked, isClassifier: boolean): Explainer {
  const unit = unitOf(linked, isClassifier);
  const explain = (row: ExplainedRow): Explanation => {
    checkAnswer(linked, method.scoresOf(row.row), row.answer, row.output);
    const scores = explainedScores(linked, row.output);
    const columns = new Float64Array(row.row.length);
    for (const { score, factor } of scores) method.add(score, factor, row, columns);
    return { unit, base: baseOf(method, scores), contributions: byPlayer(columns, row) };
  };
  return { explain: async (row) => explain(row), close: async () => undefined };
}

function baseOf(method: ScoreMethod, scores: readonly CountedScore[]): number {
  return scores.reduce((sum, { score, factor }) => sum + factor * method.baseOf(score), 0);
}

/** Trees whose file has covers. */
export function coverMethod(model: TreeScores): ScoreMethod {
  const shap = new TreeShap(depthOf(model));
  const bases = model.base.map((base, score) =>
    model.trees.reduce((sum, tree) => sum + meanByCover(tree, score), base),
  );
  return {
    scoresOf: (row) => treeScores(model, row),
    baseOf: (score) => bases[score] as number,
    add(score, factor, { row, deadlineMs }, contributions) {
      const own = new Float64Array(contributions.length);
      for (const tree of model.trees) {
        checkDeadline(deadlineMs);
        shap.add(tree, score, row, own);
      }
      for (let column = 0; column < own.length; column++)
        contributions[column] = (contributions[column] as number) + factor * (own[column] as number);
    },
  };
}

/** Trees whose file has none: what is unknown takes the values of each row of the background. */
export function backgroundMethod(
  model: TreeScores,
  background: readonly Float32Array[],
  columns: number,
): ScoreMethod {
  const shap = new TreeShapAgainst(depthOf(model), columns);
  const bases = meanScores(background.map((row) => treeScores(model, row)));
  return {
    scoresOf: (row) => treeScores(model, row),
    baseOf: (score) => bases[score] as number,
    add(score, factor, { row, deadlineMs }, contributions) {
      const share = factor / background.length;
      for (const tree of model.trees) {
        checkDeadline(deadlineMs);
        for (const other of background) shap.add(tree, score, { row, other }, share, contributions);
      }
    },
  };
}

/** Weighted sums: weight × (x - mean of the background). */
export function linearMethod(
  { weights, intercepts }: LinearScores,
  background: readonly Float32Array[],
): ScoreMethod {
  const means = meanScores(background.map((row) => Float64Array.from(row)));
  const scoresOf = (row: ArrayLike<number>): Float64Array =>
    intercepts.map((intercept, score) =>
      (weights[score] as Float64Array).reduce(
        (sum, weight, column) => sum + weight * (row[column] as number),
        intercept,
      ),
    );
  const bases = scoresOf(means);
  return {
    scoresOf,
    baseOf: (score) => bases[score] as number,
    add(score, factor, { row }, contributions) {
      const own = weights[score] as Float64Array;
      for (let column = 0; column < row.length; column++) {
        const difference = (row[column] as number) - (means[column] as number);
        contributions[column] =
          (contributions[column] as number) + factor * (own[column] as number) * difference;
      }
    },
  };
}

function treeScores(model: TreeScores, row: Float32Array): Float64Array {
  return model.base.map((_, score) => scoreOf(model, score, row));
}

function depthOf({ trees }: TreeScores): number {
  return trees.reduce((most, { depth }) => Math.max(most, depth), 0);
}

function meanScores(rows: readonly Float64Array[]): Float64Array {
  const means = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows)
    for (let at = 0; at < means.length; at++)
      means[at] = (means[at] as number) + (row[at] as number) / rows.length;
  return means;
}

/** @throws EngineError DEADLINE_EXCEEDED */
export function checkDeadline(deadlineMs: number): void {
  if (Date.now() <= deadlineMs) return;
  throw new EngineError(
    "DEADLINE_EXCEEDED",
    "the explanation was not done in time; raise timeout_ms or ask for it later",
  );
}

/**
 * From scores to the answer's numbers, and which scores a number of the answer stands for.
 *
 * One score of two classes is that of the last one. Two that go through softmax are explained by their difference, which is the log
 * odds. The check that the scores give the model's own answer is what makes an explanation one of this model.
 */
import { EngineError } from "../../engine/core/errors.ts";
import type { ExplanationUnit } from "./explanation.ts";
import type { Link } from "./score-graph.ts";

/** Sums of float32 in another order, through a link. */
const TOLERANCE = 1e-4;

export interface Linked {
  readonly scores: number;
  readonly link: Link;
}

/** A score, and how often it counts. */
export interface CountedScore {
  readonly score: number;
  readonly factor: 1 | -1;
}

/** The scores whose sum is explained for number `output` of an answer. */
export function explainedScores({ scores, link }: Linked, output: number): CountedScore[] {
  if (scores === 1) return [{ score: 0, factor: 1 }];
  if (scores === 2 && link === "softmax") {
    const other = 1 - output;
    return [
      { score: output, factor: 1 },
      { score: other, factor: -1 },
    ];
  }
  return [{ score: output, factor: 1 }];
}

export function unitOf({ link }: Linked, isClassifier: boolean): ExplanationUnit {
  if (link !== "none") return "margin";
  return isClassifier ? "probability" : "value";
}

/** @throws EngineError INFERENCE_FAILED when the scores give another answer than the model gave. */
export function checkAnswer(
  linked: Linked,
  scores: Float64Array,
  answer: Float32Array,
  output: number,
): void {
  const expected = answerOf(linked, scores, output);
  const answered = answer[output] as number;
  if (Math.abs(expected - answered) <= TOLERANCE * Math.max(1, Math.abs(answered))) return;
  throw new EngineError(
    "INFERENCE_FAILED",
    `the model answers ${answered} where its ${scores.length} scores give ${expected}: it computes more than they say`,
  );
}

function answerOf({ link }: Linked, scores: Float64Array, output: number): number {
  const score = scores[scores.length === 1 ? 0 : output] as number;
  if (link === "logistic") return 1 / (1 + Math.exp(-score));
  if (link === "none") return score;
  const largest = Math.max(...scores);
  const powers = scores.map((one) => Math.exp(one - largest));
  return (powers[output] as number) / powers.reduce((sum, power) => sum + power, 0);
}

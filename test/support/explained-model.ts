/**
 * Models with goldens of the shap package, and what an explainer is asked about them.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../../engine/core/manifest.ts";
import { createExplainer } from "../../workers/explain/create-explainer.ts";
import type { ExplainedRow, Explanation } from "../../workers/explain/explanation.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { runtimeOf } from "../../workers/runtimes.ts";
import { PROJECT } from "./model-folder.ts";

/** Of probabilities, and of a value's size: answers are float32. */
const TOLERANCE = 1e-5;

type Numbers = readonly (number | null)[];

export interface ExplanationGolden {
  readonly name: string;
  /** ONNX, base64. */
  readonly model: string;
  readonly output: string;
  readonly width: number;
  readonly rows: readonly Numbers[];
  readonly background?: readonly Numbers[];
  readonly answers: readonly (readonly number[])[];
  /** Per explained number of an answer. */
  readonly base: readonly number[];
  /** Row, explained number, column. */
  readonly contributions: readonly (readonly (readonly number[])[])[];
  /** Row, order, players. */
  readonly orders?: readonly (readonly (readonly number[])[])[];
}

export function readExplanations(name: string): ExplanationGolden[] {
  const path = join(PROJECT, "test/fixtures/explanations", `${name}.json`);
  return JSON.parse(readFileSync(path, "utf8")) as ExplanationGolden[];
}

export function explainedModel({ model, output, width, rows, background }: ExplanationGolden): ModelArtifact {
  const inputs = (rows[0] ?? []).map((_, at) => ({ name: `c${at}`, type: "float", nullable: true }));
  const classes = width === 1 ? {} : { classes: Array.from({ length: width }, (_, at) => `class ${at}`) };
  const type = width === 1 ? "value" : "probabilities";
  const files = new Map<string, Uint8Array>([["model.onnx", new Uint8Array(Buffer.from(model, "base64"))]]);
  if (background !== undefined)
    files.set("background.json", new Uint8Array(Buffer.from(JSON.stringify({ rows: background }))));
  const manifest = parseManifest({
    name: "explained",
    version: "1.0.0",
    runtime: "onnx",
    inputs,
    input_tensor: "x",
    allow_nan: true,
    outputs: [{ name: output, type }],
    ...classes,
  });
  return { manifest, files };
}

/** Every column a player. */
export function questionOf(row: Numbers, answer: readonly number[], output: number): ExplainedRow {
  return {
    row: Float32Array.from(row, (number) => number ?? Number.NaN),
    answer: Float32Array.from(answer),
    output,
    players: Int32Array.from(row, (_, column) => column),
    playerCount: row.length,
    deadlineMs: Number.POSITIVE_INFINITY,
  };
}

/** The answer that sums of base and contributions stand for; of margins of several classes, those of all. */
function answerOf(sums: readonly number[], unit: string): number[] {
  if (unit !== "margin") return [...sums];
  if (sums.length === 1) return sums.map((sum) => 1 / (1 + Math.exp(-sum)));
  const powers = sums.map((sum) => Math.exp(sum));
  return powers.map((power) => power / powers.reduce((a, b) => a + b, 0));
}

/**
 * Explains the answers that the model gives to rows when it is served, and expects base and contributions to add up to each; the
 * explanations.
 */
export async function expectAddedUp(
  artifact: ModelArtifact,
  rows: readonly (readonly number[])[],
): Promise<Explanation[]> {
  const runtime = await runtimeOf(artifact.manifest.runtime);
  const model = await runtime.load(artifact);
  const explainer = await createExplainer(artifact);
  const width = artifact.manifest.classes?.length ?? 1;
  // of two classes the last one is explained
  const outputs = width === 2 ? [1] : Array.from({ length: width }, (_, output) => output);
  const found: Explanation[] = [];
  for (const [at, row] of rows.entries()) {
    const answer = new Float32Array(width);
    await model.predict(Float32Array.from(row), 1, answer);
    const explained = [];
    for (const output of outputs)
      explained.push(await explainer.explain(questionOf(row, [...answer], output)));
    const sums = explained.map(({ base, contributions }) => contributions.reduce((a, b) => a + b, base));
    for (const [place, value] of answerOf(sums, explained[0]?.unit ?? "").entries()) {
      const answered = answer[outputs[place] as number] as number;
      const difference = Math.abs(value - answered);
      assert.ok(
        difference <= TOLERANCE * Math.max(1, Math.abs(answered)),
        `row ${at}: ${value}, not ${answered}`,
      );
    }
    found.push(...explained);
  }
  await explainer.close();
  await model.close();
  return found;
}

/**
 * Models with goldens of the shap package, and what an explainer is asked about them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../../engine/core/manifest.ts";
import type { ExplainedRow } from "../../workers/explain/explanation.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { PROJECT } from "./model-folder.ts";

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

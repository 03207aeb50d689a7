/** Manifests for unit tests: one input of every type, and what a test changes. */
import { type ModelManifest, parseManifest } from "../../engine/core/manifest.ts";

export const MIXED = {
  name: "mixed",
  version: "1.0.0",
  runtime: "onnx",
  inputs: [
    { name: "size", type: "float", min: -10, max: 10 },
    { name: "age", type: "int", min: 0, default: 30 },
    { name: "color", type: "category", categories: ["red", "green", "blue"], default: "green" },
    { name: "new", type: "bool" },
  ],
  outputs: [{ name: "probabilities", type: "probabilities" }],
  classes: ["no", "yes"],
} as const;

export function mixedManifest(change: Record<string, unknown> = {}): ModelManifest {
  return parseManifest({ ...MIXED, ...change });
}

/**
 * A model version for tests that care about the registry and not about inference.
 */
import { parseManifest } from "../../engine/core/manifest.ts";
import type { ModelContent } from "../../storage/version-record.ts";

export interface ContentOptions {
  readonly name?: string;
  readonly version?: string;
  readonly bytes?: Uint8Array;
}

export function modelContent({
  name = "fraud",
  version = "1.0.0",
  bytes,
}: ContentOptions = {}): ModelContent {
  const manifest = parseManifest({
    name,
    version,
    runtime: "onnx",
    inputs: [{ name: "amount", type: "float", example: 1.5 }],
    outputs: [{ name: "score", type: "value" }],
  });
  return {
    manifest,
    files: new Map([["model.onnx", bytes ?? new TextEncoder().encode(`${name}@${version}`)]]),
  };
}

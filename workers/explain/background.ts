/**
 * The background of a model: rows that stand for what is usual, against which a row is explained. `background.json` in the model's
 * folder, `{"rows": [[…], …]}`: what the model reads (inputs in their order, categories as their index; or what preprocessing makes
 * of them), null for what is missing. Bound: BACKGROUND_ROWS_MAX rows.
 */
import { z } from "zod";
import { inputWidth, type ModelManifest } from "../../engine/core/manifest.ts";
import { modelInvalid } from "../model-invalid.ts";
import type { ModelArtifact } from "../runtime.ts";

export const BACKGROUND_FILE = "background.json";
export const BACKGROUND_ROWS_MAX = 100;

const backgroundFile = z.strictObject({
  rows: z.array(z.array(z.number().nullable())).min(1).max(BACKGROUND_ROWS_MAX),
});

/** Undefined for a model without one. @throws EngineError MODEL_INVALID naming the row. */
export function readBackground({
  manifest,
  files,
}: Pick<ModelArtifact, "manifest" | "files">): readonly Float32Array[] | undefined {
  const bytes = files.get(BACKGROUND_FILE);
  if (bytes === undefined) return undefined;
  const parsed = backgroundFile.safeParse(jsonOf(bytes));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join(".") ?? "";
    throw modelInvalid(
      BACKGROUND_FILE,
      `${field === "" ? "the file" : field}: ${issue?.message}. Write {"rows": [[1, 2.5, null], …]}, at most ${BACKGROUND_ROWS_MAX} rows.`,
    );
  }
  return parsed.data.rows.map((row, at) => toRow(manifest, row, at));
}

function toRow(manifest: ModelManifest, row: readonly (number | null)[], at: number): Float32Array {
  const width = inputWidth(manifest);
  if (row.length !== width)
    throw modelInvalid(
      BACKGROUND_FILE,
      `rows.${at} has ${row.length} numbers, and the model reads ${width}.`,
    );
  if (manifest.allow_nan !== true && row.includes(null))
    throw modelInvalid(
      BACKGROUND_FILE,
      `in rows.${at} a number is missing, and the model takes none that are (allow_nan). Fill it in.`,
    );
  return Float32Array.from(row, (number) => number ?? Number.NaN);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch (error) {
    throw modelInvalid(BACKGROUND_FILE, "the file is not JSON.", error);
  }
}

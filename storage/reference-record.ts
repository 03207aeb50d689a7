/**
 * The record of a model version's reference: which one it is, where its body lies, and which ones were before.
 *
 * Bound: PREVIOUS_MAX former ids.
 */
import { z } from "zod";
import { EngineError } from "../engine/core/errors.ts";
import { modelKey } from "../engine/core/manifest.ts";
import { referenceSource } from "../engine/core/reference-source.ts";
import type { Key } from "./version-store.ts";

const PREVIOUS_MAX = 20;
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const recordShape = z.strictObject({
  /** Digest of the profile: bins and counts with the same id are the same. */
  reference_id: sha256,
  /** Digest of the body in the artifact store: the profile with metrics and estimator. */
  digest: sha256,
  source: referenceSource,
  created_at: z.iso.datetime(),
  /** Ids of the references before, newest first. */
  previous: z.array(sha256),
});

export type ReferenceRecord = Readonly<z.infer<typeof recordShape>>;

/** @throws EngineError INTERNAL: only the reference store writes these records. */
export function parseReferenceRecord(text: string, key: Key): ReferenceRecord {
  const result = recordShape.safeParse(parseJson(text));
  if (result.success) return result.data;
  throw new EngineError("INTERNAL", `the record of the reference of ${modelKey(key)} cannot be read`, {
    cause: result.error,
  });
}

/** The ids before `next`, once `next` takes the place of `current`. */
export function previousIds(current: ReferenceRecord | undefined, next: string): string[] {
  if (current === undefined) return [];
  const former = [current.reference_id, ...current.previous].filter((id) => id !== next);
  return [...new Set(former)].slice(0, PREVIOUS_MAX);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

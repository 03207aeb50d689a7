/**
 * A version that has a reference, as it is counted and judged.
 */
import type { ModelManifest } from "../../core/manifest.ts";
import { isKeptAsText } from "../../core/model-input.ts";
import type { WatchedVersion } from "../drift/count-keeper.ts";
import { parseProfile } from "./reference-profile.ts";

/** @throws EngineError INVALID_REQUEST when the reference's body is damaged. */
export function toWatchedVersion(
  manifest: ModelManifest,
  referenceId: string,
  body: unknown,
): WatchedVersion {
  const { profile } = body as { readonly profile: unknown };
  return {
    model: manifest.name,
    version: manifest.version,
    referenceId,
    profile: parseProfile(profile),
    texts: manifest.inputs
      .filter((input) => input.type === "category" || isKeptAsText(input))
      .map(({ name }) => name),
  };
}

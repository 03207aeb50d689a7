/**
 * What the registry's answers say of a model: its aliases, the state of each version, and the canary under way.
 */
import type { ModelState } from "../../storage/model-state.ts";
import { type CanaryRecord, shareOf } from "../core/deployment.ts";
import { versionState } from "../core/version-state.ts";

export function describeModel(model: ModelState): Record<string, unknown> {
  const { name, aliases, versions, archived, deprecated, canary, warm } = model;
  return {
    name,
    aliases: Object.fromEntries(Object.entries(aliases).map(([key, to]) => [key, to.version])),
    versions,
    states: Object.fromEntries(versions.map((version) => [version, versionState(model, version)])),
    archived,
    deprecated,
    canary: canary === undefined ? null : describeCanary(canary),
    /** Loaded a while longer than it is in use. */
    warm: warm ?? null,
  };
}

function describeCanary(canary: CanaryRecord): Record<string, unknown> {
  return { ...canary, share: shareOf(canary) };
}

/**
 * The state of a model version. It follows from the one record of its model's aliases; nothing else is kept of it.
 */

export const VERSION_STATES = [
  "REGISTERED",
  "STAGING",
  "CANARY",
  "PRODUCTION",
  "ARCHIVED",
  "DEPRECATED",
] as const;
export type VersionState = (typeof VERSION_STATES)[number];

export const PRODUCTION = "production";
export const STAGING = "staging";
export const CANARY = "canary";

/** What a state follows from. */
export interface Standing {
  readonly aliases: Readonly<Record<string, { readonly version: string }>>;
  readonly archived: readonly string[];
  readonly deprecated: readonly string[];
}

/** Of several aliases the most exposed one counts; one with an alias of another name is REGISTERED, or DEPRECATED. */
export function versionState({ aliases, archived, deprecated }: Standing, version: string): VersionState {
  const holds = (alias: string): boolean =>
    Object.hasOwn(aliases, alias) && aliases[alias]?.version === version;
  if (holds(PRODUCTION)) return "PRODUCTION";
  if (holds(CANARY)) return "CANARY";
  if (holds(STAGING)) return "STAGING";
  if (archived.includes(version)) return "ARCHIVED";
  return deprecated.includes(version) ? "DEPRECATED" : "REGISTERED";
}

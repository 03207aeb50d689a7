/**
 * The one changing record of a model: where its aliases point and pointed before, what is archived or deprecated, the canary
 * under way, and what of all that was not told yet.
 *
 * Key in the KV bucket: `aliases.<name>`. Changes are pure functions from record to record (here and in canary-change); AliasStore
 * writes their result by compare-and-set, together with an entry for the audit log, so that none is lost or told of something that
 * did not happen. Each change carries an id that stays in the record for a while: a writer that lost the answer to its write finds
 * out whether it took effect. Bounds: 20 former versions, 100 change ids, UNTOLD_MAX entries.
 */
import { z } from "zod";
import { type AuditAction, type AuditEntry, auditEntry } from "../engine/core/audit-entry.ts";
import { type CanaryRecord, canaryRecord } from "../engine/core/deployment.ts";
import { EngineError } from "../engine/core/errors.ts";
import { CANARY, PRODUCTION, STAGING, type Standing } from "../engine/core/version-state.ts";

const HISTORY_MAX = 20;
const CHANGES_MAX = 100;
/** Each has some 2 KB at most, and a message of NATS holds 1 MiB. */
export const UNTOLD_MAX = 200;

const aliasShape = z.object({
  version: z.string(),
  /** Versions the alias pointed to before, newest first. */
  previous: z.array(z.string()),
});
const warmShape = z.object({ version: z.string(), until: z.iso.datetime() });
const recordShape = z.object({
  aliases: z.record(z.string(), aliasShape),
  archived: z.array(z.string()),
  deprecated: z.array(z.string()).default([]),
  canary: canaryRecord.optional(),
  /** Of aliases that were taken off: the versions that they pointed to, newest first. */
  withdrawn: z.record(z.string(), z.array(z.string())).optional(),
  /** Replaced in production a short while ago, and loaded until then: going back to it needs no loading. */
  warm: warmShape.optional(),
  changes: z.array(z.string()),
  /** Entries for the audit log that the stream is not known to have, oldest first. */
  untold: z.array(auditEntry).default([]),
});

export interface Alias {
  readonly version: string;
  readonly previous: readonly string[];
}

export interface AliasRecord extends Standing {
  readonly aliases: Readonly<Record<string, Alias>>;
  readonly canary?: CanaryRecord | undefined;
  readonly withdrawn?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly warm?: Readonly<z.infer<typeof warmShape>> | undefined;
  readonly changes: readonly string[];
  readonly untold: readonly AuditEntry[];
}

export const NO_ALIASES: AliasRecord = {
  aliases: {},
  archived: [],
  deprecated: [],
  changes: [],
  untold: [],
};

/** What a change made of the record, and what the audit log is to say of it. */
export interface Changed {
  readonly record: AliasRecord;
  readonly action: AuditAction;
  readonly version: string;
  readonly alias?: string;
  readonly replaced?: string;
  /** Beside the reason that whoever asked for the change gave. */
  readonly details?: AuditEntry["details"];
}

/** One change at a moment (ms since 1970); undefined when there is nothing to change. */
export type AliasChange = (record: AliasRecord, nowMs: number) => Changed | undefined;

export function aliasKey(name: string): string {
  return `aliases.${name}`;
}

/** @throws EngineError INTERNAL: only this module writes these records. */
export function parseAliasRecord(text: string): AliasRecord {
  const result = recordShape.safeParse(JSON.parse(text));
  if (result.success) return result.data;
  throw new EngineError("INTERNAL", "an alias record of the registry cannot be read", {
    cause: result.error,
  });
}

export function withChange(record: AliasRecord, id: string): AliasRecord {
  return { ...record, changes: [id, ...record.changes].slice(0, CHANGES_MAX) };
}

/** The version is in the registry: nothing changes but that it is told. */
export function registered(version: string): AliasChange {
  return (record) => ({ record, action: "registered", version });
}

export function promoted(version: string, alias: string): AliasChange {
  return (record) => {
    checkDeployable(record, version);
    const { canary } = record;
    if (canary !== undefined && alias === PRODUCTION && canary.version !== version) throw canaryRuns(canary);
    if (canary !== undefined && alias === CANARY) throw canaryRuns(canary);
    const current = aliasOf(record, alias);
    if (current?.version === version) return undefined;
    const rest = alias === PRODUCTION ? withoutCanary(record) : record;
    const change = { record: movedTo(rest, alias, version), action: "promoted" as const, version, alias };
    return current === undefined ? change : { ...change, replaced: current.version };
  };
}

/**
 * Back to the newest former version that is neither archived nor deprecated; an alias that was taken off comes back with it.
 * A canary under way is canary-change's to withdraw.
 */
export function rolledBack(alias: string): AliasChange {
  return (record) => {
    const current = aliasOf(record, alias);
    const [version, ...previous] = usableOf(record, formerOf(record, alias));
    if (version === undefined)
      throw new EngineError("CONFLICT", `alias ${alias} has no version to go back to`);
    const { warm, ...rest } = record;
    const kept = warm?.version === version ? rest : record; // it is in production again
    const next = withAlias(kept, alias, { version, previous });
    const change = { record: next, action: "rolled_back" as const, version, alias };
    return current === undefined ? change : { ...change, replaced: current.version };
  };
}

/** The alias points to nothing, and what it pointed to is not kept warm: nothing is served for it. Nothing when it is gone already. */
export function withdrawn(alias: string): AliasChange {
  return (record) => {
    if (record.canary !== undefined) throw canaryRuns(record.canary);
    const current = aliasOf(record, alias);
    if (current === undefined) return undefined;
    const { warm: _, ...rest } = record;
    const { [alias]: __, ...aliases } = record.aliases;
    const former = [current.version, ...current.previous].slice(0, HISTORY_MAX);
    return {
      record: { ...rest, aliases, withdrawn: { ...record.withdrawn, [alias]: former } },
      action: "withdrawn",
      version: current.version,
      alias,
    };
  };
}

/**
 * The alias points to something: to the version that was withdrawn last, else to the newest one. Nothing when it does.
 * @param versions all of the model, lowest first.
 * @throws (the change) EngineError CONFLICT when all are archived or deprecated.
 */
export function restored(alias: string, versions: readonly string[]): AliasChange {
  return (record, nowMs) => {
    if (aliasOf(record, alias) !== undefined) return undefined;
    const [former] = usableOf(record, formerOf(record, alias));
    const version = former ?? usableOf(record, versions).at(-1);
    if (version !== undefined) return promoted(version, alias)(record, nowMs);
    throw new EngineError("CONFLICT", "all versions are archived or deprecated: push another one");
  };
}

export function archived(version: string): AliasChange {
  return (record) => {
    const holder = holderOf(record, version, Object.keys(record.aliases));
    if (holder !== undefined) throw isHeld(holder, version);
    if (record.archived.includes(version)) return undefined;
    const { warm, ...rest } = record;
    const kept = warm?.version === version ? rest : record;
    return { record: { ...kept, archived: [...record.archived, version] }, action: "archived", version };
  };
}

/** Not to be deployed any more. Aliases of other names than those of the states may go on pointing to it. */
export function deprecated(version: string): AliasChange {
  return (record) => {
    const holder = holderOf(record, version, [PRODUCTION, CANARY, STAGING]);
    if (holder !== undefined) throw isHeld(holder, version);
    if (isRetired(record, version)) return undefined;
    return {
      record: { ...record, deprecated: [...record.deprecated, version] },
      action: "deprecated",
      version,
    };
  };
}

/** @throws EngineError CONFLICT for what is archived or deprecated. */
export function checkDeployable(record: AliasRecord, version: string): void {
  if (!isRetired(record, version)) return;
  const state = record.archived.includes(version) ? "archived" : "deprecated";
  throw new EngineError(
    "CONFLICT",
    `version ${version} is ${state}: push it under a new version to use it again`,
  );
}

/** Own properties only: an alias may be called "constructor". */
export function aliasOf(record: AliasRecord, alias: string): Alias | undefined {
  return Object.hasOwn(record.aliases, alias) ? record.aliases[alias] : undefined;
}

/** The record with the alias at the version, and where it was before in its history. */
export function movedTo(record: AliasRecord, alias: string, version: string): AliasRecord {
  const current = aliasOf(record, alias);
  const former = formerOf(record, alias);
  const previous =
    current === undefined ? former.filter((one) => one !== version) : [current.version, ...former];
  return withAlias(record, alias, { version, previous: previous.slice(0, HISTORY_MAX) });
}

/** The record as it is when no canary runs. */
export function withoutCanary(record: AliasRecord): AliasRecord {
  const { canary, ...rest } = record;
  if (canary === undefined) return record;
  const { [CANARY]: _, ...aliases } = rest.aliases;
  return { ...rest, aliases };
}

export function canaryRuns({ version }: CanaryRecord): EngineError {
  const remedy = "wait for its end, or withdraw it with millrace models rollback";
  return new EngineError("CONFLICT", `a canary of version ${version} is under way: ${remedy}`);
}

/** What the alias pointed to before, newest first: before now, or before it was taken off. */
function formerOf(record: AliasRecord, alias: string): readonly string[] {
  const { withdrawn: taken = {} } = record;
  return aliasOf(record, alias)?.previous ?? (Object.hasOwn(taken, alias) ? (taken[alias] ?? []) : []);
}

function usableOf(record: AliasRecord, versions: readonly string[]): string[] {
  return versions.filter((version) => !isRetired(record, version));
}

function isRetired(record: AliasRecord, version: string): boolean {
  return record.archived.includes(version) || record.deprecated.includes(version);
}

function holderOf(record: AliasRecord, version: string, aliases: readonly string[]): string | undefined {
  return aliases.find((alias) => aliasOf(record, alias)?.version === version);
}

function isHeld(alias: string, version: string): EngineError {
  return new EngineError(
    "CONFLICT",
    `alias ${alias} points to version ${version}: promote another one first`,
  );
}

function withAlias(record: AliasRecord, alias: string, target: Alias): AliasRecord {
  const moved = { ...record, aliases: { ...record.aliases, [alias]: target } };
  if (record.withdrawn === undefined || !Object.hasOwn(record.withdrawn, alias)) return moved;
  const { [alias]: _, ...others } = record.withdrawn;
  const { withdrawn: __, ...rest } = moved;
  return Object.keys(others).length === 0 ? rest : { ...rest, withdrawn: others };
}

/**
 * The one changing record of a model: where its aliases point, where they pointed before, and what is archived.
 *
 * Key in the KV bucket: `aliases.<name>`. Changes are pure functions from record to record; the registry writes
 * their result by compare-and-set. Each change carries an id that stays in the record for a while: a writer that
 * lost the answer to its write finds out whether it took effect. Bounds: 20 former versions, 100 change ids.
 */
import { z } from "zod";
import { EngineError } from "../engine/core/errors.ts";

const HISTORY_MAX = 20;
const CHANGES_MAX = 100;

const aliasShape = z.object({
  version: z.string(),
  /** Versions the alias pointed to before, newest first. */
  previous: z.array(z.string()),
});
const recordShape = z.object({
  aliases: z.record(z.string(), aliasShape),
  archived: z.array(z.string()),
  changes: z.array(z.string()),
});

export interface Alias {
  readonly version: string;
  readonly previous: readonly string[];
}

export interface AliasRecord {
  readonly aliases: Readonly<Record<string, Alias>>;
  readonly archived: readonly string[];
  readonly changes: readonly string[];
}

export const NO_ALIASES: AliasRecord = { aliases: {}, archived: [], changes: [] };

/** One change; returns the record itself when there is nothing to change. */
export type AliasChange = (record: AliasRecord) => AliasRecord;

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

export function promoted(version: string, alias: string): AliasChange {
  return (record) => {
    if (record.archived.includes(version)) {
      throw new EngineError(
        "CONFLICT",
        `version ${version} is archived: push it under a new version to use it again`,
      );
    }
    const current = aliasOf(record, alias);
    if (current?.version === version) return record;
    const previous =
      current === undefined ? [] : [current.version, ...current.previous].slice(0, HISTORY_MAX);
    return withAlias(record, alias, { version, previous });
  };
}

/** Back to the newest former version that is not archived. */
export function rolledBack(alias: string): AliasChange {
  return (record) => {
    const current = aliasOf(record, alias);
    const usable = current?.previous.filter((version) => !record.archived.includes(version)) ?? [];
    const [version, ...previous] = usable;
    if (version === undefined)
      throw new EngineError("CONFLICT", `alias ${alias} has no version to go back to`);
    return withAlias(record, alias, { version, previous });
  };
}

export function archived(version: string): AliasChange {
  return (record) => {
    const holder = Object.entries(record.aliases).find(([, alias]) => alias.version === version)?.[0];
    if (holder !== undefined) {
      throw new EngineError(
        "CONFLICT",
        `alias ${holder} points to version ${version}: promote another one first`,
      );
    }
    if (record.archived.includes(version)) return record;
    return { ...record, archived: [...record.archived, version] };
  };
}

/** Own properties only: an alias may be called "constructor". */
export function aliasOf(record: AliasRecord, alias: string): Alias | undefined {
  return Object.hasOwn(record.aliases, alias) ? record.aliases[alias] : undefined;
}

function withAlias(record: AliasRecord, alias: string, target: Alias): AliasRecord {
  return { ...record, aliases: { ...record.aliases, [alias]: target } };
}

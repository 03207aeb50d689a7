/**
 * The immutable record of one feature set version: the definition, and where the feature events stood when it was applied.
 *
 * Invariant: a record that parses agrees with its digest. The digest is over the definition as it was stored, with every
 * default of that time, so that a default that changes later changes no version.
 */
import { z } from "zod";
import { toCanonicalJson } from "../engine/core/canonical-json.ts";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { type FeatureSet, featureSetKey, parseFeatureSet } from "../engine/core/feature-set.ts";
import { sha256Of } from "./artifact-store.ts";
import type { VersionKind } from "./version-store.ts";

/** Where the stream of feature events stands. */
export interface EventsPosition {
  /** Which stream this is: sequences of another one mean nothing. */
  readonly epoch: number;
  /** Sequence of the last event, 0 when there is none. */
  readonly seq: number;
}

export interface FeatureSetRecord {
  readonly set: FeatureSet;
  /** SHA-256 over the canonical JSON of the set. */
  readonly digest: string;
  /** ISO 8601. */
  readonly applied_date: string;
  /**
   * The last event before the set was applied, as in EventsPosition. Its windows have the events up to there too, once
   * they are filled from ClickHouse.
   */
  readonly applied_epoch: number;
  readonly applied_seq: number;
}

const recordShape = z.strictObject({
  set: z.unknown(),
  digest: z.string(),
  applied_date: z.string(),
  applied_epoch: z.number(),
  applied_seq: z.number(),
});

/** What VersionStore needs to know of feature sets. A damaged record is FEATURE_SET_INVALID. */
export const FEATURE_SET_VERSIONS: VersionKind<FeatureSetRecord> = {
  noun: "feature set",
  file: "feature-set.json",
  notFound: "FEATURE_SET_NOT_FOUND",
  parse: parseFeatureSetRecord,
  keyOf: ({ set }) => set,
};

export function toFeatureSetRecord(set: FeatureSet, { epoch, seq }: EventsPosition): FeatureSetRecord {
  const applied_date = new Date().toISOString();
  return { set, digest: digestOf(set), applied_date, applied_epoch: epoch, applied_seq: seq };
}

function digestOf(set: unknown): string {
  return sha256Of(Buffer.from(toCanonicalJson(set)));
}

/** @throws EngineError FEATURE_SET_INVALID when the stored record is not what was applied. */
export function parseFeatureSetRecord(text: string, name: string, version: string): FeatureSetRecord {
  const key = featureSetKey({ name, version });
  const broken = (why: string, cause?: unknown): EngineError =>
    new EngineError("FEATURE_SET_INVALID", `the registry's record of ${key} ${why}`, { cause });
  let record: z.infer<typeof recordShape>;
  try {
    record = recordShape.parse(JSON.parse(text));
  } catch (error) {
    throw broken(`cannot be read: ${messageOf(error)}`, error);
  }
  if (digestOf(record.set) !== record.digest) throw broken("does not match its digest");
  const set = parseFeatureSet(record.set);
  if (featureSetKey(set) !== key) throw broken(`is that of ${featureSetKey(set)}`);
  return { ...record, set };
}

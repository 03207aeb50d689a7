/**
 * The registry of feature sets: immutable versions in one KV bucket, active from when they are applied until archived.
 *
 *     apply    the version's record, created once, if it agrees with every set that is active at that moment
 *     archive  a mark beside the record; the record stays, for models that were trained on it
 *
 * Invariants: a version that is applied is checked against all others: its record is written only if nothing in the bucket
 * has changed since they were read. Several versions of a set may be active. An archived version stays archived:
 * what it is to be again is applied under a new version. Bounds: by the check, and those of VersionStore and compareAndSet.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../engine/core/errors.ts";
import { type FeatureSet, featureSetKey, parseFeatureSet } from "../engine/core/feature-set.ts";
import { readKeys } from "./bucket-keys.ts";
import { compareAndSet } from "./compare-and-set.ts";
import {
  type EventsPosition,
  FEATURE_SET_VERSIONS,
  type FeatureSetRecord,
  toFeatureSetRecord,
} from "./feature-set-record.ts";
import { type KvBucket, openKvBucket } from "./kv-bucket.ts";
import { insist, isRevisionConflict } from "./nats-failure.ts";
import { type RegistryListener, type RegistryWatch, watchRegistry } from "./registry-watch.ts";
import { compareVersions } from "./version-order.ts";
import { fromVersionKey, type Key, VersionStore, versionKey } from "./version-store.ts";

export interface FeatureRegistryOptions {
  /** First part of the bucket name `<prefix>_features`. */
  readonly prefix?: string;
  /** Throws when `added` cannot be active beside `active`. */
  readonly check: (active: readonly FeatureSet[], added: FeatureSet) => void;
  /** Where the stream of feature events stands now. */
  readonly eventsPosition: () => Promise<EventsPosition>;
}

export interface FeatureSetState {
  readonly name: string;
  /** All versions, archived ones too, lowest first. */
  readonly versions: readonly string[];
  readonly archived: readonly string[];
}

export interface FeatureSetDetails extends FeatureSetState {
  /** One per version, in the order of `versions`. */
  readonly records: readonly FeatureSetRecord[];
}

export interface Applied {
  readonly record: FeatureSetRecord;
  /** False when the version was there already, with the same content. */
  readonly isNew: boolean;
}

const PREFIX = "millrace";

/** Opens the registry on `connection`, creating its bucket when it is missing. The caller closes the connection. */
export async function openFeatureRegistry(
  connection: NatsConnection,
  options: FeatureRegistryOptions,
): Promise<FeatureRegistry> {
  const { prefix = PREFIX } = options;
  return new FeatureRegistry(await openKvBucket(connection, `${prefix}_features`), options);
}

/** The bucket at one moment. */
interface Contents {
  readonly states: readonly FeatureSetState[];
  readonly active: readonly Key[];
  readonly lastSeq: number;
}

export class FeatureRegistry {
  readonly #bucket: KvBucket;
  readonly #options: FeatureRegistryOptions;
  readonly #versions: VersionStore<FeatureSetRecord>;

  constructor(bucket: KvBucket, options: FeatureRegistryOptions) {
    this.#bucket = bucket;
    this.#options = options;
    this.#versions = new VersionStore({ ...bucket, kind: FEATURE_SET_VERSIONS });
  }

  /**
   * Adds a version, active from now on. The same content again is a success that changes nothing.
   * @param json a parsed `feature-set.json`.
   * @throws EngineError FEATURE_SET_INVALID, PAYLOAD_TOO_LARGE; CONFLICT when the version exists with other content or is
   * archived, or what the check throws.
   */
  async apply(json: unknown): Promise<Applied> {
    const set = parseFeatureSet(json);
    return compareAndSet(`apply ${featureSetKey(set)}`, async () => {
      const { states, active, lastSeq } = await this.#contents();
      const record = toFeatureSetRecord(set, await this.#options.eventsPosition());
      const text = this.#versions.textOf(record);
      const existing = await this.#versions.find(set.name, set.version);
      if (existing !== undefined) {
        refuseArchived(states, set);
        return { record: this.#versions.sameOrConflict(existing, record), isNew: false };
      }
      const others = await this.#versions.getAll(active);
      this.#options.check(
        others.map((other) => other.set),
        set,
      );
      await this.#putAfter(lastSeq, versionKey(set), text);
      return { record, isNew: true };
    });
  }

  /** Takes the version out of use for good. @throws EngineError FEATURE_SET_NOT_FOUND. */
  async archive(name: string, version: string): Promise<FeatureSetState> {
    await this.#versions.get(name, version);
    await insist(`archive ${featureSetKey({ name, version })}`, async () => {
      try {
        await this.#bucket.kv.create(archivedKey({ name, version }), new Date().toISOString());
      } catch (error) {
        if (!isRevisionConflict(error)) throw error; // it is archived already
      }
    });
    return this.#state(name);
  }

  /** A version, archived or not. @throws EngineError FEATURE_SET_NOT_FOUND, or FEATURE_SET_INVALID when it is damaged. */
  get(name: string, version: string): Promise<FeatureSetRecord> {
    return this.#versions.get(name, version);
  }

  /** All feature sets, by name. */
  async list(): Promise<readonly FeatureSetState[]> {
    return (await this.#contents()).states;
  }

  /** The set with every version's record. @throws EngineError FEATURE_SET_NOT_FOUND. */
  async show(name: string): Promise<FeatureSetDetails> {
    this.#versions.checkName(name);
    const state = await this.#state(name);
    const records = await this.#versions.getAll(state.versions.map((version) => ({ name, version })));
    return { ...state, records };
  }

  /** The versions that are not archived, by name and version. */
  async active(): Promise<readonly FeatureSetRecord[]> {
    return this.#versions.getAll((await this.#contents()).active);
  }

  /**
   * Calls back with all active sets now, and again whenever one is applied or archived; returns after the first call.
   * Calls come one at a time. Survives reconnects until stop() is called or the connection is closed.
   */
  watch(
    listener: RegistryListener<readonly FeatureSetRecord[]>,
    onFailure?: (error: unknown) => void,
  ): Promise<RegistryWatch> {
    const { connection, kv } = this.#bucket;
    const list = async () => [{ name: "active", records: await this.active() }];
    return watchRegistry({ connection, kv, list, onFailure }, ({ records }) => listener(records));
  }

  async #state(name: string): Promise<FeatureSetState> {
    const state = (await this.#contents()).states.find((one) => one.name === name);
    if (state !== undefined) return state;
    throw new EngineError("FEATURE_SET_NOT_FOUND", `there is no feature set ${name}`);
  }

  async #contents(): Promise<Contents> {
    const { manager, bucket } = this.#bucket;
    const { keys, lastSeq } = await insist("list the feature sets", () => readKeys(manager, bucket, ">"));
    const marks = new Set(keys);
    const isArchived = (key: Key): boolean => marks.has(archivedKey(key));
    const all = keys
      .flatMap(fromVersionKey)
      .sort((a, b) => compareNames(a.name, b.name) || compareVersions(a.version, b.version));
    const states = [...new Set(all.map(({ name }) => name))].map((name) => {
      const some = all.filter((key) => key.name === name);
      return {
        name,
        versions: some.map(({ version }) => version),
        archived: some.filter(isArchived).map(({ version }) => version),
      };
    });
    return { states, active: all.filter((key) => !isArchived(key)), lastSeq };
  }

  /** Writes if nothing in the whole bucket has changed since `lastSeq`. */
  async #putAfter(lastSeq: number, key: string, text: string): Promise<void> {
    const { client, bucket } = this.#bucket;
    await client.publish(`$KV.${bucket}.${key}`, text, { expect: { lastSequence: lastSeq } });
  }
}

function archivedKey({ name, version }: Key): string {
  return `archived.${name}.${version}`;
}

function refuseArchived(states: readonly FeatureSetState[], { name, version }: FeatureSet): void {
  if (states.find((state) => state.name === name)?.archived.includes(version) !== true) return;
  throw new EngineError(
    "CONFLICT",
    `${featureSetKey({ name, version })} is archived: raise "version" in feature-set.json to use it again`,
  );
}

/** By code unit: the order must not depend on the machine's language. */
function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

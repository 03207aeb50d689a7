/**
 * The model registry: immutable versions and movable aliases, in one KV bucket, with the files in the artifact store.
 *
 *     push     files → blobs by SHA-256, then the version's record, created once and never changed
 *     promote  alias record: read, change, compare-and-set, again when somebody was faster
 *     load     record → files, each checked against its digest
 *
 * Invariants: a record is created after its files are stored; reads go to the stream's leader, never to a replica
 * that lags. Bounds: content by ContentBounds, waits by insist(), races for one record by CHANGE_ATTEMPTS_MAX.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../engine/core/errors.ts";
import { MODEL_NAME, MODEL_VERSION, modelKey, parseManifest } from "../engine/core/manifest.ts";
import {
  type AliasChange,
  type AliasRecord,
  aliasKey,
  archived,
  NO_ALIASES,
  parseAliasRecord,
  promoted,
  rolledBack,
  withChange,
} from "./alias-record.ts";
import { type ArtifactStore, openArtifactStore, sha256Of } from "./artifact-store.ts";
import type { ModelState } from "./model-state.ts";
import { type ModelListener, type ModelWatch, watchModels } from "./model-watch.ts";
import { insist, isRevisionConflict } from "./nats-failure.ts";
import { compareVersions } from "./version-order.ts";
import {
  byPath,
  CONTENT_BOUNDS,
  type ContentBounds,
  checkContent,
  digestOf,
  fromVersionKey,
  type ModelContent,
  parseVersionRecord,
  type VersionRecord,
  versionKey,
} from "./version-record.ts";

export interface ModelRegistryOptions {
  /** First part of the bucket names `<prefix>_models` and `<prefix>_artifacts`. */
  readonly prefix?: string;
  /** Copies of the data in a NATS cluster. */
  readonly replicas?: number;
  readonly bounds?: ContentBounds;
}

export interface ModelDetails extends ModelState {
  /** One per version, in the order of `versions`. */
  readonly records: readonly VersionRecord[];
}

export const PRODUCTION = "production";

const PREFIX = "millrace";
/** Only for a look back by hand: what rollback needs is in the alias record. */
const KV_HISTORY = 5;
const REQUEST_TIMEOUT_MS = 3_000;
const CHANGE_ATTEMPTS_MAX = 200;
const CHANGE_PAUSE_MS = 20;
const RECORDS_AT_ONCE = 16;
/** Room for subject and headers beside a record in one message. */
const MESSAGE_OVERHEAD_BYTES = 4_096;

/** Opens the registry on `connection`, creating its buckets when they are missing. The caller closes the connection. */
export async function openModelRegistry(
  connection: NatsConnection,
  { prefix = PREFIX, replicas = 1, bounds = CONTENT_BOUNDS }: ModelRegistryOptions = {},
): Promise<ModelRegistry> {
  const client = jetstream(connection, { timeout: REQUEST_TIMEOUT_MS });
  const bucket = `${prefix}_models`;
  const [kv, manager] = await insist("open the model registry", () =>
    Promise.all([
      new Kvm(client).create(bucket, { history: KV_HISTORY, replicas, allow_direct: false }),
      client.jetstreamManager(),
    ]),
  );
  const artifacts = await openArtifactStore(connection, { bucket: `${prefix}_artifacts`, replicas });
  return new ModelRegistry({ connection, kv, bucket, manager, artifacts, bounds });
}

interface RegistryParts {
  readonly connection: NatsConnection;
  readonly kv: KV;
  readonly bucket: string;
  readonly manager: JetStreamManager;
  readonly artifacts: ArtifactStore;
  readonly bounds: ContentBounds;
}

export class ModelRegistry {
  readonly #connection: NatsConnection;
  readonly #kv: KV;
  readonly #bucket: string;
  readonly #manager: JetStreamManager;
  readonly #artifacts: ArtifactStore;
  readonly #bounds: ContentBounds;

  constructor(parts: RegistryParts) {
    this.#connection = parts.connection;
    this.#kv = parts.kv;
    this.#bucket = parts.bucket;
    this.#manager = parts.manager;
    this.#artifacts = parts.artifacts;
    this.#bounds = parts.bounds;
  }

  /**
   * Stores a version. The same content again is a success that changes nothing.
   * @throws EngineError MODEL_INVALID, PAYLOAD_TOO_LARGE, or CONFLICT when the version exists with other content.
   */
  async push(content: ModelContent): Promise<VersionRecord> {
    const manifest = parseManifest(content.manifest);
    checkContent(content, this.#bounds);
    const files = [...content.files]
      .map(([path, bytes]) => ({ path, sha256: sha256Of(bytes), bytes: bytes.length }))
      .sort(byPath);
    const record: VersionRecord = {
      manifest,
      files,
      digest: digestOf(manifest, files),
      created_at: new Date().toISOString(),
    };
    const text = this.#recordText(record);
    const existing = await this.#findVersion(manifest.name, manifest.version);
    if (existing !== undefined) return sameOrConflict(existing, record);
    for (const bytes of content.files.values()) await this.#artifacts.putBlob(bytes);
    return insist("store a model version", () => this.#createVersion(record, text));
  }

  /** @throws EngineError MODEL_NOT_FOUND, or MODEL_INVALID when what is stored is damaged. */
  async load(name: string, version: string): Promise<ModelContent> {
    const record = await this.#getVersion(name, version);
    const files = new Map<string, Uint8Array>();
    for (const { path, sha256 } of record.files) files.set(path, await this.#artifacts.getBlob(sha256));
    return { manifest: record.manifest, files };
  }

  /** Points the alias to the version. @throws EngineError MODEL_NOT_FOUND, CONFLICT when the version is archived. */
  async promote(name: string, version: string, alias: string = PRODUCTION): Promise<ModelState> {
    checkAlias(alias);
    await this.#getVersion(name, version);
    return this.#change(name, promoted(version, alias));
  }

  /** Points the alias to the version before. @throws EngineError CONFLICT when there is none. */
  async rollback(name: string, alias: string = PRODUCTION): Promise<ModelState> {
    checkAlias(alias);
    await this.stateOf(name);
    return this.#change(name, rolledBack(alias));
  }

  /** Takes the version out of use for good. @throws EngineError CONFLICT while an alias points to it. */
  async archive(name: string, version: string): Promise<ModelState> {
    await this.#getVersion(name, version);
    return this.#change(name, archived(version));
  }

  /** All models, by name. */
  async list(): Promise<ModelState[]> {
    const versions = await this.#versionsByName("version.>");
    const names = [...versions.keys()].sort();
    const states: ModelState[] = [];
    for (let i = 0; i < names.length; i += RECORDS_AT_ONCE) {
      const some = names.slice(i, i + RECORDS_AT_ONCE);
      states.push(...(await Promise.all(some.map((name) => this.#state(name, versions.get(name) ?? [])))));
    }
    return states;
  }

  /** @throws EngineError MODEL_NOT_FOUND when the model has no version. */
  async stateOf(name: string): Promise<ModelState> {
    checkName(name);
    const versions = (await this.#versionsByName(`version.${name}.>`)).get(name);
    if (versions === undefined) throw new EngineError("MODEL_NOT_FOUND", `there is no model ${name}`);
    return this.#state(name, versions);
  }

  /** The model with every version's record. @throws EngineError MODEL_NOT_FOUND. */
  async show(name: string): Promise<ModelDetails> {
    const state = await this.stateOf(name);
    const records: VersionRecord[] = [];
    for (let i = 0; i < state.versions.length; i += RECORDS_AT_ONCE) {
      const some = state.versions.slice(i, i + RECORDS_AT_ONCE);
      records.push(...(await Promise.all(some.map((version) => this.#getVersion(name, version)))));
    }
    return { ...state, records };
  }

  /**
   * Calls back with every model's state now, and again with each model that changes; returns after the first round.
   * Callbacks run one at a time. Survives reconnects until stop() is called or the connection is closed.
   */
  watch(listener: ModelListener, onFailure?: (error: unknown) => void): Promise<ModelWatch> {
    const source = { connection: this.#connection, kv: this.#kv, list: () => this.list(), onFailure };
    return watchModels(source, listener);
  }

  async #createVersion(record: VersionRecord, text: string): Promise<VersionRecord> {
    const { name, version } = record.manifest;
    try {
      await this.#kv.create(versionKey(name, version), text);
      return record;
    } catch (error) {
      if (!isRevisionConflict(error)) throw error;
    }
    return sameOrConflict(await this.#getVersion(name, version), record);
  }

  async #getVersion(name: string, version: string): Promise<VersionRecord> {
    const record = await this.#findVersion(name, version);
    if (record === undefined)
      throw new EngineError("MODEL_NOT_FOUND", `there is no model ${modelKey({ name, version })}`);
    return record;
  }

  async #findVersion(name: string, version: string): Promise<VersionRecord | undefined> {
    checkName(name);
    if (!MODEL_VERSION.test(version)) {
      throw new EngineError(
        "INVALID_REQUEST",
        `${JSON.stringify(version)} is not a semantic version such as 1.0.0`,
      );
    }
    const entry = await insist("read a model version", () => this.#kv.get(versionKey(name, version)));
    if (entry === null || entry.operation !== "PUT") return undefined;
    return parseVersionRecord(entry.string(), name, version);
  }

  /** Read, change, compare-and-set. A write whose answer was lost is recognized by its id in the record. */
  async #change(name: string, change: AliasChange): Promise<ModelState> {
    const id = randomUUID();
    const key = aliasKey(name);
    for (let attempt = 1; attempt <= CHANGE_ATTEMPTS_MAX; attempt++) {
      const isDone = await insist("change a model's aliases", async () => {
        const { record, revision } = await this.#aliases(name);
        if (record.changes.includes(id)) return true;
        const next = change(record);
        if (next === record) return true;
        const text = JSON.stringify(withChange(next, id));
        try {
          await (revision === 0 ? this.#kv.create(key, text) : this.#kv.update(key, text, revision));
          return true;
        } catch (error) {
          if (isRevisionConflict(error)) return false;
          throw error;
        }
      });
      if (isDone) return this.stateOf(name);
      await sleep(Math.random() * CHANGE_PAUSE_MS);
    }
    throw new EngineError("SERVICE_UNAVAILABLE", `too many changes of ${name} at once: try again`);
  }

  async #aliases(name: string): Promise<{ readonly record: AliasRecord; readonly revision: number }> {
    const entry = await insist("read a model's aliases", () => this.#kv.get(aliasKey(name)));
    if (entry === null) return { record: NO_ALIASES, revision: 0 };
    if (entry.operation !== "PUT") return { record: NO_ALIASES, revision: entry.revision };
    return { record: parseAliasRecord(entry.string()), revision: entry.revision };
  }

  async #state(name: string, versions: readonly string[]): Promise<ModelState> {
    const { aliases, archived } = (await this.#aliases(name)).record;
    return { name, aliases, archived, versions: versions.toSorted(compareVersions) };
  }

  /** From the stream's own list of subjects: one request to the leader, complete or failed, never half. */
  #versionsByName(filter: string): Promise<Map<string, string[]>> {
    return insist("list the models", async () => {
      const prefix = `$KV.${this.#bucket}.`;
      const info = await this.#manager.streams.info(`KV_${this.#bucket}`, {
        subjects_filter: `${prefix}${filter}`,
      });
      const versions = new Map<string, string[]>();
      for (const subject of Object.keys(info.state.subjects ?? {})) {
        const model = fromVersionKey(subject.slice(prefix.length));
        if (model === undefined) continue;
        const known = versions.get(model.name);
        if (known === undefined) versions.set(model.name, [model.version]);
        else known.push(model.version);
      }
      return versions;
    });
  }

  #recordText(record: VersionRecord): string {
    const text = JSON.stringify(record);
    const bytesMax = (this.#connection.info?.max_payload ?? 1024 * 1024) - MESSAGE_OVERHEAD_BYTES;
    if (Buffer.byteLength(text) <= bytesMax) return text;
    const message = `model.json and the list of files are larger than one NATS message here (${bytesMax} bytes)`;
    throw new EngineError("PAYLOAD_TOO_LARGE", message);
  }
}

function sameOrConflict(existing: VersionRecord, pushed: VersionRecord): VersionRecord {
  if (existing.digest === pushed.digest) return existing;
  const key = modelKey(pushed.manifest);
  const message = `${key} exists with other content, and a version never changes: raise "version" in model.json`;
  throw new EngineError("CONFLICT", message);
}

function checkName(name: string): void {
  if (MODEL_NAME.test(name)) return;
  throw new EngineError("INVALID_REQUEST", `${JSON.stringify(name)} is not a model name`);
}

function checkAlias(alias: string): void {
  if (MODEL_NAME.test(alias)) return;
  throw new EngineError(
    "INVALID_REQUEST",
    `${JSON.stringify(alias)} is not an alias: a lower-case letter, then lower-case letters, digits, _ or -`,
  );
}

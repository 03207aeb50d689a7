/**
 * The model registry: immutable versions and movable aliases, in one KV bucket, with the files in the artifact store.
 *
 *     push     files → blobs by SHA-256, then the version's record, created once and never changed
 *     sign     a signature beside the record
 *     promote  alias record: read, change, compare-and-set, again when somebody was faster
 *     deploy   the same record: a canary, its steps and its end stand there too
 *     load     record → signature → files, each checked against its digest
 *
 * Invariants: a record is created after its files are stored; reads go to the stream's leader, never to a replica
 * that lags. Bounds: content by ContentBounds, waits by insist(), races for one record by AliasStore.
 */
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { CanaryRecord, ChangedBy, Deployment } from "../engine/core/deployment.ts";
import { EngineError } from "../engine/core/errors.ts";
import { modelKey, parseManifest } from "../engine/core/manifest.ts";
import { MODEL_NAME } from "../engine/core/names.ts";
import type { VersionSignature } from "../engine/core/signature.ts";
import { uuidText, writeUuidOf } from "../engine/core/uuid.ts";
import { PRODUCTION, STAGING } from "../engine/core/version-state.ts";
import {
  type AliasChange,
  archived,
  deprecated,
  promoted,
  registered,
  restored,
  withdrawn,
} from "./alias-record.ts";
import { AliasStore } from "./alias-store.ts";
import { type ArtifactStore, openArtifactStore } from "./artifact-store.ts";
import {
  canaryAdvanced,
  canaryStarted,
  canaryWithdrawn,
  deployedDirectly,
  wentBack,
} from "./canary-change.ts";
import { inPieces } from "./in-pieces.ts";
import { type KvBucket, openKvBucket } from "./kv-bucket.ts";
import type { ModelState } from "./model-state.ts";
import { type RegistryListener, type RegistryWatch, watchRegistry } from "./registry-watch.ts";
import { SignatureStore } from "./signature-store.ts";
import { UntoldChanges } from "./untold-changes.ts";
import { compareVersions } from "./version-order.ts";
import {
  CONTENT_BOUNDS,
  type ContentBounds,
  checkContent,
  digestOf,
  MODEL_VERSIONS,
  type ModelContent,
  storedFiles,
  type VersionRecord,
} from "./version-record.ts";
import { VersionStore } from "./version-store.ts";

export interface ModelRegistryOptions {
  /** First part of the bucket names `<prefix>_models` and `<prefix>_artifacts`. */
  readonly prefix?: string;
  readonly bounds?: ContentBounds;
  /** Called before a version is stored and before it is loaded; throws to refuse it. */
  readonly checkSignature?: CheckSignature;
}

export type CheckSignature = (
  record: VersionRecord,
  signature: VersionSignature | undefined,
) => Promise<void>;

/** A version's record with the signature that stands beside it. */
export interface SignedRecord extends VersionRecord {
  readonly signature?: VersionSignature;
}

export interface PushOptions {
  readonly signature?: VersionSignature | undefined;
  readonly by?: ChangedBy | undefined;
}

export interface ModelDetails extends ModelState {
  /** One per version, in the order of `versions`. */
  readonly records: readonly SignedRecord[];
}

const PREFIX = "millrace";
/** Only for a look back by hand: what rollback needs is in the alias record. */
const KV_HISTORY = 5;

/** Opens the registry on `connection`, creating its buckets when they are missing. The caller closes the connection. */
export async function openModelRegistry(
  connection: NatsConnection,
  {
    prefix = PREFIX,
    bounds = CONTENT_BOUNDS,
    checkSignature = async () => undefined,
  }: ModelRegistryOptions = {},
): Promise<ModelRegistry> {
  const bucket = await openKvBucket(connection, `${prefix}_models`, { history: KV_HISTORY });
  const artifacts = await openArtifactStore(connection, { bucket: `${prefix}_artifacts` });
  return new ModelRegistry({ ...bucket, artifacts, bounds, checkSignature });
}

interface RegistryParts extends KvBucket {
  readonly artifacts: ArtifactStore;
  readonly bounds: ContentBounds;
  readonly checkSignature: CheckSignature;
}

export class ModelRegistry {
  readonly #connection: NatsConnection;
  readonly #kv: KV;
  readonly #versions: VersionStore<VersionRecord>;
  readonly #aliases: AliasStore;
  readonly #artifacts: ArtifactStore;
  readonly #bounds: ContentBounds;
  readonly #signatures: SignatureStore;
  readonly #checkSignature: CheckSignature;

  /** For whoever tells of changes. */
  readonly untold: UntoldChanges;

  constructor(parts: RegistryParts) {
    this.#connection = parts.connection;
    this.#kv = parts.kv;
    this.#versions = new VersionStore({ ...parts, kind: MODEL_VERSIONS });
    this.#aliases = new AliasStore(parts.kv);
    this.untold = new UntoldChanges({ ...parts, versions: this.#versions, aliases: this.#aliases });
    this.#artifacts = parts.artifacts;
    this.#bounds = parts.bounds;
    this.#signatures = new SignatureStore(parts.kv);
    this.#checkSignature = parts.checkSignature;
  }

  /**
   * Stores a version, and its signature if there is one. The same content again is a success that changes nothing but the
   * signature.
   * @throws EngineError MODEL_INVALID, MODEL_UNTRUSTED, PAYLOAD_TOO_LARGE, or CONFLICT when the version exists with other content.
   */
  async push(content: ModelContent, { signature, by }: PushOptions = {}): Promise<SignedRecord> {
    const record = await this.check(content, signature);
    const stored = await this.#store(record, content);
    const { name, version } = record.manifest;
    if (signature !== undefined) await this.#signatures.put({ name, version }, signature);
    await this.#aliases.change(name, registered(version), by, registrationId(record));
    return signature === undefined ? this.#signed(stored) : { ...stored, signature };
  }

  /** The record that a push would store. @throws EngineError as push does, of the content and its signature. */
  async check(content: ModelContent, signature?: VersionSignature): Promise<VersionRecord> {
    const manifest = parseManifest(content.manifest);
    checkContent(content, this.#bounds);
    const files = storedFiles(content.files);
    const digest = digestOf(manifest, files);
    const record: VersionRecord = { manifest, files, digest, created_at: new Date().toISOString() };
    this.#versions.textOf(record); // before any file is stored
    await this.#checkSignature(record, signature);
    return record;
  }

  async #store(record: VersionRecord, { files }: ModelContent): Promise<VersionRecord> {
    const { name, version } = record.manifest;
    const existing = await this.#versions.find(name, version);
    if (existing !== undefined) return this.#versions.sameOrConflict(existing, record);
    for (const bytes of files.values()) await this.#artifacts.putBlob(bytes);
    return this.#versions.create(record);
  }

  /**
   * The content of a version whose signature is as it must be.
   * @throws EngineError MODEL_NOT_FOUND, MODEL_UNTRUSTED, or MODEL_INVALID when what is stored is damaged.
   */
  async load(name: string, version: string): Promise<ModelContent> {
    const record = await this.#versions.get(name, version);
    await this.#checkSignature(record, await this.#signatures.find({ name, version }));
    const files = new Map<string, Uint8Array>();
    for (const { path, sha256 } of record.files) files.set(path, await this.#artifacts.getBlob(sha256));
    return { manifest: record.manifest, files };
  }

  /** One file of a version. @throws EngineError MODEL_NOT_FOUND when there is none of that path, MODEL_INVALID when it is damaged. */
  async readFile(name: string, version: string, path: string): Promise<Uint8Array> {
    const { files } = await this.#versions.get(name, version);
    const file = files.find((one) => one.path === path);
    if (file !== undefined) return this.#artifacts.getBlob(file.sha256);
    const shown = JSON.stringify(path.slice(0, 128));
    throw new EngineError("MODEL_NOT_FOUND", `${name}@${version} has no file ${shown}`);
  }

  /** What is known of a version's files. @throws EngineError MODEL_NOT_FOUND, INVALID_REQUEST. */
  async record(name: string, version: string): Promise<SignedRecord> {
    return this.#signed(await this.#versions.get(name, version));
  }

  /**
   * Points the alias to the version.
   * @throws EngineError MODEL_NOT_FOUND, CONFLICT when the version is archived or deprecated, or a canary of another one runs.
   */
  async promote(
    name: string,
    version: string,
    alias: string = PRODUCTION,
    by?: ChangedBy,
  ): Promise<ModelState> {
    checkAlias(alias);
    await this.#versions.get(name, version);
    return this.#change(name, promoted(version, alias), by);
  }

  /** Withdraws the canary under way, or points the alias to the version before. @throws EngineError CONFLICT when there is none. */
  async rollback(name: string, alias: string = PRODUCTION, by?: ChangedBy): Promise<ModelState> {
    checkAlias(alias);
    await this.stateOf(name);
    return this.#change(name, wentBack(alias), by);
  }

  /**
   * Takes production off: the model is served by its other aliases alone. Nothing when it is off.
   * @throws EngineError MODEL_NOT_FOUND, CONFLICT while a canary runs.
   */
  async withdraw(name: string, by?: ChangedBy): Promise<ModelState> {
    await this.stateOf(name);
    return this.#change(name, withdrawn(PRODUCTION), by);
  }

  /**
   * Puts the version that was withdrawn last into production, else the newest one. Nothing while another is there.
   * @throws EngineError MODEL_NOT_FOUND, CONFLICT when every version is archived or deprecated.
   */
  async restore(name: string, by?: ChangedBy): Promise<ModelState> {
    const { versions } = await this.stateOf(name);
    return this.#change(name, restored(PRODUCTION, versions), by);
  }

  /** Takes the version out of use for good. @throws EngineError CONFLICT while an alias points to it. */
  async archive(name: string, version: string, by?: ChangedBy): Promise<ModelState> {
    await this.#versions.get(name, version);
    return this.#change(name, archived(version), by);
  }

  /** No more to be deployed or gone back to. @throws EngineError CONFLICT while production, canary or staging point to it. */
  async deprecate(name: string, version: string, by?: ChangedBy): Promise<ModelState> {
    await this.#versions.get(name, version);
    return this.#change(name, deprecated(version), by);
  }

  /**
   * Takes the version live as the strategy says.
   * @param once what it is done for: the same again does nothing, whatever has become of the version since.
   * @throws EngineError MODEL_NOT_FOUND, CONFLICT.
   */
  async deploy(
    name: string,
    version: string,
    deployment: Deployment,
    by: ChangedBy,
    once?: string,
  ): Promise<ModelState> {
    await this.#versions.get(name, version);
    const id = once === undefined ? undefined : changeId(`deployed ${modelKey({ name, version })} ${once}`);
    switch (deployment.strategy) {
      case "none":
        return this.stateOf(name);
      case "staging":
        return this.#change(name, promoted(version, STAGING), by, id);
      case "direct":
        return this.#change(name, deployedDirectly(version), by, id);
      case "canary":
        return this.#change(name, canaryStarted(version, deployment, by), by, id);
    }
  }

  /** Ends the canary's step: the next one, or production. Nothing when somebody else has. */
  async advanceCanary(
    name: string,
    canary: CanaryRecord,
    details: Readonly<Record<string, number>>,
    by: ChangedBy,
  ): Promise<void> {
    await this.#aliases.change(name, canaryAdvanced(canary, details), by);
  }

  /** Ends the canary: the champion has all traffic again. Nothing when it has ended. */
  async withdrawCanary(
    name: string,
    canary: CanaryRecord,
    details: Readonly<Record<string, number | string | null>>,
    by: ChangedBy,
  ): Promise<void> {
    await this.#aliases.change(name, canaryWithdrawn(canary, details), by);
  }

  /** The record of a version, or of the one that an alias points to. @throws EngineError MODEL_NOT_FOUND. */
  async resolve(name: string, versionOrAlias: string): Promise<VersionRecord> {
    const { versions, aliases } = await this.stateOf(name);
    if (versions.includes(versionOrAlias)) return this.#versions.get(name, versionOrAlias);
    const alias = Object.hasOwn(aliases, versionOrAlias) ? aliases[versionOrAlias] : undefined;
    if (alias !== undefined) return this.#versions.get(name, alias.version);
    throw new EngineError(
      "MODEL_NOT_FOUND",
      `${JSON.stringify(versionOrAlias.slice(0, 128))} is no version and no alias of model ${name}; see GET /models/${name}`,
    );
  }

  /** All models, by name. */
  async list(): Promise<ModelState[]> {
    const versions = await this.#versions.versionsByName();
    return inPieces([...versions.keys()].sort(), (name) => this.#state(name, versions.get(name) ?? []));
  }

  /** The records of all versions that an alias points to, by name. */
  async aliased(): Promise<readonly VersionRecord[]> {
    const keys = (await this.list()).flatMap(({ name, aliases }) => {
      const versions = new Set(Object.values(aliases).map(({ version }) => version));
      return [...versions].map((version) => ({ name, version }));
    });
    return this.#versions.getAll(keys);
  }

  /** @throws EngineError MODEL_NOT_FOUND when the model has no version. */
  async stateOf(name: string): Promise<ModelState> {
    this.#versions.checkName(name);
    const versions = (await this.#versions.versionsByName(name)).get(name);
    if (versions === undefined) throw new EngineError("MODEL_NOT_FOUND", `there is no model ${name}`);
    return this.#state(name, versions);
  }

  /** The model with every version's record. @throws EngineError MODEL_NOT_FOUND. */
  async show(name: string): Promise<ModelDetails> {
    const state = await this.stateOf(name);
    const records = await inPieces(state.versions, (version) => this.record(name, version));
    return { ...state, records };
  }

  /**
   * Calls back with every model's state now, and again with each model that changes; returns after the first round.
   * Callbacks run one at a time. Survives reconnects until stop() is called or the connection is closed.
   */
  watch(
    listener: RegistryListener<ModelState>,
    onFailure?: (error: unknown) => void,
  ): Promise<RegistryWatch> {
    const source = { connection: this.#connection, kv: this.#kv, list: () => this.list(), onFailure };
    return watchRegistry(source, listener);
  }

  async #signed(record: VersionRecord): Promise<SignedRecord> {
    const signature = await this.#signatures.find(record.manifest);
    return signature === undefined ? record : { ...record, signature };
  }

  async #change(
    name: string,
    change: AliasChange,
    by: ChangedBy | undefined,
    id?: string,
  ): Promise<ModelState> {
    await this.#aliases.change(name, change, by, id);
    return this.stateOf(name);
  }

  async #state(name: string, versions: readonly string[]): Promise<ModelState> {
    const { aliases, archived, deprecated, canary, warm } = await this.#aliases.read(name);
    const under = canary === undefined ? {} : { canary };
    const kept = warm === undefined ? {} : { warm };
    return {
      name,
      aliases,
      archived,
      deprecated,
      ...under,
      ...kept,
      versions: versions.toSorted(compareVersions),
    };
  }
}

/** The same for the same content, so that a push that is tried again is told once. */
function registrationId({ manifest, digest }: VersionRecord): string {
  return changeId(`registered ${modelKey(manifest)} ${digest}`);
}

/** Of a change that happens once. */
function changeId(text: string): string {
  const id = Buffer.alloc(16);
  writeUuidOf(id, 0, text);
  return uuidText(id, 0);
}

function checkAlias(alias: string): void {
  if (MODEL_NAME.test(alias)) return;
  throw new EngineError(
    "INVALID_REQUEST",
    `${JSON.stringify(alias)} is not an alias: a lower-case letter, then lower-case letters, digits, _ or -`,
  );
}

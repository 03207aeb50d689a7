/**
 * The references of model versions: one record per version in a KV bucket, the bodies in the artifact store.
 *
 *     put    body → blob by SHA-256, then the record by compare-and-set
 *     get    record → body, checked against its digest
 *
 * Invariants: a record is written after its body is stored; of references that are put at once the last one counts, and
 * the others are among its previous ones. Bounds: REFERENCE_BYTES_MAX, waits by insist(), races by compareAndSet.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { toCanonicalJson } from "../engine/core/canonical-json.ts";
import { EngineError } from "../engine/core/errors.ts";
import { modelKey } from "../engine/core/manifest.ts";
import type { ReferenceSource } from "../engine/core/reference-source.ts";
import { type ArtifactStore, openArtifactStore } from "./artifact-store.ts";
import { readKeys } from "./bucket-keys.ts";
import { compareAndSet } from "./compare-and-set.ts";
import { type KvBucket, openKvBucket } from "./kv-bucket.ts";
import { insist } from "./nats-failure.ts";
import { parseReferenceRecord, previousIds, type ReferenceRecord } from "./reference-record.ts";
import { type RegistryListener, type RegistryWatch, watchRegistry } from "./registry-watch.ts";
import { fromVersionKey, type Key, versionKey } from "./version-store.ts";

export const REFERENCE_BYTES_MAX = 16 * 1024 * 1024;

export interface ReferenceStoreOptions {
  /** First part of the bucket names `<prefix>_references` and `<prefix>_artifacts`. */
  readonly prefix?: string;
}

export interface NewReference {
  readonly referenceId: string;
  /** JSON: the profile with metrics and estimator. */
  readonly body: unknown;
  readonly source: ReferenceSource;
}

/** A version that has a reference. */
export interface ReferenceState {
  /** `model@version`. */
  readonly name: string;
  readonly model: string;
  readonly version: string;
  readonly record: ReferenceRecord;
}

export interface StoredReference {
  readonly record: ReferenceRecord;
  readonly body: unknown;
}

export interface PutReference {
  readonly record: ReferenceRecord;
  /** False when the version had this very reference already. */
  readonly isNew: boolean;
}

const PREFIX = "millrace";
/** Only for a look back by hand. */
const KV_HISTORY = 5;
const READS_AT_ONCE = 16;

/** Opens the store on `connection`, creating its buckets when they are missing. The caller closes the connection. */
export async function openReferenceStore(
  connection: NatsConnection,
  { prefix = PREFIX }: ReferenceStoreOptions = {},
): Promise<ReferenceStore> {
  const bucket = await openKvBucket(connection, `${prefix}_references`, { history: KV_HISTORY });
  const artifacts = await openArtifactStore(connection, { bucket: `${prefix}_artifacts` });
  return new ReferenceStore({ ...bucket, artifacts });
}

interface StoreParts extends KvBucket {
  readonly artifacts: ArtifactStore;
}

export class ReferenceStore {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /**
   * Makes it the reference of the version. The same body again is a success that changes nothing.
   * @throws EngineError PAYLOAD_TOO_LARGE, SERVICE_UNAVAILABLE.
   */
  async put(key: Key, { referenceId, body, source }: NewReference): Promise<PutReference> {
    const bytes = Buffer.from(toCanonicalJson(body));
    if (bytes.length > REFERENCE_BYTES_MAX)
      throw new EngineError(
        "PAYLOAD_TOO_LARGE",
        `the reference has ${bytes.length} bytes; at most ${REFERENCE_BYTES_MAX} are allowed: use fewer bins`,
      );
    const digest = await this.#parts.artifacts.putBlob(bytes);
    const created = { reference_id: referenceId, digest, source, created_at: new Date().toISOString() };
    return compareAndSet(`change the reference of ${modelKey(key)}`, async () => {
      const { record: current, revision } = await this.#read(key);
      // its own write, if that took effect and the answer was lost
      if (current?.digest === digest)
        return { record: current, isNew: current.created_at === created.created_at };
      const record = { ...created, previous: previousIds(current, referenceId) };
      const { kv } = this.#parts;
      const text = JSON.stringify(record);
      await (revision === 0 ? kv.create(versionKey(key), text) : kv.update(versionKey(key), text, revision));
      return { record, isNew: true };
    });
  }

  /** The version's reference, or undefined while it has none. @throws EngineError INTERNAL when it is damaged. */
  async get(key: Key): Promise<StoredReference | undefined> {
    const { record } = await this.#read(key);
    if (record === undefined) return undefined;
    const bytes = await this.#parts.artifacts.getBlob(record.digest).catch((error: unknown) => {
      if (!(error instanceof EngineError) || error.code !== "MODEL_INVALID") throw error;
      const message = `the stored reference of ${modelKey(key)} is damaged: make it again`;
      throw new EngineError("INTERNAL", message, { cause: error });
    });
    return { record, body: JSON.parse(Buffer.from(bytes).toString()) };
  }

  /** The references of all versions of the model, or of every model, in no order. */
  async list(model?: string): Promise<ReferenceState[]> {
    const { manager, bucket } = this.#parts;
    const filter = model === undefined ? "version.>" : `version.${model}.>`;
    const { keys } = await insist("list the references", () => readKeys(manager, bucket, filter));
    const found = keys.flatMap(fromVersionKey);
    const states: ReferenceState[] = [];
    for (let at = 0; at < found.length; at += READS_AT_ONCE) {
      const some = found.slice(at, at + READS_AT_ONCE).map((key) => this.#state(key));
      states.push(...(await Promise.all(some)).flat());
    }
    return states;
  }

  /**
   * Calls back with every reference now, and again with each one that changes; returns after the first round.
   * Calls come one at a time. Survives reconnects until stop() is called or the connection is closed.
   */
  watch(
    listener: RegistryListener<ReferenceState>,
    onFailure?: (error: unknown) => void,
  ): Promise<RegistryWatch> {
    const { connection, kv } = this.#parts;
    return watchRegistry({ connection, kv, list: () => this.list(), onFailure }, listener);
  }

  async #state(key: Key): Promise<ReferenceState[]> {
    const { record } = await this.#read(key);
    if (record === undefined) return [];
    return [{ name: modelKey(key), model: key.name, version: key.version, record }];
  }

  async #read(
    key: Key,
  ): Promise<{ readonly record: ReferenceRecord | undefined; readonly revision: number }> {
    const entry = await insist("read a reference", () => this.#parts.kv.get(versionKey(key)));
    if (entry === null) return { record: undefined, revision: 0 };
    if (entry.operation !== "PUT") return { record: undefined, revision: entry.revision };
    return { record: parseReferenceRecord(entry.string(), key), revision: entry.revision };
  }
}

/**
 * The records of all versions, of models or of feature sets, in a KV bucket: created once, read from the stream's leader,
 * never changed.
 *
 * Key in the bucket: `version.<name>.<version>`; a name holds no dot, so the rest is the version. Invariant: of two that
 * create one version, the first wins, and the second hears whether its content is the same.
 * Bounds: a record fits into one message of the server; READS_AT_ONCE.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { EngineError, type ErrorCode } from "../engine/core/errors.ts";
import { MODEL_NAME, MODEL_VERSION } from "../engine/core/names.ts";
import { readKeys } from "./bucket-keys.ts";
import { insist, isRevisionConflict } from "./nats-failure.ts";

/** What there are versions of, and how their records are read. */
export interface VersionKind<R> {
  /** For messages: "model". */
  readonly noun: string;
  /** The file that holds a version's name and number, for messages: "model.json". */
  readonly file: string;
  readonly notFound: ErrorCode;
  /** @throws EngineError when the stored record is not what was stored. */
  parse(text: string, name: string, version: string): R;
  keyOf(record: R): Key;
}

export interface Key {
  readonly name: string;
  readonly version: string;
}

export interface VersionStoreParts<R> {
  readonly kv: KV;
  readonly bucket: string;
  readonly manager: JetStreamManager;
  readonly connection: Pick<NatsConnection, "info">;
  readonly kind: VersionKind<R>;
}

/** NATS's own default, for a connection that is just being made again. */
const PAYLOAD_BYTES_MAX = 1024 * 1024;
const READS_AT_ONCE = 16;
/** Room for subject and headers beside a record in one message. */
const MESSAGE_OVERHEAD_BYTES = 4_096;

export class VersionStore<R extends { readonly digest: string }> {
  readonly #parts: VersionStoreParts<R>;

  constructor(parts: VersionStoreParts<R>) {
    this.#parts = parts;
  }

  /** @throws EngineError INVALID_REQUEST for what cannot be a version, and what the kind says of a damaged record. */
  async find(name: string, version: string): Promise<R | undefined> {
    const { kv, kind } = this.#parts;
    this.checkName(name);
    if (!MODEL_VERSION.test(version)) {
      throw new EngineError(
        "INVALID_REQUEST",
        `${JSON.stringify(version)} is not a semantic version such as 1.0.0`,
      );
    }
    const entry = await insist(`read a ${kind.noun}`, () => kv.get(versionKey({ name, version })));
    if (entry === null || entry.operation !== "PUT") return undefined;
    return kind.parse(entry.string(), name, version);
  }

  /** @throws EngineError when there is none, and those of find. */
  async get(name: string, version: string): Promise<R> {
    const record = await this.find(name, version);
    if (record !== undefined) return record;
    const { noun, notFound } = this.#parts.kind;
    throw new EngineError(notFound, `there is no ${noun} ${name}@${version}`);
  }

  /** The records of these versions, in their order. @throws EngineError as get. */
  async getAll(keys: readonly Key[]): Promise<R[]> {
    const records: R[] = [];
    for (let i = 0; i < keys.length; i += READS_AT_ONCE) {
      const some = keys.slice(i, i + READS_AT_ONCE);
      records.push(...(await Promise.all(some.map(({ name, version }) => this.get(name, version)))));
    }
    return records;
  }

  /**
   * Creates the record; returns the one that is there if it has the same content.
   * @throws EngineError CONFLICT when it has other content, PAYLOAD_TOO_LARGE.
   */
  create(record: R): Promise<R> {
    const { kv, kind } = this.#parts;
    const key = kind.keyOf(record);
    const text = this.textOf(record);
    return insist(`store a ${kind.noun}`, async () => {
      try {
        await kv.create(versionKey(key), text);
        return record;
      } catch (error) {
        if (!isRevisionConflict(error)) throw error;
      }
      return this.sameOrConflict(await this.get(key.name, key.version), record);
    });
  }

  /** The existing record if its content is the same. @throws EngineError CONFLICT if not. */
  sameOrConflict(existing: R, pushed: R): R {
    if (existing.digest === pushed.digest) return existing;
    const { keyOf, file } = this.#parts.kind;
    const { name, version } = keyOf(pushed);
    const advice = `a version never changes: raise "version" in ${file}`;
    throw new EngineError("CONFLICT", `${name}@${version} exists with other content, and ${advice}`);
  }

  /** A record as it is stored. @throws EngineError PAYLOAD_TOO_LARGE when it does not fit into a message. */
  textOf(record: R): string {
    const text = JSON.stringify(record);
    const { connection, kind } = this.#parts;
    const bytesMax = (connection.info?.max_payload ?? PAYLOAD_BYTES_MAX) - MESSAGE_OVERHEAD_BYTES;
    if (Buffer.byteLength(text) <= bytesMax) return text;
    const message = `the record of this ${kind.noun} is larger than one NATS message here (${bytesMax} bytes): shorten ${kind.file}`;
    throw new EngineError("PAYLOAD_TOO_LARGE", message);
  }

  /** The versions of one name, or of all, in no order. */
  async versionsByName(name = ""): Promise<Map<string, string[]>> {
    const { bucket, manager, kind } = this.#parts;
    const filter = name === "" ? "version.>" : `version.${name}.>`;
    const { keys } = await insist(`list every ${kind.noun}`, () => readKeys(manager, bucket, filter));
    const versions = new Map<string, string[]>();
    for (const { name, version } of keys.flatMap(fromVersionKey)) {
      const known = versions.get(name);
      if (known === undefined) versions.set(name, [version]);
      else known.push(version);
    }
    return versions;
  }

  /** @throws EngineError INVALID_REQUEST. */
  checkName(name: string): void {
    if (MODEL_NAME.test(name)) return;
    throw new EngineError(
      "INVALID_REQUEST",
      `${JSON.stringify(name)} is not a ${this.#parts.kind.noun} name`,
    );
  }
}

export function versionKey({ name, version }: Key): string {
  return `version.${name}.${version}`;
}

/** Name and version of a key of ours, or nothing for another one. */
export function fromVersionKey(key: string): Key[] {
  const [, name, version] = /^version\.([^.]+)\.(.+)$/.exec(key) ?? [];
  if (name === undefined || version === undefined) return [];
  return MODEL_NAME.test(name) && MODEL_VERSION.test(version) ? [{ name, version }] : [];
}

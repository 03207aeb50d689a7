/**
 * The records of all model versions in the KV bucket: created once, read from the stream's leader, never changed.
 *
 * Invariant: of two that create one version, the first wins, and the second hears whether its content is the same.
 * Bound: a record fits into one message of the server.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { EngineError } from "../engine/core/errors.ts";
import { modelKey } from "../engine/core/manifest.ts";
import { MODEL_NAME, MODEL_VERSION } from "../engine/core/names.ts";
import { insist, isRevisionConflict } from "./nats-failure.ts";
import { fromVersionKey, parseVersionRecord, type VersionRecord, versionKey } from "./version-record.ts";

export interface VersionStoreParts {
  readonly kv: KV;
  readonly bucket: string;
  readonly manager: JetStreamManager;
  /** Largest message that the server takes. */
  readonly payloadBytesMax: number;
}

/** Room for subject and headers beside a record in one message. */
const MESSAGE_OVERHEAD_BYTES = 4_096;

export class VersionStore {
  readonly #parts: VersionStoreParts;

  constructor(parts: VersionStoreParts) {
    this.#parts = parts;
  }

  /** @throws EngineError INVALID_REQUEST for what cannot be a version, MODEL_INVALID for a damaged record. */
  async find(name: string, version: string): Promise<VersionRecord | undefined> {
    checkName(name);
    if (!MODEL_VERSION.test(version)) {
      throw new EngineError(
        "INVALID_REQUEST",
        `${JSON.stringify(version)} is not a semantic version such as 1.0.0`,
      );
    }
    const entry = await insist("read a model version", () => this.#parts.kv.get(versionKey(name, version)));
    if (entry === null || entry.operation !== "PUT") return undefined;
    return parseVersionRecord(entry.string(), name, version);
  }

  /** @throws EngineError MODEL_NOT_FOUND, and those of find. */
  async get(name: string, version: string): Promise<VersionRecord> {
    const record = await this.find(name, version);
    if (record === undefined)
      throw new EngineError("MODEL_NOT_FOUND", `there is no model ${modelKey({ name, version })}`);
    return record;
  }

  /**
   * Creates the record; returns the one that is there if it has the same content.
   * @throws EngineError CONFLICT when it has other content.
   */
  create(record: VersionRecord): Promise<VersionRecord> {
    const { name, version } = record.manifest;
    const text = this.#textOf(record);
    return insist("store a model version", async () => {
      try {
        await this.#parts.kv.create(versionKey(name, version), text);
        return record;
      } catch (error) {
        if (!isRevisionConflict(error)) throw error;
      }
      return sameOrConflict(await this.get(name, version), record);
    });
  }

  /** @throws EngineError PAYLOAD_TOO_LARGE when the record does not fit into a message. */
  checkSize(record: VersionRecord): void {
    this.#textOf(record);
  }

  /**
   * The versions of one model, or of all, in no order. From the stream's own list of subjects: one request to the leader, complete or failed, never half.
   */
  versionsByName(name = ""): Promise<Map<string, string[]>> {
    const { bucket, manager } = this.#parts;
    const filter = name === "" ? "version.>" : `version.${name}.>`;
    return insist("list the models", async () => {
      const prefix = `$KV.${bucket}.`;
      const info = await manager.streams.info(`KV_${bucket}`, {
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

  #textOf(record: VersionRecord): string {
    const text = JSON.stringify(record);
    const bytesMax = this.#parts.payloadBytesMax - MESSAGE_OVERHEAD_BYTES;
    if (Buffer.byteLength(text) <= bytesMax) return text;
    const message = `model.json and the list of files are larger than one NATS message here (${bytesMax} bytes)`;
    throw new EngineError("PAYLOAD_TOO_LARGE", message);
  }
}

/** The existing record if its content is the same. @throws EngineError CONFLICT if not. */
export function sameOrConflict(existing: VersionRecord, pushed: VersionRecord): VersionRecord {
  if (existing.digest === pushed.digest) return existing;
  const key = modelKey(pushed.manifest);
  const message = `${key} exists with other content, and a version never changes: raise "version" in model.json`;
  throw new EngineError("CONFLICT", message);
}

/** @throws EngineError INVALID_REQUEST. */
export function checkName(name: string): void {
  if (MODEL_NAME.test(name)) return;
  throw new EngineError("INVALID_REQUEST", `${JSON.stringify(name)} is not a model name`);
}

/**
 * Blobs by their SHA-256 in a JetStream Object Store: the same bytes are stored once, and what comes back is
 * checked against the name it was asked by.
 *
 * Invariant: a blob is never overwritten; of two that write the same one at once, one wins and both are right.
 * Bound: a read that makes no progress for 5 s is given up and tried again within the deadline of insist().
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import { type ObjectResult, type ObjectStore, Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { insist, isRevisionConflict } from "./nats-failure.ts";

export interface ArtifactStoreOptions {
  readonly bucket: string;
  /** A read without progress for this long is given up. */
  readonly stallMs?: number;
}

/** One message a chunk; servers accept 1 MiB by default. */
const CHUNK_BYTES = 512 * 1024;
const STALL_MS = 5_000;
const REQUEST_TIMEOUT_MS = 3_000;
const BLOB_DEADLINE_MS = 120_000;

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export async function openArtifactStore(
  connection: NatsConnection,
  { bucket, stallMs = STALL_MS }: ArtifactStoreOptions,
): Promise<ArtifactStore> {
  const manager = new Objm(jetstream(connection, { timeout: REQUEST_TIMEOUT_MS }));
  const store = await insist("open the artifact store", () => manager.create(bucket));
  return new ArtifactStore(store, { stallMs });
}

export class ArtifactStore {
  readonly #store: ObjectStore;
  readonly #stallMs: number;
  /** Begins the names of objects; the digest ends them. */
  readonly #namePrefix: string;

  constructor(
    store: ObjectStore,
    { stallMs = STALL_MS, namePrefix = "" }: { readonly stallMs?: number; readonly namePrefix?: string },
  ) {
    this.#store = store;
    this.#stallMs = stallMs;
    this.#namePrefix = namePrefix;
  }

  /** Stores the bytes unless they are there already, and returns their SHA-256 in hex. */
  async putBlob(bytes: Uint8Array): Promise<string> {
    const sha256 = sha256Of(bytes);
    await insist("store a model file", () => this.#putOnce(sha256, bytes), BLOB_DEADLINE_MS);
    return sha256;
  }

  /** @throws EngineError MODEL_INVALID when the blob is missing or is not what its digest says. */
  getBlob(sha256: string): Promise<Uint8Array> {
    return insist("read a model file", () => this.#getOnce(sha256), BLOB_DEADLINE_MS);
  }

  async #putOnce(sha256: string, bytes: Uint8Array): Promise<void> {
    const name = `${this.#namePrefix}${sha256}`;
    const there = await this.#store.info(name);
    if (there !== null && !there.deleted && there.size === bytes.length) return;
    const meta = { name, options: { max_chunk_size: CHUNK_BYTES } };
    const options = { timeout: REQUEST_TIMEOUT_MS, previousRevision: there?.revision ?? 0 };
    try {
      await this.#store.put(meta, chunksOf(bytes), options);
    } catch (error) {
      if (!isRevisionConflict(error)) throw error; // otherwise somebody else has just stored the same bytes
    }
  }

  async #getOnce(sha256: string): Promise<Uint8Array> {
    const result = await this.#store.get(`${this.#namePrefix}${sha256}`);
    if (result === null)
      throw new EngineError("MODEL_INVALID", `the file of digest ${sha256} is not in the store`);
    const bytes = await this.#read(result, sha256);
    if (sha256Of(bytes) !== sha256) throw mismatch(sha256);
    return bytes;
  }

  async #read(result: ObjectResult, sha256: string): Promise<Uint8Array> {
    result.error.catch(() => undefined); // the same error comes out of the reader
    const bytes = new Uint8Array(result.info.size);
    const reader = result.data.getReader();
    let length = 0;
    try {
      for (;;) {
        const { done, value } = await this.#unlessStalled(reader.read());
        if (done) break;
        if (length + value.length > bytes.length) throw mismatch(sha256);
        bytes.set(value, length);
        length += value.length;
      }
    } catch (error) {
      // the client's own digest check; it has no error type
      if (messageOf(error).includes("digests do not match")) throw mismatch(sha256, error);
      throw error;
    } finally {
      reader.cancel().catch(() => undefined);
    }
    if (length !== bytes.length) throw mismatch(sha256);
    return bytes;
  }

  async #unlessStalled<T>(read: Promise<T>): Promise<T> {
    const timer = new AbortController();
    const stall = sleep(this.#stallMs, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`no data for ${this.#stallMs / 1000} s`);
    });
    stall.catch(() => undefined); // aborted below
    try {
      return await Promise.race([read, stall]);
    } finally {
      timer.abort();
    }
  }
}

/** A stream of views, so that the client never copies the whole blob to cut a chunk off it. */
function chunksOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(offset, offset + CHUNK_BYTES));
      offset += CHUNK_BYTES;
    },
  });
}

function mismatch(sha256: string, cause?: unknown): EngineError {
  const message = `the stored file ${sha256} does not match its digest: push the model again under a new version`;
  return new EngineError("MODEL_INVALID", message, { cause });
}

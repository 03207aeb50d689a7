/**
 * JSON documents in a KV bucket, each under its key, changed by compare-and-set.
 *
 * What a document means, and whether it is sound, is the caller's matter. Bounds: those of compareAndSet; a document by what
 * one NATS message holds; READS_MAX readings at once.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { readKeys } from "./bucket-keys.ts";
import { compareAndSet } from "./compare-and-set.ts";
import { type KvBucket, type KvBucketOptions, openKvBucket } from "./kv-bucket.ts";
import { insist } from "./nats-failure.ts";

const READS_MAX = 64;

export interface Documents {
  readonly documents: ReadonlyMap<string, unknown>;
  /** Sequence of the bucket's last write when reading began. */
  readonly lastSeq: number;
}

/** What is to become of a document: `write` undefined deletes it, no `write` leaves it as it is. */
export interface DocumentChange<T> {
  readonly write?: unknown;
  readonly result: T;
}

/** Opens the bucket, creating it when it is missing. The caller closes the connection. */
export async function openDocumentBucket(
  connection: NatsConnection,
  bucket: string,
  options?: KvBucketOptions,
): Promise<DocumentBucket> {
  return new DocumentBucket(await openKvBucket(connection, bucket, options));
}

interface Read {
  /** Undefined when there is none, or no more. */
  readonly value: unknown;
  /** 0 when the key was never written. */
  readonly revision: number;
}

export class DocumentBucket {
  readonly #kv: KV;
  readonly #manager: JetStreamManager;
  readonly #bucket: string;

  constructor({ kv, manager, bucket }: KvBucket) {
    this.#kv = kv;
    this.#manager = manager;
    this.#bucket = bucket;
  }

  /** Sequence of the last write, whatever the key. @throws EngineError SERVICE_UNAVAILABLE */
  async lastSeq(): Promise<number> {
    const info = await insist(`look at the bucket ${this.#bucket}`, () =>
      this.#manager.streams.info(`KV_${this.#bucket}`),
    );
    return info.state.last_seq;
  }

  /** All documents whose keys fit, by key. @param filter such as `rule.*`. @throws EngineError SERVICE_UNAVAILABLE */
  async list(filter: string): Promise<Documents> {
    const { keys, lastSeq } = await insist(`list the bucket ${this.#bucket}`, () =>
      readKeys(this.#manager, this.#bucket, filter),
    );
    const documents = new Map<string, unknown>();
    const sorted = keys.toSorted();
    for (let from = 0; from < sorted.length; from += READS_MAX) {
      const some = sorted.slice(from, from + READS_MAX);
      const found = await Promise.all(some.map((key) => this.#readSurely(key)));
      for (const [index, { value, revision }] of found.entries()) {
        const key = some[index] as string;
        if (value !== undefined) documents.set(key, value);
        else if (revision > 0) await this.#dropMarker(key, revision);
      }
    }
    return { documents, lastSeq };
  }

  /** Undefined when there is none. @throws EngineError SERVICE_UNAVAILABLE */
  async get(key: string): Promise<unknown> {
    return (await this.#readSurely(key)).value;
  }

  /**
   * Changes a document by what it is now. `change` runs again when somebody else was faster, or when nobody knows whether the
   * write took effect: so a change that is there already must change nothing.
   * @throws EngineError of `change`, or SERVICE_UNAVAILABLE.
   */
  async change<T>(key: string, change: (current: unknown) => DocumentChange<T>): Promise<T> {
    return compareAndSet(`change ${key} in ${this.#bucket}`, async () => {
      const { value, revision } = await this.#read(key);
      const next = change(value);
      if (!("write" in next)) return next.result;
      if (next.write !== undefined) {
        const text = JSON.stringify(next.write);
        await (revision === 0 ? this.#kv.create(key, text) : this.#kv.update(key, text, revision));
      } else if (value !== undefined) {
        await this.#kv.delete(key, { previousSeq: revision });
      }
      return next.result;
    });
  }

  /** A deleted key leaves a marker; without this, they would pile up. A document written meanwhile stays. */
  async #dropMarker(key: string, revision: number): Promise<void> {
    await insist(`clean up the bucket ${this.#bucket}`, () =>
      this.#manager.streams.purge(`KV_${this.#bucket}`, {
        filter: `$KV.${this.#bucket}.${key}`,
        seq: revision + 1,
      }),
    );
  }

  async #readSurely(key: string): Promise<Read> {
    return insist(`read ${key} in ${this.#bucket}`, () => this.#read(key));
  }

  async #read(key: string): Promise<Read> {
    const entry = await this.#kv.get(key);
    if (entry === null) return { value: undefined, revision: 0 };
    const value = entry.operation === "PUT" ? entry.json<unknown>() : undefined;
    return { value, revision: entry.revision };
  }
}

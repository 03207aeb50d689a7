/**
 * The alias records in the KV bucket, changed by compare-and-set.
 *
 * Invariant: a change takes effect once, even when the answer to its write is lost with the connection: it is then
 * recognized by its id in the record. Bound: that of compareAndSet.
 */
import { randomUUID } from "node:crypto";
import type { KV } from "@nats-io/kv";
import {
  type AliasChange,
  type AliasRecord,
  aliasKey,
  NO_ALIASES,
  parseAliasRecord,
  withChange,
} from "./alias-record.ts";
import { compareAndSet } from "./compare-and-set.ts";
import { insist } from "./nats-failure.ts";

export class AliasStore {
  readonly #kv: Pick<KV, "get" | "create" | "update">;

  constructor(kv: Pick<KV, "get" | "create" | "update">) {
    this.#kv = kv;
  }

  async read(name: string): Promise<AliasRecord> {
    return (await this.#read(name)).record;
  }

  /**
   * Applies the change to the newest record, exactly once.
   * @throws EngineError of the change itself, or SERVICE_UNAVAILABLE.
   */
  change(name: string, change: AliasChange): Promise<void> {
    const id = randomUUID();
    const key = aliasKey(name);
    return compareAndSet(`change the aliases of ${name}`, async () => {
      const { record, revision } = await this.#read(name);
      if (record.changes.includes(id)) return;
      const next = change(record);
      if (next === record) return;
      const text = JSON.stringify(withChange(next, id));
      await (revision === 0 ? this.#kv.create(key, text) : this.#kv.update(key, text, revision));
    });
  }

  async #read(name: string): Promise<{ readonly record: AliasRecord; readonly revision: number }> {
    const entry = await insist("read a model's aliases", () => this.#kv.get(aliasKey(name)));
    if (entry === null) return { record: NO_ALIASES, revision: 0 };
    if (entry.operation !== "PUT") return { record: NO_ALIASES, revision: entry.revision };
    return { record: parseAliasRecord(entry.string()), revision: entry.revision };
  }
}

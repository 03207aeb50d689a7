/**
 * The alias records in the KV bucket, changed by compare-and-set: read, change, write if nobody was faster, else again.
 *
 * Invariant: a change takes effect once, even when the answer to its write is lost with the connection: it is then
 * recognized by its id in the record. Bound: CHANGE_ATTEMPTS_MAX races for one record.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { KV } from "@nats-io/kv";
import { EngineError } from "../engine/core/errors.ts";
import {
  type AliasChange,
  type AliasRecord,
  aliasKey,
  NO_ALIASES,
  parseAliasRecord,
  withChange,
} from "./alias-record.ts";
import { insist, isRevisionConflict } from "./nats-failure.ts";

const CHANGE_ATTEMPTS_MAX = 200;
const CHANGE_PAUSE_MS = 20;

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
  async change(name: string, change: AliasChange): Promise<void> {
    const id = randomUUID();
    const key = aliasKey(name);
    for (let attempt = 1; attempt <= CHANGE_ATTEMPTS_MAX; attempt++) {
      const isDone = await insist("change a model's aliases", async () => {
        const { record, revision } = await this.#read(name);
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
      if (isDone) return;
      await sleep(Math.random() * CHANGE_PAUSE_MS);
    }
    throw new EngineError("SERVICE_UNAVAILABLE", `too many changes of ${name} at once: try again`);
  }

  async #read(name: string): Promise<{ readonly record: AliasRecord; readonly revision: number }> {
    const entry = await insist("read a model's aliases", () => this.#kv.get(aliasKey(name)));
    if (entry === null) return { record: NO_ALIASES, revision: 0 };
    if (entry.operation !== "PUT") return { record: NO_ALIASES, revision: entry.revision };
    return { record: parseAliasRecord(entry.string()), revision: entry.revision };
  }
}

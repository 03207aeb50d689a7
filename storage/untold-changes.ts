/**
 * The changes of models that nobody has told yet: they wait in the models' records, written there with the changes themselves.
 */
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { AuditEntry } from "../engine/core/audit-entry.ts";
import type { AliasStore } from "./alias-store.ts";
import { inPieces } from "./in-pieces.ts";
import { type RegistryListener, type RegistryWatch, watchRegistry } from "./registry-watch.ts";
import type { VersionRecord } from "./version-record.ts";
import type { VersionStore } from "./version-store.ts";

export interface UntoldChangesParts {
  readonly connection: NatsConnection;
  readonly kv: KV;
  readonly versions: Pick<VersionStore<VersionRecord>, "versionsByName">;
  readonly aliases: Pick<AliasStore, "read" | "markTold">;
}

/** A model of which changes wait, with the changes' ids. */
export interface Untold {
  readonly name: string;
  readonly ids: readonly string[];
}

export class UntoldChanges {
  readonly #parts: UntoldChangesParts;

  constructor(parts: UntoldChangesParts) {
    this.#parts = parts;
  }

  /** Of one model, oldest first. */
  async read(model: string): Promise<readonly AuditEntry[]> {
    return (await this.#parts.aliases.read(model)).untold;
  }

  /** The streams have these. */
  async markTold(model: string, entries: readonly AuditEntry[]): Promise<void> {
    await this.#parts.aliases.markTold(model, new Set(entries.map(({ audit_id }) => audit_id)));
  }

  /** Calls back with each model of which changes wait, now and later, until stop() is called. */
  watch(listener: RegistryListener<Untold>, onFailure?: (error: unknown) => void): Promise<RegistryWatch> {
    const { connection, kv, versions } = this.#parts;
    const list = async (): Promise<Untold[]> => {
      const names = [...(await versions.versionsByName()).keys()];
      const found = await inPieces(names, async (name) => {
        const entries = await this.read(name);
        return { name, ids: entries.map(({ audit_id }) => audit_id) };
      });
      return found.filter(({ ids }) => ids.length > 0);
    };
    return watchRegistry({ connection, kv, list, onFailure }, listener);
  }
}

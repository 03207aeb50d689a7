/**
 * The alias records in the KV bucket, changed by compare-and-set, each change with its entry for the audit log.
 *
 * Invariant: a change takes effect once, even when the answer to its write is lost with the connection: it is then
 * recognized by its id in the record. Bound: that of compareAndSet.
 */
import { randomUUID } from "node:crypto";
import type { KV } from "@nats-io/kv";
import type { AuditEntry } from "../engine/core/audit-entry.ts";
import type { ChangedBy } from "../engine/core/deployment.ts";
import { EngineError } from "../engine/core/errors.ts";
import { versionState } from "../engine/core/version-state.ts";
import {
  type AliasChange,
  type AliasRecord,
  aliasKey,
  type Changed,
  NO_ALIASES,
  parseAliasRecord,
  UNTOLD_MAX,
  withChange,
} from "./alias-record.ts";
import { compareAndSet } from "./compare-and-set.ts";
import { insist } from "./nats-failure.ts";

const NOBODY: ChangedBy = { requestedBy: "", reason: "" };

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
   * @param id of the change: the same again does nothing, for as long as the record remembers it.
   * @throws EngineError of the change itself, or SERVICE_UNAVAILABLE.
   */
  change(
    name: string,
    change: AliasChange,
    by: ChangedBy = NOBODY,
    id: string = randomUUID(),
  ): Promise<void> {
    return this.#write(name, (record) => {
      if (record.changes.includes(id)) return record;
      const nowMs = Date.now();
      const changed = change(record, nowMs);
      if (changed === undefined) return record;
      if (record.untold.length >= UNTOLD_MAX) throw tooManyUntold(name);
      const entry = toEntry(name, record, changed, by, { id, nowMs });
      return withChange({ ...changed.record, untold: [...changed.record.untold, entry] }, id);
    });
  }

  /** The stream has these entries. */
  markTold(name: string, ids: ReadonlySet<string>): Promise<void> {
    return this.#write(name, (record) => {
      const untold = record.untold.filter(({ audit_id }) => !ids.has(audit_id));
      return untold.length === record.untold.length ? record : { ...record, untold };
    });
  }

  #write(name: string, next: (record: AliasRecord) => AliasRecord): Promise<void> {
    const key = aliasKey(name);
    return compareAndSet(`change the aliases of ${name}`, async () => {
      const { record, revision } = await this.#read(name);
      const changed = next(record);
      if (changed === record) return;
      const text = JSON.stringify(changed);
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

function toEntry(
  name: string,
  before: AliasRecord,
  { record, action, version, alias = "", replaced = "", details = {} }: Changed,
  { requestedBy, reason }: ChangedBy,
  { id, nowMs }: { readonly id: string; readonly nowMs: number },
): AuditEntry {
  return {
    audit_id: id,
    changed_at: new Date(nowMs).toISOString(),
    action,
    model_name: name,
    model_version: version,
    alias,
    replaced_version: replaced,
    state_before: versionState(before, version),
    state_after: versionState(record, version),
    requested_by: requestedBy,
    reason,
    details: { ...details },
  };
}

function tooManyUntold(name: string): EngineError {
  return new EngineError(
    "SERVICE_UNAVAILABLE",
    `${UNTOLD_MAX} changes of ${name} wait for the audit log: is a control plane running?`,
  );
}

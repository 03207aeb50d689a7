/**
 * Tells of the changes that wait in a model's record: each to the audit stream, whose sink drops repeats, and as an event.
 *
 *     record with `untold` ─▶ audit stream, events ─▶ marked in the record
 *
 * A process that dies in between tells again, under the same ids: so `audit_log` has each change once, and an event comes at least
 * once. Bound: the record's.
 */
import type { UntoldChanges } from "../../storage/untold-changes.ts";
import type { OutgoingMessage, PublishOptions } from "../../streams/publisher.ts";
import type { Topology } from "../../streams/topology.ts";

const TIMEOUT_MS = 10_000;

export interface AuditOutboxOptions {
  readonly untold: Pick<UntoldChanges, "read" | "markTold">;
  readonly publisher: {
    publishAll(messages: readonly OutgoingMessage[], options: PublishOptions): Promise<void>;
  };
  readonly topology: Pick<Topology, "auditSubject" | "eventsSubject">;
}

/** Resolves once the streams have all that waited. @throws EngineError SERVICE_UNAVAILABLE; then it waits on. */
export async function tellChanges(
  model: string,
  { untold, publisher, topology }: AuditOutboxOptions,
): Promise<void> {
  const entries = await untold.read(model);
  if (entries.length === 0) return;
  for (const entry of entries) {
    const payload = JSON.stringify(entry);
    const { audit_id: id, action } = entry;
    const messages = [
      { subject: topology.auditSubject, id, payload },
      { subject: topology.eventsSubject(`model_${action}`), id, payload },
    ];
    await publisher.publishAll(messages, { timeoutMs: TIMEOUT_MS });
  }
  await untold.markTold(model, entries);
}

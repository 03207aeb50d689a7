/**
 * One message of the features stream, read: the entity type that its subject names, and its event.
 *
 * Ingester and sink read messages by this alone, so both take the same ones.
 */
import { EngineError } from "../core/errors.ts";
import { type FeatureEvent, parseFeatureEvent } from "../core/feature-event.ts";
import { MODEL_NAME } from "../core/names.ts";
import type { SinkMessage } from "../sink-batch.ts";

export interface FeatureMessage {
  readonly entityType: string;
  readonly event: FeatureEvent;
}

/** @throws EngineError INVALID_JSON, INVALID_REQUEST naming the field. */
export function readFeatureMessage({ seq, subject, data, atMs }: SinkMessage): FeatureMessage {
  const entityType = subject.slice(subject.lastIndexOf(".") + 1);
  if (!MODEL_NAME.test(entityType))
    throw new EngineError(
      "INVALID_REQUEST",
      "the last part of the subject must be an entity type: a lower-case letter, then lower-case letters, digits, _ or - (at most 63)",
    );
  return { entityType, event: parseFeatureEvent(data, seq, atMs) };
}

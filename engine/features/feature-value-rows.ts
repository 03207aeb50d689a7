// hot path
/**
 * What the sink stores of a message of the features stream: its event, as one row of `feature_values`. An event whose
 * id was stored before is left out; a message that is no event is skipped, since the ingester puts it aside.
 */
import { eventKey, writeFeatureRow } from "../core/feature-row.ts";
import type { RowBinaryWriter } from "../core/row-binary.ts";
import type { MessageRows, Recent, SinkMessage } from "../sink-batch.ts";
import { type FeatureMessage, readFeatureMessage } from "./feature-message.ts";

export function readFeatureValueRows(message: SinkMessage): MessageRows | undefined {
  let found: FeatureMessage;
  try {
    found = readFeatureMessage(message);
  } catch {
    return undefined;
  }
  return new FeatureValueRow(found, message);
}

class FeatureValueRow implements MessageRows {
  readonly rows = 1;
  readonly bytes: number;
  readonly atMs: number;
  readonly #found: FeatureMessage;

  constructor(found: FeatureMessage, { data, atMs }: SinkMessage) {
    this.bytes = data.length;
    this.atMs = atMs;
    this.#found = found;
  }

  writeTo(writer: RowBinaryWriter, epoch: number, recent: Recent): number {
    const { entityType, event } = this.#found;
    if (!recent.add(eventKey(entityType, event.eventId), 0)) return 1;
    writeFeatureRow(writer, epoch, entityType, event);
    return 0;
  }
}

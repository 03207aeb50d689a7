// hot path
/**
 * A label as a row of `labels`, in RowBinary, and the sixteen bytes by which one that came again is known.
 *
 *     repeat id   what it is of, or its label_id (8 bytes of a hash) | what it says (8 bytes of a hash)
 */
import { hash } from "node:crypto";
import type { Label } from "./label.ts";
import type { RowBinaryWriter } from "./row-binary.ts";

/** Columns of `labels` in the order of a row. */
export const LABEL_COLUMNS = [
  "log_epoch",
  "log_seq",
  "model_name",
  "label_id",
  "repeat_id",
  "prediction_id",
  "request_id",
  "entity_id",
  "event_time",
  "label_value",
  "label_class",
  "label_time",
  "arrival_time",
] as const;

const FIXED_BYTES = 96;
const NO_ID = Buffer.alloc(16);

/** Where a label stands in the stream. */
export interface LabelPlace {
  readonly model: string;
  readonly epoch: number;
  readonly seq: number;
  readonly arrivalMs: number;
}

/** A label_id says it all; without one, a label is the same if it says the same of the same. */
export function repeatIdOf(model: string, label: Label): Buffer {
  const { labelId, predictionId, requestId, entityId, timeMs, value, className, labelMs = "" } = label;
  const isNamed = labelId !== "";
  const key = isNamed ? ["id", labelId] : ["key", predictionId, requestId, entityId, timeMs];
  const said = isNamed ? "" : `${value}\n${className}\n${labelMs}`;
  return Buffer.concat([halfHash(`${model}\n${key.join("\n")}`), halfHash(said)]);
}

export function writeLabelRow(writer: RowBinaryWriter, label: Label, repeatId: Buffer, at: LabelPlace): void {
  const { predictionId } = label;
  writer.reserve(FIXED_BYTES);
  writer.uint64(at.epoch);
  writer.uint64(at.seq);
  writer.string(at.model);
  writer.string(label.labelId);
  writer.reserve(FIXED_BYTES);
  writer.raw(repeatId);
  writer.uuid(predictionId === "" ? NO_ID : Buffer.from(predictionId.replaceAll("-", ""), "hex"), 0);
  writer.string(label.requestId);
  writer.string(label.entityId);
  writer.reserve(FIXED_BYTES);
  writer.uint64(label.timeMs);
  writer.float64(label.value);
  writer.string(label.className);
  writer.reserve(FIXED_BYTES);
  writer.uint64(label.labelMs ?? at.arrivalMs);
  writer.uint64(at.arrivalMs);
}

function halfHash(text: string): Buffer {
  return hash("sha256", text, "buffer").subarray(0, 8);
}

// hot path
/**
 * What the sink stores of a message of the labels stream: one row of `labels`. A label that came again is left out.
 */
import { EngineError } from "../core/errors.ts";
import { type Label, parseLabel } from "../core/label.ts";
import { repeatIdOf, writeLabelRow } from "../core/label-row.ts";
import { MODEL_NAME } from "../core/names.ts";
import type { RowBinaryWriter } from "../core/row-binary.ts";
import type { MessageRows, Recent, SinkMessage } from "../sink-batch.ts";

/** @throws EngineError INVALID_JSON, INVALID_REQUEST naming the field. */
export function readLabelRows(message: SinkMessage): MessageRows {
  return new LabelRow(message);
}

class LabelRow implements MessageRows {
  readonly rows = 1;
  readonly bytes: number;
  readonly atMs: number;
  readonly #seq: number;
  readonly #model: string;
  readonly #label: Label;

  constructor({ seq, subject, data, atMs }: SinkMessage) {
    this.#model = subject.slice(subject.lastIndexOf(".") + 1);
    if (!MODEL_NAME.test(this.#model))
      throw new EngineError(
        "INVALID_REQUEST",
        "the last part of the subject must be a model's name: a lower-case letter, then lower-case letters, digits, _ or - (at most 63)",
      );
    this.#label = parseLabel(data);
    this.#seq = seq;
    this.bytes = data.length;
    this.atMs = atMs;
  }

  writeTo(writer: RowBinaryWriter, epoch: number, recent: Recent): number {
    const repeatId = repeatIdOf(this.#model, this.#label);
    if (!recent.add(repeatId, 0)) return 1;
    const place = { model: this.#model, epoch, seq: this.#seq, arrivalMs: this.atMs };
    writeLabelRow(writer, this.#label, repeatId, place);
    return 0;
  }
}

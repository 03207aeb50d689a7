/**
 * A prediction as its row of the prediction log tells it: the JSON of its answer, without what the log does not keep (`confidence`,
 * explanations). Reads in place, only while somebody is subscribed.
 */
import { ROW_ID_OFFSET } from "../core/log-block.ts";
import { behindLength, lengthAt } from "../core/log-row-reader.ts";
import type { Prediction } from "../core/prediction.ts";
import { uuidText } from "../core/uuid.ts";

const ID_BYTES = 16;
const TWO_32 = 4_294_967_296;
const id = new Uint8Array(ID_BYTES);

/** The name of the model that made the row at `start`. */
export function loggedModel(bytes: Buffer, start: number): string {
  const cursor = new Cursor(bytes, start + ROW_ID_OFFSET + ID_BYTES);
  cursor.skipText();
  return cursor.text();
}

/** The prediction that stands from `start` to `end`. @throws RangeError when the row is cut off. */
export function loggedPrediction(bytes: Buffer, start: number, end: number): Prediction {
  const cursor = new Cursor(bytes, start + ROW_ID_OFFSET);
  const prediction_id = cursor.uuid();
  const request_id = cursor.text();
  const model_name = cursor.text();
  const model_version = cursor.text();
  const variant = cursor.text();
  const entity_id = cursor.text();
  const predicted_value = cursor.float32();
  const predicted_class = cursor.text();
  const probabilities = cursor.floats();
  cursor.skip(4 * cursor.length()); // features
  for (let left = cursor.length(); left > 0; left--) cursor.skipText(); // categories
  const latencyMs = cursor.float32();
  cursor.skip(4 + 4 + 2); // of its batch
  const dateMs = cursor.uint64();
  const feature_status = cursor.at < end ? cursor.status() : undefined;
  if (cursor.at > end) throw new RangeError("a row of the prediction log is cut off");
  return {
    prediction_id,
    request_id,
    model_name,
    model_version,
    ...(variant === "" ? undefined : { variant }),
    ...(entity_id === "" ? undefined : { entity_id }),
    predicted_value,
    ...(predicted_class === "" ? undefined : { predicted_class, probabilities }),
    ...(feature_status === undefined ? undefined : { feature_status }),
    latency_ms: Math.round(latencyMs * 1000) / 1000,
    prediction_date: new Date(dateMs).toISOString(),
  };
}

/** Reads one value of RowBinary after the other. */
class Cursor {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  skip(count: number): void {
    this.at += count;
  }

  length(): number {
    const length = lengthAt(this.#bytes, this.at);
    this.at = behindLength(this.#bytes, this.at);
    return length;
  }

  text(): string {
    const length = this.length();
    this.at += length;
    return this.#bytes.toString("utf8", this.at - length, this.at);
  }

  skipText(): void {
    this.skip(this.length());
  }

  float32(): number {
    this.at += 4;
    return this.#bytes.readFloatLE(this.at - 4);
  }

  floats(): number[] {
    const numbers: number[] = [];
    for (let left = this.length(); left > 0; left--) numbers.push(this.float32());
    return numbers;
  }

  uint64(): number {
    this.at += 8;
    return this.#bytes.readUInt32LE(this.at - 4) * TWO_32 + this.#bytes.readUInt32LE(this.at - 8);
  }

  /** Two little-endian halves, the high one first. */
  uuid(): string {
    for (let index = 0; index < 8; index++) {
      id[index] = this.#bytes[this.at + 7 - index] as number;
      id[8 + index] = this.#bytes[this.at + 15 - index] as number;
    }
    this.at += ID_BYTES;
    return uuidText(id, 0);
  }

  /** Behind features_date and the entities: features whose default was served, and why; undefined for none. */
  status(): Prediction["feature_status"] {
    this.skip(8);
    for (let left = this.length(); left > 0; left--) {
      this.skipText();
      this.skipText();
      this.skip(8);
    }
    const count = this.length();
    if (count === 0) return undefined;
    const status: [string, string][] = [];
    for (let left = count; left > 0; left--) status.push([this.text(), this.text()]);
    return Object.fromEntries(status) as Prediction["feature_status"];
  }
}

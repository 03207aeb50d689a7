/**
 * A prediction as its row of the prediction log tells it: the JSON of its answer, without what the log does not keep (`confidence`,
 * explanations). Reads in place, only while somebody is subscribed.
 */
import { ROW_ID_OFFSET } from "../core/log-block.ts";
import { behindLength, lengthAt } from "../core/log-row-reader.ts";
import type { Prediction } from "../core/prediction.ts";

const ID_BYTES = 16;

/** The name of the model that made the row at `start`, and where the rest of its row begins. */
export function loggedModel(bytes: Buffer, start: number): string {
  const cursor = new Cursor(bytes, start + ROW_ID_OFFSET + ID_BYTES);
  cursor.skipText();
  return cursor.text();
}

/** The prediction that stands from `start` to `end`. @throws RangeError when the row is cut off. */
export function loggedPrediction(bytes: Buffer, start: number, end: number): Prediction {
  const cursor = new Cursor(bytes.subarray(0, end), start + ROW_ID_OFFSET);
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
  const feature_status = cursor.isAtEnd ? {} : cursor.status();
  return {
    prediction_id,
    request_id,
    model_name,
    model_version,
    ...(variant === "" ? {} : { variant }),
    ...(entity_id === "" ? {} : { entity_id }),
    predicted_value,
    ...(predicted_class === "" ? {} : { predicted_class, probabilities }),
    ...(Object.keys(feature_status).length === 0 ? {} : { feature_status }),
    latency_ms: Math.round(latencyMs * 1000) / 1000,
    prediction_date: new Date(dateMs).toISOString(),
  };
}

/** Reads one value of RowBinary after the other. */
class Cursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(count: number): void {
    this.#at += count;
  }

  length(): number {
    const length = lengthAt(this.#bytes, this.#at);
    this.#at = behindLength(this.#bytes, this.#at);
    return length;
  }

  text(): string {
    const length = this.length();
    this.#at += length;
    return this.#bytes.toString("utf8", this.#at - length, this.#at);
  }

  skipText(): void {
    this.skip(this.length());
  }

  float32(): number {
    this.#at += 4;
    return this.#bytes.readFloatLE(this.#at - 4);
  }

  floats(): number[] {
    return Array.from({ length: this.length() }, () => this.float32());
  }

  uint64(): number {
    this.#at += 8;
    return Number(this.#bytes.readBigUInt64LE(this.#at - 8));
  }

  /** Two little-endian halves, the high one first. */
  uuid(): string {
    const half = (): string => {
      this.#at += 8;
      return this.#bytes
        .readBigUInt64LE(this.#at - 8)
        .toString(16)
        .padStart(16, "0");
    };
    const text = half() + half();
    return [0, 8, 12, 16, 20].map((from, index, cuts) => text.slice(from, cuts[index + 1])).join("-");
  }

  /** Behind features_date and the entities: features whose default was served, and why. */
  status(): NonNullable<Prediction["feature_status"]> {
    this.skip(8);
    for (let left = this.length(); left > 0; left--) {
      this.skipText();
      this.skipText();
      this.skip(8);
    }
    const status: [string, string][] = [];
    for (let left = this.length(); left > 0; left--) status.push([this.text(), this.text()]);
    return Object.fromEntries(status) as NonNullable<Prediction["feature_status"]>;
  }
}

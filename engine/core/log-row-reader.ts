// hot path
/**
 * Reads rows of `predictions` from RowBinary, in the order of LOG_COLUMNS, in place: what the sink inserts, and what
 * ClickHouse gives back.
 *
 *     new LogRowReader(bytes) → next() → places of that row … → next() … → false
 *
 * `next` finds out where the parts of a row stand, in one pass over its lengths; values are decoded when they are asked for.
 * Lengths below 128, which nearly all are, take one byte (see DECISIONS.md for what reading costs).
 */
const TWO_32 = 4_294_967_296;
/** What stands between two variable parts: see log-block for the first two, LOG_COLUMNS for the third. */
const LOGGED_AT = 16;
const BEFORE_REQUEST_ID = 24 + 1 + 16;
const TIMES_BYTES = 4 + 4 + 4 + 2;

export class LogRowReader {
  readonly bytes: Buffer;
  /** Of the same bytes. */
  readonly view: DataView;
  #at = 0;
  #rowAt = 0;
  #dateAt = 0;
  /** Where model name, version and variant stand, as three strings. */
  seriesStart = 0;
  seriesEnd = 0;
  /** Where the predicted value stands, a float32, and behind it the class, a string: empty for a regression. */
  valueAt = 0;
  classAt = 0;
  /** Where the numbers stand, as float32, and how many there are. */
  numbersAt = 0;
  numbers = 0;
  /** Where categories, texts and timestamps stand, strings in the model's order, and how many there are. */
  textsAt = 0;
  texts = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Steps to the next row; false at the end. @throws RangeError when the bytes are cut off. */
  next(): boolean {
    const { bytes } = this;
    let at = this.#at;
    if (at >= bytes.length) return false;
    this.#rowAt = at;
    at = behindText(bytes, at + BEFORE_REQUEST_ID);
    this.seriesStart = at;
    at = behindText(bytes, behindText(bytes, behindText(bytes, at)));
    this.seriesEnd = at;
    at = behindText(bytes, at); // entity_id
    this.valueAt = at;
    this.classAt = at + 4;
    at = behindText(bytes, at + 4);
    at = behindLength(bytes, at) + 4 * lengthAt(bytes, at); // probabilities
    this.numbers = lengthAt(bytes, at);
    this.numbersAt = behindLength(bytes, at);
    at = this.numbersAt + 4 * this.numbers;
    this.texts = lengthAt(bytes, at);
    this.textsAt = behindLength(bytes, at);
    at = behindTexts(bytes, this.textsAt, this.texts);
    this.#dateAt = at + TIMES_BYTES;
    at = behindServed(bytes, at + TIMES_BYTES + 16);
    if (at > bytes.length) throw cutOff();
    this.#at = at;
    return true;
  }

  /** When the log took the row, ms since 1970. */
  get loggedMs(): number {
    return integerAt(this.view, this.#rowAt + LOGGED_AT);
  }

  /** When the prediction was made, ms since 1970. */
  get dateMs(): number {
    return integerAt(this.view, this.#dateAt);
  }

  /** Model name, version and variant. */
  series(): readonly [name: string, version: string, variant: string] {
    const versionAt = behindText(this.bytes, this.seriesStart);
    const variantAt = behindText(this.bytes, versionAt);
    return [this.#textAt(this.seriesStart), this.#textAt(versionAt), this.#textAt(variantAt)];
  }

  #textAt(at: number): string {
    const start = behindLength(this.bytes, at);
    return this.bytes.toString("utf8", start, start + lengthAt(this.bytes, at));
  }
}

/** The unsigned LEB128 at a place. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  const length = bytes[at] as number;
  return length < 0x80 ? length : longLengthAt(bytes, at);
}

/** Where the unsigned LEB128 at a place ends. */
export function behindLength(bytes: Uint8Array, at: number): number {
  let end = at;
  while ((bytes[end] as number) >= 0x80) end++;
  return end + 1;
}

function behindText(bytes: Uint8Array, at: number): number {
  const length = bytes[at] as number;
  return length < 0x80 ? at + 1 + length : behindLength(bytes, at) + longLengthAt(bytes, at);
}

function behindTexts(bytes: Uint8Array, start: number, texts: number): number {
  let at = start;
  for (let left = texts; left > 0; left--) at = behindText(bytes, at);
  return at;
}

/** Behind features_date, the entities and the statuses. */
function behindServed(bytes: Uint8Array, start: number): number {
  const entities = lengthAt(bytes, start);
  let at = behindLength(bytes, start);
  for (let left = entities; left > 0; left--) at = behindTexts(bytes, at, 2) + 8;
  return behindTexts(bytes, behindLength(bytes, at), 2 * lengthAt(bytes, at));
}

/** @throws RangeError when the bytes end before it does */
function longLengthAt(bytes: Uint8Array, start: number): number {
  let length = 0;
  for (let at = start, unit = 1; ; at++, unit *= 128) {
    const byte = bytes[at];
    if (byte === undefined) throw cutOff();
    length += (byte & 0x7f) * unit;
    if (byte < 0x80) return length;
  }
}

function integerAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true);
}

function cutOff(): RangeError {
  return new RangeError("a row of the prediction log is cut off");
}

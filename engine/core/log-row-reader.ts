// hot path
/**
 * Reads rows of `predictions` from RowBinary, in the order of LOG_COLUMNS, in place: what the sink inserts, and what
 * ClickHouse gives back.
 *
 *     new LogRowReader(bytes) → next() → fields of that row … → next() … → false
 *
 * Fields are set by `next` and stay until the next one; what most readers do not need is decoded when it is asked for.
 */
const TWO_32 = 4_294_967_296;
/** What stands between two variable parts: see log-block for the first, LOG_COLUMNS for the second. */
const BEFORE_REQUEST_ID = 24 + 1 + 16;
const TIMES_BYTES = 4 + 4 + 4 + 2;

export class LogRowReader {
  readonly #bytes: Buffer;
  #at = 0;
  #categoriesAt = 0;
  #classAt = 0;
  epoch = 0;
  seq = 0;
  loggedMs = 0;
  dateMs = 0;
  /** Where model name, version and variant stand, as three strings. */
  seriesStart = 0;
  seriesEnd = 0;
  predictedValue = 0;
  /** Where the numbers stand, as float32, and how many there are. */
  numbersAt = 0;
  numbers = 0;
  /** How many categories, texts and timestamps there are. */
  texts = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Steps to the next row; false at the end. @throws RangeError when the bytes are cut off. */
  next(): boolean {
    const bytes = this.#bytes;
    if (this.#at >= bytes.length) return false;
    let at = this.#at;
    this.epoch = this.#integerAt(at);
    this.seq = this.#integerAt(at + 8);
    this.loggedMs = this.#integerAt(at + 16);
    at = this.#behindText(at + BEFORE_REQUEST_ID);
    this.seriesStart = at;
    at = this.#behindText(this.#behindText(this.#behindText(at)));
    this.seriesEnd = at;
    at = this.#behindText(at); // entity_id
    this.predictedValue = bytes.readFloatLE(at);
    this.#classAt = at + 4;
    at = this.#behindText(at + 4);
    at = this.#behindFloats(at); // probabilities
    const end = this.#behindFloats(at);
    this.numbers = this.#count;
    this.numbersAt = end - 4 * this.#count;
    at = this.#lengthAt(end);
    this.texts = this.#count;
    this.#categoriesAt = at;
    for (let left = this.texts; left > 0; left--) at = this.#behindText(at);
    this.dateMs = this.#integerAt(at + TIMES_BYTES);
    this.#at = this.#behindServed(at + TIMES_BYTES + 16);
    if (this.#at > bytes.length) throw new RangeError("a row of the prediction log is cut off");
    return true;
  }

  /** Empty for a regression. */
  predictedClass(): string {
    return this.#textAt(this.#classAt);
  }

  /** Categories, texts and timestamps in the model's order. */
  *categories(): Generator<string> {
    let at = this.#categoriesAt;
    for (let left = this.texts; left > 0; left--) {
      yield this.#textAt(at);
      at = this.#behindText(at);
    }
  }

  /** Model name, version and variant. */
  series(): readonly [name: string, version: string, variant: string] {
    const versionAt = this.#behindText(this.seriesStart);
    const variantAt = this.#behindText(versionAt);
    return [this.#textAt(this.seriesStart), this.#textAt(versionAt), this.#textAt(variantAt)];
  }

  /** Of an experiment, or empty. */
  variant(): string {
    return this.#bytes[this.seriesEnd - 1] === 0 ? "" : this.series()[2];
  }

  /** Copies the numbers to `target`, from its byte `offset` on. */
  copyNumbers(target: Uint8Array, offset: number): void {
    target.set(this.#bytes.subarray(this.numbersAt, this.numbersAt + 4 * this.numbers), offset);
  }

  /** What #lengthAt found last. */
  #count = 0;

  /** Behind features_date, the entities and the statuses. */
  #behindServed(start: number): number {
    let at = this.#lengthAt(start);
    for (let left = this.#count; left > 0; left--) at = this.#behindText(this.#behindText(at)) + 8;
    at = this.#lengthAt(at);
    for (let left = this.#count; left > 0; left--) at = this.#behindText(this.#behindText(at));
    return at;
  }

  #behindText(at: number): number {
    const length = this.#bytes[at] as number;
    if (length < 0x80) return at + 1 + length;
    return this.#lengthAt(at) + this.#count;
  }

  #behindFloats(at: number): number {
    return this.#lengthAt(at) + 4 * this.#count;
  }

  #textAt(at: number): string {
    const start = this.#lengthAt(at);
    return this.#bytes.toString("utf8", start, start + this.#count);
  }

  /** Reads an unsigned LEB128 into #count; where it ends. */
  #lengthAt(start: number): number {
    let at = start;
    let shift = 0;
    this.#count = 0;
    for (;;) {
      const byte = this.#bytes[at++];
      if (byte === undefined) throw new RangeError("a row of the prediction log is cut off");
      this.#count += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return at;
      shift += 7;
    }
  }

  #integerAt(at: number): number {
    return this.#bytes.readUInt32LE(at + 4) * TWO_32 + this.#bytes.readUInt32LE(at);
  }
}

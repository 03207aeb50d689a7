// hot path
/**
 * A growing buffer in ClickHouse's RowBinary format: little-endian numbers, strings and arrays behind their
 * length as unsigned LEB128.
 *
 * Used by the prediction log for every row, hence no value objects and no streams. Bound: the caller's; `length`
 * says how much is written, and `reset` starts over in the same memory.
 */

const DASH = 0x2d;
const HEX_DIGITS = Buffer.from("0123456789abcdef");

export class RowBinaryWriter {
  #bytes: Buffer;
  #view: DataView;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written so far, not copied: valid until the next write. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  reset(): void {
    this.#length = 0;
  }

  /** Takes back what was written behind `length`. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** Makes room for `bytes` more, doubling the memory when needed. */
  reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  uint8(value: number): void {
    this.#bytes[this.#length++] = value;
  }

  uint16(value: number): void {
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** Overwrites four bytes already written, for a length known only afterwards. */
  uint32At(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  /** A UInt64 or Int64 (DateTime64) from an integer below 2^53. */
  uint64(value: number): void {
    this.#view.setUint32(this.#length, value >>> 0, true);
    this.#view.setUint32(this.#length + 4, Math.floor(value / 4_294_967_296), true);
    this.#length += 8;
  }

  float32(value: number): void {
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  float64(value: number): void {
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A String, in UTF-8. Short ASCII, which nearly all are, is written byte by byte: cheaper than the encoder's call. */
  string(text: string): void {
    const { length } = text;
    this.reserve(length * 3 + 5);
    if (length > 40 || !this.#ascii(text)) {
      const bytes = Buffer.byteLength(text);
      this.varint(bytes);
      this.#length += this.#bytes.write(text, this.#length, bytes, "utf8");
    }
  }

  #ascii(text: string): boolean {
    const start = this.#length;
    let at = start;
    this.#bytes[at++] = text.length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      this.#bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }

  /** A UUID: ClickHouse keeps it as two little-endian halves, the high one first. */
  uuid(bytes: Uint8Array, offset: number): void {
    for (let index = 7; index >= 0; index--) this.#bytes[this.#length++] = bytes[offset + index] as number;
    for (let index = 15; index >= 8; index--) this.#bytes[this.#length++] = bytes[offset + index] as number;
  }

  /** The text of a UUID as a String: 36 characters. */
  uuidText(bytes: Uint8Array, offset: number): void {
    const target = this.#bytes;
    let at = this.#length;
    target[at++] = 36;
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) target[at++] = DASH;
      const byte = bytes[offset + index] as number;
      target[at++] = HEX_DIGITS[byte >>> 4] as number;
      target[at++] = HEX_DIGITS[byte & 15] as number;
    }
    this.#length = at;
  }

  /** Bytes that are RowBinary already. */
  raw(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#length += bytes.copy(this.#bytes, this.#length, start, end);
  }
}

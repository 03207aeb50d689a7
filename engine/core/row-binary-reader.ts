// hot path
/**
 * Reads rows back from RowBinary, in chunks that end anywhere: the other way of row-binary. Bound: one chunk and one row.
 */

const NO_BYTES = Buffer.alloc(0);

export class RowBinaryReader {
  #bytes: Buffer = NO_BYTES;
  #at = 0;

  /** Bytes of a row that is not whole yet: none at the end. */
  get restBytes(): number {
    return this.#bytes.length;
  }

  /**
   * Calls `readRow` for each row that is whole with this chunk, to read all of it by the functions below. A row that goes on in the next
   * chunk is begun now and again then: what `readRow` does must count at its end only.
   */
  read(chunk: Buffer, readRow: () => void): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    let done = 0;
    try {
      for (this.#at = 0; this.#at < this.#bytes.length; done = this.#at) readRow();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // the row goes on in the next chunk
    }
    this.#bytes = done === this.#bytes.length ? NO_BYTES : this.#bytes.subarray(done);
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16LE(this.#at - 2);
  }

  uint32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  /** A UInt64 or DateTime64 below 2^53. */
  uint64(): number {
    const low = this.#bytes.readUInt32LE(this.#at);
    const high = this.#bytes.readUInt32LE(this.#at + 4);
    this.#at += 8;
    return high * 4_294_967_296 + low;
  }

  float32(): number {
    this.#at += 4;
    return this.#bytes.readFloatLE(this.#at - 4);
  }

  float64(): number {
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  /** The length in front of a string, an array or a map. */
  varint(): number {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  string(): string {
    const end = this.varint() + this.#at;
    if (end > this.#bytes.length) throw new RangeError("the row is cut off");
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end;
    return text;
  }
}

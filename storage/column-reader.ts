// hot path
/**
 * Reads rows of numbers (Float32), texts (String) and hashes (UInt32) out of RowBinary, in chunks that end anywhere, into columns.
 *
 * Equal texts of a column are one string. Bounds: a fixed number of rows, TEXTS_BYTES_MAX of different texts, one chunk.
 */
import { EngineError } from "../engine/core/errors.ts";

export type ColumnType = "number" | "category" | "hash";
/** Float32 with NaN for null, or texts, of which "" is null. */
export type ReadColumn = Float32Array | (string | null)[];

const TEXTS_BYTES_MAX = 256 * 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

export class ColumnReader {
  readonly #columns: readonly (ReadColumn | Uint32Array)[];
  readonly #texts: readonly Map<string, string>[];
  readonly #rowsMax: number;
  #bytes: Buffer = NO_BYTES;
  #at = 0;
  #rows = 0;
  #textBytes = 0;

  constructor(types: readonly ColumnType[], rowsMax: number) {
    this.#columns = types.map((type) => {
      if (type === "number") return new Float32Array(rowsMax);
      if (type === "hash") return new Uint32Array(rowsMax);
      return Array.from<string | null>({ length: rowsMax }).fill(null);
    });
    this.#texts = types.map(() => new Map<string, string>());
    this.#rowsMax = rowsMax;
  }

  get rows(): number {
    return this.#rows;
  }

  /** @throws EngineError PAYLOAD_TOO_LARGE; further rows than rowsMax are an error of the caller's query. */
  read(chunk: Uint8Array): void {
    const next = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#bytes = this.#bytes.length === 0 ? next : Buffer.concat([this.#bytes, next]);
    let done = 0;
    try {
      for (this.#at = 0; this.#at < this.#bytes.length; done = this.#at) this.#row();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // the row goes on in the next chunk
    }
    this.#bytes = done === this.#bytes.length ? NO_BYTES : Buffer.from(this.#bytes.subarray(done));
  }

  /** The columns, as long as there are rows. @throws EngineError SERVICE_UNAVAILABLE when the last row is cut off. */
  finish(): (ReadColumn | Uint32Array)[] {
    if (this.#bytes.length > 0)
      throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse: the answer is cut off; try again later");
    return this.#columns.map((column) =>
      Array.isArray(column) ? column.slice(0, this.#rows) : column.subarray(0, this.#rows),
    );
  }

  #row(): void {
    if (this.#rows === this.#rowsMax) throw new Error(`more than ${this.#rowsMax} rows`);
    for (let index = 0; index < this.#columns.length; index++) {
      const column = this.#columns[index] as ReadColumn | Uint32Array;
      if (column instanceof Float32Array) column[this.#rows] = this.#number();
      else if (column instanceof Uint32Array) column[this.#rows] = this.#hash();
      else column[this.#rows] = this.#text(this.#texts[index] as Map<string, string>);
    }
    this.#rows++;
  }

  #number(): number {
    this.#at += 4;
    return this.#bytes.readFloatLE(this.#at - 4);
  }

  #hash(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  #text(known: Map<string, string>): string | null {
    const length = this.#length();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("the row is cut off");
    if (length === 0) return null;
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end;
    const same = known.get(text);
    if (same !== undefined) return same;
    this.#textBytes += length;
    if (this.#textBytes > TEXTS_BYTES_MAX)
      throw new EngineError("PAYLOAD_TOO_LARGE", "the texts of the reference are too long: use fewer rows");
    known.set(text, text);
    return text;
  }

  #length(): number {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }
}

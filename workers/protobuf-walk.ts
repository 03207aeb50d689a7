/**
 * Walks protobuf bytes in place and calls back for the wanted fields; everything else is stepped over unread.
 *
 * Built on pbf's varint reader, which trusts its input: here nothing reaches beyond the end of the message it
 * stands in, whatever the bytes say. Bound: TEXT_BYTES_MAX; depth is the caller's to bound.
 */
import { PbfReader } from "pbf";

const TEXT_BYTES_MAX = 4096;
const FIELD_MAX = 0x1fffffff;

/** Wire types. For VARINT the visitor gets the number, for BYTES the end of the content. */
export const VARINT = 0;
export const BYTES = 2;
const FIXED64 = 1;
const FIXED32 = 5;

/** The fields to visit, by number, and the wire type each must have. */
export type Wanted = Readonly<Record<number, typeof VARINT | typeof BYTES>>;
export type Visit = (field: number, value: number) => void;

export class ProtobufWalk {
  readonly #pbf: PbfReader;
  readonly #refusal: (problem: string, cause?: unknown) => Error;

  /** `refusal` makes the error for bytes that are no protobuf message of the expected kind. */
  constructor(bytes: Uint8Array, refusal: (problem: string, cause?: unknown) => Error) {
    this.#pbf = new PbfReader(bytes);
    this.#refusal = refusal;
  }

  get length(): number {
    return this.#pbf.length;
  }

  /** Visits the wanted fields from here to `end`. A visitor may call `each` or `text` with the end it was given. */
  each(end: number, wanted: Wanted, visit: Visit): void {
    const pbf = this.#pbf;
    while (pbf.pos < end) {
      const tag = this.#varint();
      const field = Math.floor(tag / 8);
      const wire = tag % 8;
      if (field < 1 || field > FIELD_MAX) throw this.#malformed("no field number");
      const value = this.#value(wire);
      const next = wire === BYTES ? value : pbf.pos;
      if (next > end) throw this.#malformed("the data end early");
      const expected = wanted[field];
      if (expected !== undefined) {
        if (expected !== wire) throw this.#malformed(`field ${field} is of another type`);
        visit(field, value);
      }
      pbf.pos = next;
    }
  }

  /** The text between here and `end`. */
  text(end: number): string {
    const { buf, pos } = this.#pbf;
    if (end - pos > TEXT_BYTES_MAX) throw this.#malformed(`a name is longer than ${TEXT_BYTES_MAX} bytes`);
    return Buffer.from(buf.buffer, buf.byteOffset + pos, end - pos).toString("utf8");
  }

  /** A number, or the end of the content that starts here; fixed-width values are stepped over. */
  #value(wire: number): number {
    if (wire === VARINT) return this.#varint();
    if (wire === BYTES) {
      const length = this.#varint();
      return this.#pbf.pos + length;
    }
    if (wire !== FIXED64 && wire !== FIXED32) throw this.#malformed("unknown wire type");
    this.#pbf.pos += wire === FIXED64 ? 8 : 4;
    return 0;
  }

  #varint(): number {
    try {
      return this.#pbf.readVarint();
    } catch (error) {
      throw this.#malformed("not a number", error);
    }
  }

  #malformed(problem: string, cause?: unknown): Error {
    return this.#refusal(`${problem} near byte ${Math.min(this.#pbf.pos, this.#pbf.length)}`, cause);
  }
}

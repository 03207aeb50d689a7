// hot path
/**
 * Reads the rows of labelled-rows out of RowBinary, in chunks that end anywhere, into columns that grow as they come.
 *
 *     predicted_value f32 | predicted_class i16 | label f64 | [classes: length, f32 …] | slices: f32, or length and text
 *
 * Bound: `rowsMax` rows and a chunk.
 */

import type { LabelledQuestion, LabelledRows, SliceValues } from "../engine/core/labelled-rows.ts";
import { RowBinaryReader } from "../engine/core/row-binary-reader.ts";

const ROWS_FIRST = 4_096;

/** A category's texts by their codes. */
class Codes {
  readonly texts: string[] = [];
  readonly #codes = new Map<string, number>();

  of(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    this.#codes.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}

export class LabelledRowReader {
  readonly #question: LabelledQuestion;
  readonly #codes: (Codes | undefined)[];
  readonly #reader = new RowBinaryReader();
  #rows = 0;
  #room = ROWS_FIRST;
  #values = new Float32Array(ROWS_FIRST);
  #predicted = new Int16Array(ROWS_FIRST);
  #labels = new Float64Array(ROWS_FIRST);
  #probabilities: Float32Array;
  #slices: (Float32Array | Int32Array)[];

  constructor(question: LabelledQuestion) {
    const { classes, slices } = question;
    this.#question = question;
    this.#probabilities = new Float32Array(ROWS_FIRST * classes.length);
    this.#codes = slices.map(({ kind }) => (kind === "category" ? new Codes() : undefined));
    this.#slices = slices.map(({ kind }) =>
      kind === "category" ? new Int32Array(ROWS_FIRST) : new Float32Array(ROWS_FIRST),
    );
  }

  /** Bytes of a row that is not whole yet: none at the end. */
  get restBytes(): number {
    return this.#reader.restBytes;
  }

  read(chunk: Buffer): void {
    this.#reader.read(chunk, () => this.#row());
  }

  finish(): LabelledRows {
    const { classes, slices, rowsMax } = this.#question;
    const rows = Math.min(this.#rows, rowsMax);
    const toSlice = ({ name }: { readonly name: string }, index: number): SliceValues => {
      const values = (this.#slices[index] as Float32Array | Int32Array).subarray(0, rows);
      return values instanceof Float32Array
        ? { name, kind: "number", values }
        : { name, kind: "category", values, categories: this.#codes[index]?.texts ?? [] };
    };
    return {
      rows,
      isCut: this.#rows > rowsMax,
      predictedValue: this.#values.subarray(0, rows),
      probabilities: this.#probabilities.subarray(0, rows * classes.length),
      predictedClass: this.#predicted.subarray(0, rows),
      label: this.#labels.subarray(0, rows),
      slices: slices.map(toSlice),
    };
  }

  #row(): void {
    if (this.#rows === this.#room) this.#grow();
    const row = this.#rows;
    const reader = this.#reader;
    const { length } = this.#question.classes;
    this.#values[row] = reader.float32();
    this.#predicted[row] = reader.int16();
    this.#labels[row] = reader.float64();
    if (length > 0) reader.varint(); // always that of the classes
    for (let index = 0; index < length; index++) this.#probabilities[row * length + index] = reader.float32();
    for (let index = 0; index < this.#slices.length; index++) {
      const codes = this.#codes[index];
      const values = this.#slices[index] as Float32Array | Int32Array;
      values[row] = codes === undefined ? reader.float32() : codes.of(reader.string());
    }
    this.#rows++;
  }

  #grow(): void {
    this.#room *= 2;
    this.#values = grown(this.#values);
    this.#predicted = grown(this.#predicted);
    this.#labels = grown(this.#labels);
    this.#probabilities = grown(this.#probabilities);
    this.#slices = this.#slices.map((values) => grown(values));
  }
}

/** Twice as long, with the same values in front. */
function grown<T extends Float32Array | Float64Array | Int16Array | Int32Array>(values: T): T {
  const longer = new (values.constructor as new (length: number) => T)(values.length * 2);
  longer.set(values);
  return longer;
}

// hot path
/**
 * Reads the rows of served-rows out of RowBinary, in chunks that end anywhere, into raw rows as a batch holds them.
 *
 *     prediction_date i64 | group u32 | label f64 | features: length, f32 … | categories: length, (length, text) …
 *
 * Equal texts are one string. Bounds: a fixed number of rows, TEXTS_BYTES_MAX of different texts, one chunk.
 */
import { EngineError } from "../engine/core/errors.ts";
import { isKeptAsText, type ModelInput } from "../engine/core/model-input.ts";
import { RowBinaryReader } from "../engine/core/row-binary-reader.ts";

const TEXTS_BYTES_MAX = 256 * 1024 * 1024;

/** As it was served and labelled; arrays have an element a row, in the order of prediction_date. */
export interface ServedRows {
  /** As engine/transform/raw-rows has them. */
  readonly raw: { readonly count: number; readonly numbers: Float32Array; readonly texts: readonly string[] };
  /** Index into the classes, or the value; NaN where the label is none of them. */
  readonly labels: Float64Array;
  readonly timesMs: Float64Array;
  /** MurmurHash3 of the entity, or of the request where no entity was named. */
  readonly groups: Uint32Array;
}

export class ServedRowReader {
  readonly #codes: readonly (ReadonlyMap<string, number> | undefined)[];
  readonly #isText: readonly boolean[];
  readonly #texts: string[] = [];
  readonly #known = new Map<string, string>();
  readonly #reader = new RowBinaryReader();
  readonly #numbers: Float32Array;
  readonly #labels: Float64Array;
  readonly #timesMs: Float64Array;
  readonly #groups: Uint32Array;
  readonly #logged: { readonly numbers: number; readonly texts: number };
  readonly #textWidth: number;
  readonly #rowsMax: number;
  #rows = 0;
  #textBytes = 0;

  constructor(inputs: readonly ModelInput[], rowsMax: number) {
    this.#codes = inputs.map((input) =>
      input.type === "category" ? new Map(input.categories.map((name, code) => [name, code])) : undefined,
    );
    this.#isText = inputs.map(isKeptAsText);
    this.#textWidth = inputs.filter(isKeptAsText).length;
    const texts = inputs.filter((input) => input.type === "category" || isKeptAsText(input)).length;
    this.#logged = { numbers: inputs.length - texts, texts };
    this.#rowsMax = rowsMax;
    this.#numbers = new Float32Array(rowsMax * inputs.length);
    this.#labels = new Float64Array(rowsMax);
    this.#timesMs = new Float64Array(rowsMax);
    this.#groups = new Uint32Array(rowsMax);
  }

  /** @throws EngineError PAYLOAD_TOO_LARGE, INVALID_REQUEST for rows of other inputs. */
  read(chunk: Buffer): void {
    this.#reader.read(chunk, () => this.#row());
  }

  /** @throws EngineError SERVICE_UNAVAILABLE when the last row is cut off. */
  finish(): ServedRows {
    if (this.#reader.restBytes > 0)
      throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse: the answer is cut off; try again later");
    const count = this.#rows;
    const numbers = this.#numbers.subarray(0, count * this.#codes.length);
    return {
      raw: { count, numbers, texts: this.#texts },
      labels: this.#labels.subarray(0, count),
      timesMs: this.#timesMs.subarray(0, count),
      groups: this.#groups.subarray(0, count),
    };
  }

  #row(): void {
    if (this.#rows === this.#rowsMax) throw new Error(`more than ${this.#rowsMax} rows`);
    const row = this.#rows;
    const reader = this.#reader;
    this.#timesMs[row] = reader.uint64();
    this.#groups[row] = reader.uint32();
    this.#labels[row] = reader.float64();
    this.#checkLength(reader.varint(), this.#logged.numbers, "numbers");
    const width = this.#codes.length;
    for (let at = 0; at < width; at++) {
      if (this.#isText[at] === true) this.#numbers[row * width + at] = 0;
      else if (this.#codes[at] === undefined) this.#numbers[row * width + at] = reader.float32();
    }
    this.#checkLength(reader.varint(), this.#logged.texts, "texts");
    let text = row * this.#textWidth;
    for (let at = 0; at < width; at++) {
      const codes = this.#codes[at];
      if (this.#isText[at] === true) this.#texts[text++] = this.#same(reader.string());
      else if (codes !== undefined)
        this.#numbers[row * width + at] = codes.get(reader.string()) ?? Number.NaN;
    }
    this.#rows++;
  }

  /** One string for equal texts. */
  #same(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#textBytes += text.length;
    if (this.#textBytes > TEXTS_BYTES_MAX)
      throw new EngineError(
        "PAYLOAD_TOO_LARGE",
        "the texts of the rows are too long together: lower rows_max",
      );
    this.#known.set(text, text);
    return text;
  }

  #checkLength(length: number, expected: number, what: string): void {
    if (length === expected) return;
    const message = `a prediction was logged with ${length} ${what} where the inputs have ${expected}: name the versions that have these inputs`;
    throw new EngineError("INVALID_REQUEST", `versions: ${message}`, {
      details: [{ field: "versions", message }],
    });
  }
}

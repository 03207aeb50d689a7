// hot path
/**
 * Reads the `features` of a request straight from its bytes into float32, where they are as nearly all senders write them: the model's
 * inputs in their order, no blanks but one kind, plain numbers. `bench/request-reading` shows what that saves.
 *
 * It knows nothing but that shape. Whatever else comes (another order, a missing or unknown name, an escape, a value that is not
 * allowed) is left to JSON.parse and FeaturePlan, which also say what is wrong. Invariant: what it takes, they take, with the same floats.
 */
import type { ModelInput } from "./core/model-input.ts";

const BLANK = 32;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const COLON = 58;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;
const TEXT_LENGTH_MAX = 256;
/** Decimal digits that a double holds exactly, and the powers of ten that it is. */
const DIGITS_EXACT = 15;
const DIGITS_MAX = 30;
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
const POWER_MAX = POWERS.length - 1;
/**
 * More than the relative error of a mantissa of up to DIGITS_MAX digits that was gathered digit by digit (two roundings of 2^-53 each) and
 * of its scaling. If both ends of the interval round to one float32, so does the number between them.
 */
const ERROR = 2 ** -46;

/** What a plan knows of an input. */
export interface Column {
  readonly input: ModelInput;
  readonly name: string;
  readonly type: ModelInput["type"];
  readonly low: number;
  readonly high: number;
  /** Index by category, for a category. */
  readonly codes: ReadonlyMap<unknown, number> | undefined;
  /** What a missing value becomes; undefined: the feature is required. */
  readonly fallback: number | undefined;
  /** Index among the row's texts, or -1 for an input that is a float; and what a missing text becomes. */
  readonly text: number;
  readonly fallbackText: string;
}

export class FeatureReader {
  readonly width: number;
  readonly #columns: readonly Column[];
  /** The names as JSON, one behind the other, and where each begins. */
  readonly #names: Uint8Array;
  readonly #starts: Int32Array;
  readonly #lows: Float64Array;
  readonly #highs: Float64Array;
  readonly #isFloat: Uint8Array;
  /** Where reading stands. */
  #at = 0;

  constructor(columns: readonly Column[]) {
    const names = columns.map(({ name }) => Buffer.from(JSON.stringify(name)));
    this.width = columns.length;
    this.#columns = columns;
    this.#names = Uint8Array.from(Buffer.concat(names));
    this.#starts = new Int32Array(columns.length + 1);
    for (const [index, name] of names.entries())
      this.#starts[index + 1] = (this.#starts[index] as number) + name.length;
    this.#lows = Float64Array.from(columns, ({ low }) => low);
    this.#highs = Float64Array.from(columns, ({ high }) => high);
    this.#isFloat = Uint8Array.from(columns, ({ type }) => (type === "float" ? 1 : 0));
  }

  /**
   * Reads the object that begins at `at` into `floats` from `offset` on.
   * @returns where the object ends, or -1 when it is not as expected; then the floats mean nothing.
   */
  read(bytes: Buffer, at: number, floats: Float32Array, offset: number): number {
    if (bytes[at] !== OPEN) return -1;
    this.#at = at + 1;
    for (let column = 0; column < this.width; column++) {
      if (!this.#skipName(bytes, column)) return -1;
      const isNumber = this.#isFloat[column] === 1;
      const value = isNumber ? this.#number(bytes, column) : this.#other(bytes, column);
      if (!(value >= (this.#lows[column] as number) && value <= (this.#highs[column] as number))) return -1;
      floats[offset + column] = value;
      this.#skipBlanks(bytes);
      if (bytes[this.#at++] !== (column + 1 < this.width ? COMMA : CLOSE)) return -1;
    }
    return this.#at;
  }

  #skipBlanks(bytes: Buffer): void {
    while (bytes[this.#at] === BLANK) this.#at++;
  }

  #skipName(bytes: Buffer, column: number): boolean {
    this.#skipBlanks(bytes);
    const names = this.#names;
    const end = this.#starts[column + 1] as number;
    let at = this.#at;
    for (let index = this.#starts[column] as number; index < end; index++)
      if (bytes[at++] !== names[index]) return false;
    if (bytes[at] !== COLON) return false;
    this.#at = at + 1;
    this.#skipBlanks(bytes);
    return true;
  }

  /** A number as JSON has it; NaN for everything else. Of a float column it may be another one with the same float32. */
  #number(bytes: Buffer, column: number): number {
    const start = this.#at;
    let at = start;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    const first = at;
    let mantissa = 0;
    let byte = bytes[at] as number;
    for (; byte >= ZERO && byte <= ZERO + 9; byte = bytes[++at] as number)
      mantissa = mantissa * 10 + (byte - ZERO);
    let digits = at - first;
    if (digits === 0 || (digits > 1 && bytes[first] === ZERO)) return Number.NaN;
    let scale = 0;
    if (byte === DOT) {
      const point = at;
      byte = bytes[++at] as number;
      for (; byte >= ZERO && byte <= ZERO + 9; byte = bytes[++at] as number)
        mantissa = mantissa * 10 + (byte - ZERO);
      scale = at - point - 1;
      if (scale === 0) return Number.NaN;
      digits += scale;
    }
    this.#at = at;
    if ((byte | 32) === 101 || digits > DIGITS_MAX || scale > POWER_MAX) return this.#anyNumber(bytes, start);
    const size = mantissa / (POWERS[scale] as number);
    const value = isNegative ? -size : size;
    if (digits <= DIGITS_EXACT || this.#isSure(value, size * ERROR, column)) return value;
    return this.#anyNumber(bytes, start);
  }

  /** Whether all numbers nearer than `error` are the same float32 and within the column's range. */
  #isSure(value: number, error: number, column: number): boolean {
    const low = value - error;
    const high = value + error;
    if (low < (this.#lows[column] as number) || high > (this.#highs[column] as number)) return false;
    return this.#isFloat[column] === 1 && Math.fround(low) === Math.fround(high);
  }

  /** With an exponent, or with more digits than can be told by multiplying: the engine's own conversion, which is right. */
  #anyNumber(bytes: Buffer, start: number): number {
    let at = start;
    for (let byte = bytes[at] as number; isOfNumber(byte); byte = bytes[++at] as number);
    this.#at = at;
    const text = bytes.toString("latin1", start, at);
    return NUMBER.test(text) ? Number(text) : Number.NaN;
  }

  /** What is no float: a whole number, a truth value, a category; or what a missing value becomes. NaN: not as expected. */
  #other(bytes: Buffer, column: number): number {
    const { type, codes } = this.#columns[column] as Column;
    if (type === "category") return codes?.get(this.#text(bytes)) ?? Number.NaN;
    if (type === "bool") return this.#truth(bytes);
    const value = this.#number(bytes, column);
    return Number.isInteger(value) && Math.fround(value) === value ? value : Number.NaN;
  }

  /** A string without escapes, of ASCII only; undefined for another. */
  #text(bytes: Buffer): string | undefined {
    if (bytes[this.#at] !== QUOTE) return undefined;
    const start = this.#at + 1;
    const last = start + TEXT_LENGTH_MAX;
    for (let at = start; at < last; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#at = at + 1;
        return bytes.toString("latin1", start, at);
      }
      if (byte === undefined || byte < BLANK || byte > 126 || byte === BACKSLASH) return undefined;
    }
    return undefined;
  }

  #truth(bytes: Buffer): number {
    for (const [value, text] of TRUTHS) {
      if (bytes.toString("latin1", this.#at, this.#at + text.length) !== text) continue;
      this.#at += text.length;
      return value;
    }
    return Number.NaN;
  }
}

const TRUTHS = [
  [1, "true"],
  [0, "false"],
] as const;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Digits, and what else a number may hold: + - . E e */
function isOfNumber(byte: number): boolean {
  return (
    (byte >= ZERO && byte <= ZERO + 9) || byte === 43 || byte === MINUS || byte === DOT || (byte | 32) === 101
  );
}

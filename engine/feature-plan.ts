// hot path
/**
 * From the `features` object of a request to one row of float32, in one pass.
 *
 * A plan is compiled once per model version from its manifest and writes straight into the batch's slab. The
 * fast path knows only that something is wrong; what is wrong is found out by the slow path, once it matters.
 * Invariant: after `write` returned undefined, every float of the row is set, finite unless it may be missing (then NaN
 * says so), and exact for an `int`. What does not fit into a float, texts and timestamps, is written beside the row.
 */
import { EngineError, type ErrorDetail } from "./core/errors.ts";
import type { ModelManifest } from "./core/manifest.ts";
import { FLOAT32_MAX, isKeptAsText, type ModelInput, maxLengthOf, problemWith } from "./core/model-input.ts";
import { isoOf, parseTimestamp } from "./core/timestamp.ts";
import { type Column, FeatureReader } from "./feature-reader.ts";
import type { RowPlan } from "./row-source.ts";

const DETAILS_MAX = 20;
/** Frozen: a plan with texts needs somewhere to write them. */
const NO_TEXTS = Object.freeze<string[]>([]) as string[];

export class FeaturePlan implements RowPlan {
  readonly width: number;
  /** Texts per row. */
  readonly texts: number;
  /** Undefined where texts stand beside the floats. */
  readonly reader: FeatureReader | undefined;
  readonly #columns: readonly Column[];
  readonly #indexes: ReadonlyMap<string, number>;
  /** Of each column what the fast path needs, apart: loads from these arrays need no check of an object's shape. */
  readonly #names: readonly string[];
  readonly #lows: Float64Array;
  readonly #highs: Float64Array;
  readonly #isFloat: Uint8Array;

  constructor(manifest: ModelManifest) {
    this.#columns = toColumns(manifest.inputs);
    this.#names = this.#columns.map((column) => column.name);
    this.#indexes = new Map(this.#names.map((name, index) => [name, index]));
    this.#lows = Float64Array.from(this.#columns, (column) => column.low);
    this.#highs = Float64Array.from(this.#columns, (column) => column.high);
    this.#isFloat = Uint8Array.from(this.#columns, (column) => (column.type === "float" ? 1 : 0));
    this.width = this.#columns.length;
    this.texts = manifest.inputs.filter(isKeptAsText).length;
    this.reader = this.texts > 0 ? undefined : new FeatureReader(this.#columns);
  }

  /**
   * Writes one row at `offset`, and its texts at `textOffset`; returns the error that names every wrong field, or
   * undefined.
   *
   * Walks the object in its own order, which for nearly all callers is the manifest's: then a feature costs one
   * comparison of interned strings and one load, without a look-up by name.
   */
  write(
    features: unknown,
    row: Float32Array,
    offset: number,
    texts = NO_TEXTS,
    textOffset = 0,
  ): EngineError | undefined {
    if (typeof features !== "object" || features === null || Array.isArray(features)) return notAnObject();
    const values = features as Readonly<Record<string, unknown>>;
    const names = this.#names;
    const lows = this.#lows;
    const highs = this.#highs;
    let index = 0;
    let present = 0;
    for (const name in values) {
      if (names[index] !== name) {
        index = this.#indexes.get(name) ?? -1;
        if (index < 0) return this.#explain(values);
      }
      const value = values[name];
      if (value !== null) {
        const isPlain = typeof value === "number" && this.#isFloat[index] === 1;
        const number = isPlain ? value : toFloat(this.#columns[index] as Column, value);
        if (!(number >= (lows[index] as number) && number <= (highs[index] as number)))
          return this.#explain(values);
        row[offset + index] = number;
        present++;
      }
      index++;
    }
    const error = present === names.length ? undefined : this.#fillMissing(values, row, offset);
    if (this.texts > 0 && error === undefined) this.#writeTexts(values, texts, textOffset);
    return error;
  }

  /** Keeps the values of inputs that are no floats, all checked. A timestamp is kept as ISO 8601: a float32 would blur it. */
  #writeTexts(values: Readonly<Record<string, unknown>>, texts: string[], textOffset: number): void {
    for (const { name, type, text, fallbackText } of this.#columns) {
      if (text < 0) continue;
      const value = Object.hasOwn(values, name) ? values[name] : null;
      if (value === null) texts[textOffset + text] = fallbackText;
      else texts[textOffset + text] = type === "timestamp" ? isoOf(value) : (value as string);
    }
  }

  /** Sets what the request left out to its default, or to missing. */
  #fillMissing(
    values: Readonly<Record<string, unknown>>,
    row: Float32Array,
    offset: number,
  ): EngineError | undefined {
    for (const [index, { name, fallback }] of this.#columns.entries()) {
      if (Object.hasOwn(values, name) && values[name] !== null) continue;
      if (fallback === undefined) return this.#explain(values);
      row[offset + index] = fallback;
    }
    return undefined;
  }

  #explain(values: Readonly<Record<string, unknown>>): EngineError {
    const details: ErrorDetail[] = [];
    for (const { name, input, fallback } of this.#columns) {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      const missing = value === undefined || value === null;
      const problem = missing
        ? fallback === undefined
          ? "is required"
          : undefined
        : problemWith(input, value);
      if (problem !== undefined) details.push({ field: `features.${name}`, message: problem });
    }
    for (const name of Object.keys(values)) {
      if (!this.#indexes.has(name))
        details.push({
          field: `features.${name.slice(0, 128)}`,
          message: "is no input of this model; see GET /model/schema",
        });
    }
    const first = details[0];
    const more = details.length > 1 ? ` (and ${details.length - 1} more)` : "";
    return new EngineError("INVALID_FEATURES", `${first?.field} ${first?.message}${more}`, {
      details: details.slice(0, DETAILS_MAX),
    });
  }
}

/** Tells whether a value that is there can be written as `input`. */
export function createInputCheck(input: ModelInput): (value: unknown) => boolean {
  const column = toColumn(input, -1);
  return (value) => {
    const number = toFloat(column, value);
    return number >= column.low && number <= column.high;
  };
}

/** NaN stands for "not allowed": it is inside no range. */
function toFloat(column: Column, value: unknown): number {
  switch (column.type) {
    case "float":
      return typeof value === "number" ? value : Number.NaN;
    case "int":
      return Number.isInteger(value) && Math.fround(value as number) === value ? value : Number.NaN;
    case "bool":
      return value === true ? 1 : value === false ? 0 : Number.NaN;
    case "category":
      return column.codes?.get(value) ?? Number.NaN;
    case "text":
      // its length, which the column's range bounds
      return typeof value === "string" ? value.length : Number.NaN;
    case "timestamp":
      return parseTimestamp(value);
  }
}

function toColumns(inputs: readonly ModelInput[]): Column[] {
  let texts = 0;
  return inputs.map((input) => toColumn(input, isKeptAsText(input) ? texts++ : -1));
}

function toColumn(input: ModelInput, text: number): Column {
  const isNumber = input.type === "float" || input.type === "int";
  const codes =
    input.type === "category"
      ? new Map<unknown, number>(input.categories.map((name, code) => [name, code]))
      : undefined;
  const column = {
    input,
    name: input.name,
    type: input.type,
    low: Math.max((isNumber ? input.min : undefined) ?? -FLOAT32_MAX, -FLOAT32_MAX),
    high: Math.min((isNumber ? input.max : undefined) ?? FLOAT32_MAX, FLOAT32_MAX),
    codes,
    fallback: input.nullable === true ? Number.NaN : undefined,
    text,
    fallbackText: "",
  };
  if (input.type === "text") column.high = maxLengthOf(input);
  if (input.default === undefined) return column;
  const fallback = toFloat(column, input.default);
  const fallbackText = input.type === "timestamp" ? isoOf(input.default) : String(input.default);
  return { ...column, fallback, fallbackText };
}

/** What a request is told whose features are no object. */
export function notAnObject(): EngineError {
  const details = [{ field: "features", message: "must be an object of feature names and values" }];
  return new EngineError("INVALID_FEATURES", "features must be an object of feature names and values", {
    details,
  });
}

// hot path
/**
 * Kernels from categories to numbers. A category is a text, or a number as float32; a missing one is looked up like
 * any other, as the null of the list. What is in no list follows the step's rule for unseen categories.
 */
import type { Column, StepLayout } from "../core/column.ts";
import type { StepOf } from "../core/preprocessing.ts";
import { type Frame, type Kernel, type RowProblem, slotsOf } from "./kernel.ts";

const SHOWN_MAX = 10;

type Category = string | number | null;
type Codes = ReadonlyMap<unknown, number>;

/** Code of the value of column `at`, or undefined for one that is in no list. */
class CategoryReader {
  readonly columns: readonly Column[];
  readonly #lists: readonly (readonly Category[])[];
  readonly #codes: readonly Codes[];
  readonly #slots: Int32Array;
  readonly #isText: Uint8Array;

  constructor(columns: readonly Column[], lists: readonly (readonly Category[])[]) {
    this.columns = columns;
    this.#lists = lists;
    this.#codes = columns.map(({ kind }, at) => codesOf(lists[at] ?? [], kind === "text"));
    this.#slots = slotsOf(columns);
    this.#isText = Uint8Array.from(columns, ({ kind }) => (kind === "text" ? 1 : 0));
  }

  codeOf(at: number, { numbers, texts }: Frame): number | undefined {
    const slot = this.#slots[at] as number;
    const codes = this.#codes[at] as Codes;
    return this.#isText[at] === 1 ? codes.get(texts[slot]) : codes.get(Math.fround(numbers[slot] as number));
  }

  /** Of the first column whose value is in no list. */
  problem(frame: Frame): RowProblem {
    const at = this.columns.findIndex((_, index) => this.codeOf(index, frame) === undefined);
    const column = this.columns[Math.max(0, at)] as Column;
    const list = this.#lists[Math.max(0, at)] ?? [];
    const shown = list.slice(0, SHOWN_MAX).map((category) => JSON.stringify(category));
    const more = list.length > SHOWN_MAX ? ` and ${list.length - SHOWN_MAX} more` : "";
    const value = column.kind === "text" ? frame.texts[column.slot] : frame.numbers[column.slot];
    const isMissing = value === "" || Number.isNaN(value);
    const problem = isMissing ? "is required" : "is a category that the model has not seen";
    return { column, message: `${problem}: one of ${shown.join(", ")}${more}` };
  }
}

function codesOf(categories: readonly Category[], isText: boolean): Codes {
  return new Map(
    categories.map((category, code) => {
      if (isText) return [category ?? "", code];
      return [category === null ? Number.NaN : Math.fround(Number(category)), code];
    }),
  );
}

/** Zeros and a one. */
export class OneHotKernel implements Kernel {
  readonly #reader: CategoryReader;
  readonly #to: Int32Array;
  readonly #widths: Int32Array;
  /** 1 when the first category has no number of its own. */
  readonly #dropped: number;
  readonly #isStrict: boolean;

  constructor(step: StepOf<"one_hot_encoder">, { reads, writes }: StepLayout) {
    this.#reader = new CategoryReader(reads, step.categories);
    this.#to = slotsOf(writes);
    this.#widths = Int32Array.from(writes, ({ elements }) => elements.length);
    this.#dropped = step.drop === "first" ? 1 : 0;
    this.#isStrict = step.handle_unknown !== "ignore";
  }

  run(frame: Frame): boolean {
    const { numbers } = frame;
    for (let at = 0; at < this.#to.length; at++) {
      const to = this.#to[at] as number;
      const code = this.#reader.codeOf(at, frame);
      if (code === undefined && this.#isStrict) return false;
      const width = this.#widths[at] as number;
      for (let index = to; index < to + width; index++) numbers[index] = 0;
      if (code !== undefined && code >= this.#dropped) numbers[to + code - this.#dropped] = 1;
    }
    return true;
  }

  problem(frame: Frame): RowProblem {
    return this.#reader.problem(frame);
  }
}

/** The code itself. */
export class OrdinalKernel implements Kernel {
  readonly #reader: CategoryReader;
  readonly #to: Int32Array;
  /** Code of a missing value in the list, per column; -1 if it is not there. */
  readonly #missing: Int32Array;
  readonly #missingValue: number;
  readonly #unknownValue: number;
  readonly #isStrict: boolean;

  constructor(step: StepOf<"ordinal_encoder">, { reads, writes }: StepLayout) {
    this.#reader = new CategoryReader(reads, step.categories);
    this.#to = slotsOf(writes);
    this.#missing = Int32Array.from(step.categories, (categories) => categories.indexOf(null));
    this.#missingValue = step.encoded_missing_value ?? Number.NaN;
    this.#unknownValue = step.unknown_value ?? Number.NaN;
    this.#isStrict = step.handle_unknown !== "use_encoded_value";
  }

  run(frame: Frame): boolean {
    for (let at = 0; at < this.#to.length; at++) {
      const code = this.#reader.codeOf(at, frame);
      if (code === undefined && this.#isStrict) return false;
      frame.numbers[this.#to[at] as number] =
        code === undefined ? this.#unknownValue : code === this.#missing[at] ? this.#missingValue : code;
    }
    return true;
  }

  problem(frame: Frame): RowProblem {
    return this.#reader.problem(frame);
  }
}

/**
 * What a column of labels is of: classes, or a number; and the target of each row.
 *
 * Numbers that are not all whole, or of more than CLASSES_OF_NUMBERS_MAX kinds, are a regression; everything else is classes, sorted:
 * numbers by value, texts by code point, unless another order of the same ones is given. Of two classes the last one is the positive one. Classes are spelled as labels that come
 * later will be: 1.0 is "1", TRUE is "true".
 */
import { fieldInvalid } from "../../core/errors.ts";
import { byCodePoint } from "../../transform/code-point-order.ts";

const CLASSES_OF_NUMBERS_MAX = 20;
const CLASSES_MAX = 1000;
const CLASS_LENGTH_MAX = 256;
const NUMBER = /^[-+]?\d+(\.\d*)?(e[-+]?\d+)?$|^[-+]?\.\d+(e[-+]?\d+)?$/i;
const NO_VALUE = new Set(["", "nan", "na", "n/a", "null", "none"]);

export interface LabelValues {
  /** Absent for a regression. */
  readonly classes?: readonly string[];
  /** Class indexes, or values; NaN for a row without a label. */
  readonly targets: Float64Array;
}

/** @throws EngineError INVALID_REQUEST when there is no label at all, or too many classes. */
export function labelValues(
  column: string,
  texts: readonly (string | null)[],
  order: readonly string[] = [],
): LabelValues {
  const plain = texts.map((text) => {
    const value = (text ?? "").trim();
    return NO_VALUE.has(value.toLowerCase()) ? "" : value;
  });
  const { values, isNumeric } = spelled(plain);
  const distinct = new Set(values);
  distinct.delete("");
  const kinds = [...distinct];
  if (kinds.length === 0) throw fieldInvalid(column, "has no value in any row: name another label column");
  const isContinuous =
    isNumeric &&
    (kinds.some((text) => !Number.isInteger(Number(text))) || kinds.length > CLASSES_OF_NUMBERS_MAX);
  if (isContinuous)
    return { targets: Float64Array.from(values, (text) => (text === "" ? Number.NaN : Number(text))) };
  if (kinds.length > CLASSES_MAX) {
    const example = JSON.stringify(kinds[0]?.slice(0, 50));
    throw fieldInvalid(
      column,
      `has ${kinds.length} different texts, such as ${example}; a label has at most ${CLASSES_MAX} classes`,
    );
  }
  const long = kinds.find((text) => text.length > CLASS_LENGTH_MAX);
  if (long !== undefined)
    throw fieldInvalid(
      column,
      `has a class of more than ${CLASS_LENGTH_MAX} characters: ${long.slice(0, 50)}…`,
    );
  const sorted = isNumeric ? kinds.sort((a, b) => Number(a) - Number(b)) : kinds.sort(byCodePoint);
  const isSame = order.length === kinds.length && order.every((name) => distinct.has(name));
  const classes = isSame ? order : sorted;
  const places = new Map(classes.map((name, place) => [name, place]));
  return { classes, targets: Float64Array.from(values, (text) => places.get(text) ?? Number.NaN) };
}

/** The one spelling of each number, if all are numbers, and of true and false. "" stays: it is no value. */
function spelled(texts: readonly string[]): {
  readonly values: readonly string[];
  readonly isNumeric: boolean;
} {
  const kinds = new Set(texts);
  kinds.delete("");
  const are = (isOne: (text: string) => boolean): boolean => kinds.size > 0 && [...kinds].every(isOne);
  const isNumeric = are((text) => NUMBER.test(text) && Number.isFinite(Number(text)));
  if (isNumeric) return { isNumeric, values: texts.map((text) => (text === "" ? "" : String(Number(text)))) };
  const isBoolean = are((text) => /^(true|false)$/i.test(text));
  return { isNumeric, values: isBoolean ? texts.map((text) => text.toLowerCase()) : texts };
}

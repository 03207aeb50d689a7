/**
 * What is wrong with rows to train on, said before training: what nothing can be learned from is refused, what is odd is noted.
 *
 *     table → checkTable → notes          then, of its split:  checkClasses
 */
import { EngineError, type ErrorDetail } from "../../core/errors.ts";
import { isKeptAsText } from "../../core/model-input.ts";
import type { LeakageRule } from "../../core/training-data.ts";
import { murmurHash32 } from "../../features/murmur-hash.ts";
import { labelShares } from "./leakage.ts";
import { unknownName } from "./nearest-name.ts";
import type { DataSplit } from "./splits.ts";
import type { DataNote, TrainingTable } from "./training-table.ts";

/** Fewer rows are no data set. */
const ROWS_MIN = 20;
/** Rows of each class that a part must have: one to learn from is no class. */
const CLASS_ROWS_MIN = { training: 2, validation: 1, test: 1 } as const;
const NAMES_SHOWN = 10;

/**
 * Notes on features without values or with a single one, on rows that are there twice, and on leaks that are allowed.
 * @throws EngineError INVALID_REQUEST for too few rows, a constant label, one class, a feature that gives the label away, and an
 * allowed leak that is no feature.
 */
export function checkTable(table: TrainingTable, leakage: LeakageRule): DataNote[] {
  const { raw, targets, classes, inputs } = table;
  if (raw.count < ROWS_MIN)
    throw invalid([
      { field: "data", message: `has ${raw.count} rows with a label; give at least ${ROWS_MIN}` },
    ]);
  checkLabel(targets, classes);
  const names = inputs.map(({ name }) => name);
  for (const [at, name] of leakage.allow.entries())
    if (!names.includes(name))
      throw invalid([{ field: `leakage.allow.${at}`, message: unknownName(name, names) }]);
  return [...notesOnFeatures(table), ...notesOnRepeats(table), ...checkLeaks(table, leakage)];
}

/** @throws EngineError INVALID_REQUEST naming the classes that a part of the split has too few rows of. */
export function checkClasses({ targets, classes }: TrainingTable, { final, test, folds }: DataSplit): void {
  if (classes === undefined) return;
  const parts = [
    { name: "training", rows: final.training, least: CLASS_ROWS_MIN.training },
    { name: "validation", rows: final.validation, least: CLASS_ROWS_MIN.validation },
    { name: "test", rows: test, least: CLASS_ROWS_MIN.test },
    ...folds.map(({ training }, at) => ({
      name: `training of fold ${at + 1}`,
      rows: training,
      least: CLASS_ROWS_MIN.training,
    })),
  ];
  for (const { name, rows, least } of parts) {
    if (rows.length === 0) continue; // the split has refused what must not be
    const counts = countsOf(rows, targets, classes.length);
    const few = classes.filter((_, at) => (counts[at] as number) < least);
    if (few.length === 0) continue;
    const all = countsOf(Uint32Array.from(targets.keys()), targets, classes.length);
    const told = few.map((className) => `"${className}" (${all[classes.indexOf(className)]} rows in all)`);
    const message = `${name} has fewer than ${least} rows of ${listed(told)}: give more rows of them, leave them out, or take other shares`;
    throw invalid([{ field: "label", message }]);
  }
}

function checkLabel(targets: Float64Array, classes: readonly string[] | undefined): void {
  const [first] = targets;
  if (targets.some((target) => target !== first)) return;
  const value = classes === undefined ? String(first) : `"${classes[first as number]}"`;
  const what = classes === undefined ? "is constant" : "has one class only";
  throw invalid([
    {
      field: "label",
      message: `${what}: all ${targets.length} rows have ${value}, so there is nothing to learn`,
    },
  ]);
}

function notesOnFeatures({ inputs, raw }: TrainingTable): DataNote[] {
  const textWidth = raw.texts.length / raw.count;
  let texts = 0;
  return inputs.flatMap((input, at): DataNote[] => {
    const place = isKeptAsText(input) ? texts++ : -1;
    const valueAt = (row: number): string | number =>
      place < 0
        ? (raw.numbers[row * inputs.length + at] as number)
        : (raw.texts[row * textWidth + place] as string);
    const first = valueAt(0);
    for (let row = 1; row < raw.count; row++) if (!Object.is(valueAt(row), first)) return [];
    if (first === "" || Number.isNaN(first))
      return [{ field: input.name, message: "has no value in any row: nothing can be learned from it" }];
    const value = input.type === "category" ? input.categories[Number(first)] : first;
    return [{ field: input.name, message: `is ${JSON.stringify(value)} in every row: it teaches nothing` }];
  });
}

/** Rows that agree in all values and the label, told by a hash of 53 bits. */
function notesOnRepeats({ raw, targets, inputs }: TrainingTable): DataNote[] {
  const textWidth = raw.texts.length / raw.count;
  const bytes = Buffer.from(raw.numbers.buffer, raw.numbers.byteOffset, raw.numbers.byteLength);
  const width = 4 * inputs.length;
  const keys = new Float64Array(raw.count);
  for (let row = 0; row < raw.count; row++) {
    const numbers = bytes.toString("latin1", row * width, (row + 1) * width);
    const texts = raw.texts.slice(row * textWidth, (row + 1) * textWidth).join("\u0000");
    const content = `${numbers}\u0000${texts}\u0000${targets[row]}`;
    keys[row] = murmurHash32(content) * 2 ** 21 + (murmurHash32(`2${content}`) >>> 11);
  }
  keys.sort();
  let repeats = 0;
  for (let at = 1; at < keys.length; at++) if (keys[at] === keys[at - 1]) repeats++;
  if (repeats === 0) return [];
  const share = ((100 * repeats) / raw.count).toFixed(1);
  const message = `${repeats} rows (${share} %) are there more than once: where rows are split by time, entity or prediction, the same row may train and judge a model`;
  return [{ field: "data", message }];
}

function checkLeaks(table: TrainingTable, { threshold, allow }: LeakageRule): DataNote[] {
  const leaks = labelShares(table).filter(({ share }) => share >= threshold);
  const said = ({ name, share }: { readonly name: string; readonly share: number }): ErrorDetail => ({
    field: name,
    message: `says ${(100 * share).toFixed(1)} % of the label alone, so it probably follows from it`,
  });
  const refused = leaks.filter(({ name }) => !allow.includes(name)).map(said);
  if (refused.length > 0)
    throw invalid(
      refused.map(({ field, message }) => ({
        field,
        message: `${message}: exclude it from the features, or allow it (leakage.allow; millrace train: --allow-leak) if it is known before the label is`,
      })),
    );
  return leaks.map(said);
}

function countsOf(rows: Uint32Array, targets: Float64Array, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const row of rows) counts[targets[row] as number] = (counts[targets[row] as number] as number) + 1;
  return counts;
}

function listed(texts: readonly string[]): string {
  const more = texts.length - NAMES_SHOWN;
  return `${texts.slice(0, NAMES_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function invalid(details: readonly ErrorDetail[]): EngineError {
  const [first] = details;
  return new EngineError("INVALID_REQUEST", `${first?.field}: ${first?.message}`, { details });
}

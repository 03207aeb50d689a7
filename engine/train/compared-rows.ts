/**
 * Rows as another model than the one they were read for takes them: its own inputs, by name. So a version in production is judged on the
 * rows of a new one, whatever that has learned from.
 */
import { type EngineError, fieldInvalid } from "../core/errors.ts";
import { type ModelManifest, modelKey } from "../core/manifest.ts";
import { isKeptAsText, type ModelInput } from "../core/model-input.ts";
import type { RawRows } from "../transform/raw-rows.ts";
import { rawColumn, rowsAt, type TrainingTable } from "./data/training-table.ts";

/** Before anything is trained. @throws EngineError as rowsFor. */
export function checkComparable(manifest: ModelManifest, table: TrainingTable): void {
  rowsFor(manifest, rowsAt(table, new Uint32Array(0)));
}

/** @throws EngineError INVALID_REQUEST when the rows lack an input, or have it as something else, or the labels are others. */
export function rowsFor(manifest: ModelManifest, table: TrainingTable): RawRows {
  checkClasses(manifest, table);
  const { inputs } = manifest;
  const count = table.raw.count;
  const numbers = new Float32Array(count * inputs.length);
  const kept = inputs.filter(isKeptAsText);
  const texts = Array.from({ length: count * kept.length }, () => "");
  let place = 0;
  for (const [at, input] of inputs.entries()) {
    const column = columnOf(manifest, input, table);
    if (isKeptAsText(input)) {
      for (let row = 0; row < count; row++) texts[row * kept.length + place] = column[row] as string;
      place++;
    } else {
      const codes =
        input.type === "category" ? new Map(input.categories.map((name, code) => [name, code])) : undefined;
      for (let row = 0; row < count; row++) {
        const value = column[row] as string | number;
        numbers[row * inputs.length + at] =
          codes === undefined ? (value as number) : (codes.get(String(value)) ?? Number.NaN);
      }
    }
  }
  return { count, numbers, texts };
}

function columnOf(
  manifest: ModelManifest,
  input: ModelInput,
  table: TrainingTable,
): Float32Array | readonly string[] {
  const at = table.inputs.findIndex(({ name }) => name === input.name);
  const other = `${modelKey(manifest)}, which is compared on these rows`;
  if (at < 0)
    throw invalid(
      `has no column ${input.name}, an input of ${other}: read it too, and exclude it from the features if need be`,
    );
  const column = rawColumn(table, at);
  const isNumber = column instanceof Float32Array;
  if (isNumber === (isKeptAsText(input) || input.type === "category"))
    throw invalid(`has ${input.name} as ${table.inputs[at]?.type}, where ${other}, takes ${input.type}`);
  return column;
}

function checkClasses(manifest: ModelManifest, table: TrainingTable): void {
  const { classes } = manifest;
  if (JSON.stringify(classes) === JSON.stringify(table.classes)) return;
  const shown = (names: readonly string[] | undefined): string => names?.slice(0, 20).join(", ") ?? "numbers";
  throw invalid(
    `has the labels ${shown(table.classes)}, where ${modelKey(manifest)} has ${shown(classes)}: they cannot be compared; ` +
      "train it as a model of another name",
  );
}

function invalid(message: string): EngineError {
  return fieldInvalid("data", message);
}

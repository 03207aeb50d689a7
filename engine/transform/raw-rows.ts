/**
 * Raw rows as a batch holds them and the prediction log keeps them: what a pipeline is fitted on, and what it transforms.
 */
import { isKeptAsText, type ModelInput } from "../core/model-input.ts";

export interface RawRows {
  readonly count: number;
  /** count × inputs: numbers, booleans as 0 and 1, categories as their index; NaN for missing. 0 for kept as text. */
  readonly numbers: Float32Array;
  /** count × inputs that are kept as text, in their order: texts, and timestamps as ISO 8601 in UTC; "" for missing. */
  readonly texts: readonly string[];
}

/** The columns `features` and `categories` of a row in `predictions`; JSON has null for NaN. */
export interface LoggedRow {
  readonly features: readonly (number | null)[];
  readonly categories: readonly string[];
}

/** Rows of the prediction log as they were served: the way back from log-row, for training. */
export function fromLoggedRows(inputs: readonly ModelInput[], rows: readonly LoggedRow[]): RawRows {
  const numbers = new Float32Array(rows.length * inputs.length);
  const texts: string[] = [];
  const codes = inputs.map((input) =>
    input.type === "category" ? new Map(input.categories.map((name, code) => [name, code])) : undefined,
  );
  for (const [row, { features, categories }] of rows.entries()) {
    let number = 0;
    let text = 0;
    for (const [at, input] of inputs.entries()) {
      const place = row * inputs.length + at;
      if (isKeptAsText(input)) texts.push(categories[text++] ?? "");
      else if (input.type === "category")
        numbers[place] = codes[at]?.get(categories[text++] ?? "") ?? Number.NaN;
      else numbers[place] = features[number++] ?? Number.NaN;
    }
  }
  return { count: rows.length, numbers, texts };
}

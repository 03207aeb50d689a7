/** What the rows of a request are written from, and how it is said what is wrong with them. */
import { EngineError, toEngineError } from "../core/errors.ts";

export interface InputRows {
  readonly count: number;
  /** What is written for row `index`; to be used before it is asked for the next. */
  sourceOf(index: number): unknown;
  /** Whose features are looked up for row `index`, by entity key, where tensors say so. */
  entitiesOf?(index: number): Readonly<Record<string, string>>;
}

/** INVALID_REQUEST for a tensor of a request. */
export function tensorInvalid(name: string, message: string): EngineError {
  const shown = name.slice(0, 128);
  return new EngineError("INVALID_REQUEST", `input tensor ${JSON.stringify(shown)} ${message}`, {
    details: [{ field: `inputs.${shown}`, message }],
  });
}

/** What is wrong with a row's features, with the row's number in front. */
export function rowInvalid(row: number, error: unknown): EngineError {
  const { code, message, details } = toEngineError(error);
  return new EngineError(code, `row ${row}: ${message}`, { details });
}

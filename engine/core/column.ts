/**
 * A column of a row under way through preprocessing: what it holds, where, and which step reads or makes it.
 */
import { EngineError } from "./errors.ts";
import type { ModelInput } from "./model-input.ts";
import type { PreprocessingStep } from "./preprocessing.ts";

/** time: milliseconds since 1970. */
export type ColumnKind = "number" | "text" | "time";
export type LayoutInput = Pick<ModelInput, "name" | "type" | "nullable">;
export type Category = string | number | null;

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Place of its first number, or of its text. */
  readonly slot: number;
  /** A name for each of its numbers: its own name for the one of most columns. */
  readonly elements: readonly string[];
  readonly mayBeMissing: boolean;
  /** The input that it comes from, the first one if there are several: errors name it. */
  readonly input: string;
}

export interface StepLayout {
  readonly step: PreprocessingStep;
  readonly reads: readonly Column[];
  readonly writes: readonly Column[];
}

/** The error of one step: `field` within it. */
export function stepInvalid(index: number, field: string, message: string): EngineError {
  const details = [{ field: `preprocessing.${index}.${field}`, message }];
  return new EngineError("MODEL_INVALID", `preprocessing.${index}.${field}: ${message}`, { details });
}

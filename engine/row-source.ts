/**
 * A row's values in a form of their own, beside the object of features by name: read from a request's bytes, or out of tensors.
 * Used at once: what it reads from may be gone when `accept` has returned.
 */
import type { EngineError } from "./core/errors.ts";

/** Where a row's values lie in a batch, and what writes them there. */
export interface RowPlan {
  /** Floats per row. */
  readonly width: number;
  /** Texts per row. */
  readonly texts: number;
  /** Writes features by name; returns what is wrong with them, or undefined. */
  write(
    features: unknown,
    row: Float32Array,
    offset: number,
    texts?: string[],
    textOffset?: number,
  ): EngineError | undefined;
}

export abstract class RowSource {
  /** What the plan's `write` does with features by name. */
  abstract write(
    plan: RowPlan,
    row: Float32Array,
    offset: number,
    texts: string[],
    textOffset: number,
  ): EngineError | undefined;

  /** As features by name, for those that are completed by what is looked up. */
  abstract parse(): unknown;
}

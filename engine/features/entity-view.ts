/**
 * What features of an entity are worked out of, whether it is read from the store or from the history: the same code
 * makes values of both, so that what training sees is what was served.
 */
import type { FieldValue } from "../core/feature-event.ts";
import type { Column } from "./column.ts";

/** What a window's events add up to: one tile of the column's layout, and the hashes of distinct values. */
export interface WindowTotals {
  readonly tile: Float64Array;
  readonly hashes: number[];
}

export interface EntityValues {
  /** The last event that is in the values, by its sequence in the stream. */
  readonly seq: number;
  /** Whether all events are in a column or field, by its key (see known-columns); if not, nothing can be said of it. */
  has(key: string): boolean;
  /** The last value of a field, or undefined. */
  value(fieldId: number): Exclude<FieldValue, null> | undefined;
  /** Event time of the last value of a field, ms; 0 if there is none. */
  eventMs(fieldId: number): number;
  /** What the window that ends at `asOfMs` adds up to. */
  window(column: Column, asOfMs: number): WindowTotals;
}

/** The values of an entity; `undefined`: it has none, `null`: they cannot be had now. */
export type EntityView = EntityValues | undefined | null;

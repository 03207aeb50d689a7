/**
 * The history of feature events: what was known of an entity at a moment, as totals of windows and last values.
 *
 * A contract between the features that are worked out of it (engine/features) and the tables that hold it (storage). What
 * it gives are accumulators, exact to the last bit; what becomes of them is the same code as when features are served.
 */
import type { FieldValue } from "./feature-event.ts";
import type { OnlineFeature } from "./feature-set.ts";

/** A windowed aggregation, as features/column keeps it. */
export interface HistoryColumn {
  /** Undefined: events are counted. */
  readonly field: string | undefined;
  readonly filter: { readonly field: string; readonly in: ReadonlySet<FieldValue> } | undefined;
  readonly hopMs: number;
  /** Tiles of a window, the one of the moment included. */
  readonly tiles: number;
  /** Sums are of floor(value * scale + 0.5). */
  readonly scale: number;
  readonly latenessMs: number;
  /** What is asked for, beside the count of events. */
  readonly parts: ReadonlySet<HistoryPart>;
  readonly rules: EventRules;
}

/** A field whose last value is asked for. */
export interface HistoryField {
  readonly name: string;
  readonly rules: EventRules;
}

export type HistoryPart = "sum" | "squares" | "extremes" | "edges" | "distinct";

/** What an event's field must be for the event to count at all: an online feature's value, or a number to aggregate. */
export type FieldRule =
  | { readonly field: string; readonly online: OnlineFeature }
  | {
      readonly field: string;
      /** Name of the feature that aggregates it. */
      readonly aggregate: string;
      /** The number's magnitude is below it. */
      readonly below: number;
    };

/** What one version of a set asks of events, for all that it keeps of them: an event that breaks one counts for none of it. */
export interface EventRules {
  /** The same for equal rules. */
  readonly id: string;
  readonly list: readonly FieldRule[];
}

export interface HistoryPlan {
  readonly entityType: string;
  readonly columns: readonly HistoryColumn[];
  readonly fields: readonly HistoryField[];
}

/** Whose events are asked for, and as they were known when. */
export interface HistoryMoment {
  readonly entityId: string;
  /** Moment that windows end at, ms. */
  readonly asOfMs: number;
  /**
   * The last event that was known, by its sequence in the stream; 0: none was. Undefined: what had arrived by the moment,
   * the moment included.
   */
  readonly seq: number | undefined;
}

export interface WindowTotal {
  readonly count: number;
  readonly sum: bigint;
  readonly squares: bigint;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
  /** The smallest hashes of its distinct values, ascending. */
  readonly hashes: readonly number[];
}

export interface KnownValue {
  readonly value: Exclude<FieldValue, null>;
  readonly eventMs: number;
}

/** What was known of an entity at a moment. */
export interface HistoryEntity {
  /** In the order of the plan's columns; undefined: no event is in the window. Parts not asked for are 0 or empty. */
  readonly windows: readonly (WindowTotal | undefined)[];
  /** In the order of the plan's fields. */
  readonly values: readonly (KnownValue | undefined)[];
}

export interface FeatureHistory {
  /**
   * What was known at each moment, in their order.
   * @throws EngineError SERVICE_UNAVAILABLE when the history cannot be read.
   */
  read(plan: HistoryPlan, moments: readonly HistoryMoment[]): Promise<readonly HistoryEntity[]>;
}

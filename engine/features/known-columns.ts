/**
 * Which columns and fields of the active feature sets are known: hold all events up to the ingester's position. Only
 * these take further events; the others are missing until they are filled from history.
 *
 * Immutable: made anew whenever sets or keys change. A key is `<entity type>:c:<column id>` or `<entity type>:f:<field id>`.
 */
import type { Column } from "./column.ts";
import { type ColumnPlan, isEmptyPlan, type KeptField, restrictPlan } from "./column-plan.ts";

export interface MissingColumns {
  readonly entityType: string;
  /** The plan of the type, of the missing columns and fields only. */
  readonly plan: ColumnPlan;
}

/** The keys of all that a plan has. */
export function columnKeys(entityType: string, { columns, fields }: ColumnPlan): string[] {
  return [
    ...columns.map(({ id }) => columnKey(entityType, id)),
    ...fields.map(({ id }) => fieldKey(entityType, id)),
  ];
}

export function columnKey(entityType: string, id: number): string {
  return `${entityType}:c:${id.toString(36)}`;
}

export function fieldKey(entityType: string, id: number): string {
  return `${entityType}:f:${id.toString(36)}`;
}

export class KnownColumns {
  /** Of the active feature sets, by entity type. */
  readonly plans: ReadonlyMap<string, ColumnPlan>;
  /** Keys of what is active and known, in ascending order. */
  readonly keys: readonly string[];
  readonly missing: readonly MissingColumns[];
  readonly #known: ReadonlyMap<string, ColumnPlan>;

  constructor(plans: ReadonlyMap<string, ColumnPlan>, isKnown: (key: string) => boolean) {
    this.plans = plans;
    this.keys = [...plans].flatMap(([type, plan]) => columnKeys(type, plan).filter(isKnown)).sort();
    this.#known = restrict(plans, isKnown);
    const missing = restrict(plans, (key) => !isKnown(key));
    this.missing = [...missing].flatMap(([entityType, plan]) =>
      isEmptyPlan(plan) ? [] : { entityType, plan },
    );
  }

  /** What events of a type are kept as now, and checked by; undefined when no set has the type. */
  planOf(entityType: string): ColumnPlan | undefined {
    return this.#known.get(entityType);
  }
}

/** The plans without what is not taken; events are checked by all of it all the same. */
function restrict(
  plans: ReadonlyMap<string, ColumnPlan>,
  isTaken: (key: string) => boolean,
): Map<string, ColumnPlan> {
  return new Map(
    [...plans].map(([type, plan]) => {
      const keyOf = (one: Column | KeptField): string =>
        "layout" in one ? columnKey(type, one.id) : fieldKey(type, one.id);
      return [type, restrictPlan(plan, (one) => isTaken(keyOf(one)))];
    }),
  );
}

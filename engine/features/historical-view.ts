/**
 * An entity as it was known at a moment of the past, read from the history: the counterpart of a state's view.
 */
import type { HistoryEntity, HistoryPlan, KnownValue, WindowTotal } from "../core/feature-history.ts";
import { COUNT_AT, type Column, clearTile } from "./column.ts";
import type { EntityValues, WindowTotals } from "./entity-view.ts";
import { fromBigInt } from "./exact-sum.ts";

/** How a history's answers are found by what a lookup asks for. */
export interface ViewLayout {
  readonly plan: HistoryPlan;
  /** By column id: index in the plan's columns. */
  readonly columns: ReadonlyMap<number, number>;
  /** By field id: index in the plan's fields. */
  readonly fields: ReadonlyMap<number, number>;
}

export class HistoricalView implements EntityValues {
  readonly seq: number;
  readonly #layout: ViewLayout;
  readonly #entity: HistoryEntity;
  readonly #unavailable: ReadonlySet<string>;

  /**
   * @param seq the last event that the values are to hold; 0 when the moment is told by time.
   * @param unavailable keys of columns and fields that could not be had then.
   */
  constructor(layout: ViewLayout, entity: HistoryEntity, seq: number, unavailable: ReadonlySet<string>) {
    this.#unavailable = unavailable;
    this.#layout = layout;
    this.#entity = entity;
    this.seq = seq;
  }

  has(key: string): boolean {
    return !this.#unavailable.has(key);
  }

  value(fieldId: number): KnownValue["value"] | undefined {
    return this.#known(fieldId)?.value;
  }

  eventMs(fieldId: number): number {
    return this.#known(fieldId)?.eventMs ?? 0;
  }

  /** The moment is that of the reading, whatever is asked for. */
  window(column: Column): WindowTotals {
    const index = this.#layout.columns.get(column.id);
    const total = index === undefined ? undefined : this.#entity.windows[index];
    const tile = new Float64Array(column.layout.stride);
    clearTile(column.layout, tile, 0, 0);
    if (total !== undefined) fillTile(column, tile, total);
    return { tile, hashes: [...(total?.hashes ?? [])] };
  }

  #known(fieldId: number): KnownValue | undefined {
    const index = this.#layout.fields.get(fieldId);
    return index === undefined ? undefined : this.#entity.values[index];
  }
}

/** As if all events of the window were in one tile; times and sequences of first and last are not needed any more. */
function fillTile({ layout }: Column, tile: Float64Array, total: WindowTotal): void {
  tile[COUNT_AT] = total.count;
  if (layout.sumAt >= 0) tile.set(fromBigInt(total.sum), layout.sumAt);
  if (layout.squaresAt >= 0) tile.set(fromBigInt(total.squares), layout.squaresAt);
  if (layout.extremesAt >= 0) tile.set([total.min, total.max], layout.extremesAt);
  if (layout.edgesAt >= 0) tile.set([0, 0, total.first, 0, 0, total.last], layout.edgesAt);
}

// hot path
/**
 * The state of one entity while the ingester changes it: last values by field, tiles by column, and the sequence of the
 * last event applied. Its bytes are laid out as state-layout says.
 *
 * Invariant: every event is applied once, in the order of the stream; one at or before `seq` of the same epoch changes
 * nothing, so a replay is harmless. Bound: fields and columns of the plan, tiles of each window.
 */
import type { FeatureEvent, FieldValue } from "../core/feature-event.ts";
import { addToTile, type Column, clearTile, tileOf } from "./column.ts";
import type { ColumnPlan } from "./column-plan.ts";
import { addHash, distinctHash } from "./distinct-count.ts";
import {
  type ColumnTiles,
  type LastValue,
  readState,
  type StateParts,
  stateBytes,
  writeState,
} from "./state-layout.ts";

export class EntityState implements StateParts {
  epoch = 0;
  seq = 0;
  readonly values = new Map<number, LastValue>();
  readonly columns = new Map<number, ColumnTiles>();

  /** The state in `bytes`, or an empty one. */
  static from(bytes: Buffer | undefined): EntityState {
    const state = new EntityState();
    if (bytes !== undefined) readState(bytes, state);
    return state;
  }

  toBuffer(): Buffer {
    const bytes = Buffer.allocUnsafe(stateBytes(this));
    writeState(bytes, this);
    return bytes;
  }

  /**
   * Applies an event that the whole plan takes. `seen`: it was applied before. `too_late`: it came after every
   * window's lateness, and no window took it; last values go by event time alone.
   */
  apply(event: FeatureEvent, epoch: number, plan: ColumnPlan): "applied" | "too_late" | "seen" {
    if (epoch === this.epoch && event.seq <= this.seq) return "seen";
    this.epoch = epoch;
    this.seq = event.seq;
    this.#setValues(event, plan);
    if (!event.isEvent || plan.columns.length === 0) return "applied";
    const latenessMs = event.arrivalMs - event.eventMs;
    for (const column of plan.columns) if (latenessMs <= column.latenessMs) this.#addTo(column, event);
    return latenessMs > plan.latenessMs ? "too_late" : "applied";
  }

  /** Forgets values and columns that the plan does not know. */
  retain(plan: ColumnPlan): void {
    const fields = new Set(plan.fields.map(({ id }) => id));
    const columns = new Set(plan.columns.map(({ id }) => id));
    for (const id of this.values.keys()) if (!fields.has(id)) this.values.delete(id);
    for (const id of this.columns.keys()) if (!columns.has(id)) this.columns.delete(id);
  }

  /** Takes what `other` has of the plan's values and columns in place of its own, and its last event if that is later. */
  adopt(other: EntityState, plan: ColumnPlan): void {
    for (const { id } of plan.fields) replace(this.values, id, other.values.get(id));
    for (const { id } of plan.columns) replace(this.columns, id, other.columns.get(id));
    if (other.epoch < this.epoch || (other.epoch === this.epoch && other.seq <= this.seq)) return;
    this.epoch = other.epoch;
    this.seq = other.seq;
  }

  #setValues({ fields, eventMs, seq }: FeatureEvent, plan: ColumnPlan): void {
    for (const { id, name } of plan.fields) {
      const value = Object.hasOwn(fields, name) ? (fields[name] as FieldValue) : null;
      if (value === null) continue;
      const known = this.values.get(id);
      if (known === undefined) this.values.set(id, { eventMs, seq, value });
      else if (eventMs >= known.eventMs) {
        known.eventMs = eventMs;
        known.seq = seq;
        known.value = value;
      }
    }
  }

  #addTo(column: Column, event: FeatureEvent): void {
    const { field, filter, hopMs, layout } = column;
    const { fields } = event;
    if (filter !== undefined && !filter.in.has(fields[filter.field] ?? null)) return;
    const value = field === undefined ? 0 : (fields[field] ?? null);
    if (value === null) return;
    const newest = tileOf(event.arrivalMs, hopMs);
    const tile = tileOf(event.eventMs, hopMs);
    if (tile <= newest - column.tiles) return;
    const kept = this.#tilesOf(column);
    const at = tileAt(kept, column, tile, newest);
    if (layout.hasDistinct) {
      const hashes = kept.hashes?.get(tile) ?? [];
      addHash(hashes, distinctHash(value));
      kept.hashes?.set(tile, hashes);
    }
    addToTile(column, kept.tiles, at, Number(value), event.eventMs, event.seq);
  }

  #tilesOf({ id, layout }: Column): ColumnTiles {
    const known = this.columns.get(id);
    if (known !== undefined) return known;
    const { stride, hasDistinct } = layout;
    const hashes = hasDistinct ? new Map<number, number[]>() : undefined;
    const tiles = { tiles: new Float64Array(2 * stride), count: 0, stride, hashes };
    this.columns.set(id, tiles);
    return tiles;
  }
}

function replace<T>(map: Map<number, T>, id: number, value: T | undefined): void {
  if (value === undefined) map.delete(id);
  else map.set(id, value);
}

/** Where the tile begins, made if it is not there; tiles that no window reaches any more are dropped then. */
function tileAt(kept: ColumnTiles, column: Column, tile: number, newest: number): number {
  const { stride } = kept;
  let index = kept.count;
  while (index > 0 && (kept.tiles[(index - 1) * stride] as number) >= tile) index--;
  if (index < kept.count && kept.tiles[index * stride] === tile) return index * stride;
  const dropped = dropBefore(kept, newest - column.tiles);
  index = Math.max(0, index - dropped);
  if ((kept.count + 1) * stride > kept.tiles.length) {
    const grown = new Float64Array(kept.tiles.length * 2);
    grown.set(kept.tiles);
    kept.tiles = grown;
  }
  kept.tiles.copyWithin((index + 1) * stride, index * stride, kept.count * stride);
  clearTile(column.layout, kept.tiles, index * stride, tile);
  kept.count++;
  return index * stride;
}

/** Drops tiles numbered below `oldest`; how many. */
function dropBefore(kept: ColumnTiles, oldest: number): number {
  const { stride } = kept;
  let dropped = 0;
  while (dropped < kept.count && (kept.tiles[dropped * stride] as number) < oldest) {
    kept.hashes?.delete(kept.tiles[dropped * stride] as number);
    dropped++;
  }
  kept.tiles.copyWithin(0, dropped * stride, kept.count * stride);
  kept.count -= dropped;
  return dropped;
}

/**
 * The values of a feature set for cards: as a store's states have them, and computed from all events by the definition.
 * Windows must be so long that all events are in them.
 */
import type { EntityStore } from "../../engine/core/entity-store.ts";
import type { FeatureSet, WindowFeature } from "../../engine/core/feature-set.ts";
import { columnsOf, fieldOf, keptField } from "../../engine/features/column-plan.ts";
import { distinctCount, distinctHash } from "../../engine/features/distinct-count.ts";
import { StateView } from "../../engine/features/state-view.ts";
import { windowValue } from "../../engine/features/window-value.ts";
import { CARD, type CardEvent } from "./feature-events.ts";

type Values = Readonly<Record<string, unknown>>;

/** By card: the value of each online and window feature, from the events in the order of the stream, each once. */
export function recomputed(set: FeatureSet, events: Iterable<CardEvent>): Map<string, Values> {
  const byId = new Map<string, CardEvent>();
  for (const event of events) if (!byId.has(event.event_id)) byId.set(event.event_id, event);
  const byCard = new Map<string, CardEvent[]>();
  for (const event of byId.values())
    byCard.set(event.entity_id, [...(byCard.get(event.entity_id) ?? []), event]);
  return new Map(
    [...byCard].map(([id, own]) => {
      const values: Record<string, unknown> = {};
      for (const feature of set.features) {
        if (feature.kind === "window") values[feature.name] = aggregated(feature, own);
        if (feature.kind === "online") values[feature.name] = lastOf(own, fieldOf(feature));
      }
      return [id, values];
    }),
  );
}

function aggregated({ aggregation, field = "" }: WindowFeature, events: readonly CardEvent[]): unknown {
  if (aggregation === "count") return events.length;
  const values = events.map(({ event }) => event[field as "amount"]).filter((value) => value !== null);
  const hundredths = values.reduce((sum, value) => sum + Math.round(value * 100), 0);
  switch (aggregation) {
    case "sum":
      return hundredths / 100;
    case "mean":
      return values.length === 0 ? undefined : hundredths / 100 / values.length;
    case "max":
      return Math.max(...values);
    case "distinct_count":
      return distinctCount([...new Set(values.map(distinctHash))]);
    case "min":
    case "stddev":
    case "first":
    case "last":
      throw new Error(`${aggregation} is not recomputed here`);
  }
}

function lastOf(events: readonly CardEvent[], field: string): unknown {
  let last: CardEvent | undefined;
  for (const event of events)
    if (event.event[field as "amount"] !== null && event.event_time >= (last?.event_time ?? 0)) last = event;
  return last?.event[field as "amount"];
}

/** The same from the states; cards without one are left out. */
export async function storedValues(
  store: Pick<EntityStore, "read">,
  set: FeatureSet,
  ids: Iterable<string>,
): Promise<Map<string, Values>> {
  const keys = [...ids].map((id) => ({ type: CARD, id }));
  const columns = columnsOf(set);
  const nowMs = Date.now();
  const found = new Map<string, Values>();
  for (const [index, state] of (await store.read(keys)).entries()) {
    if (state === undefined) continue;
    const view = new StateView(state);
    const values: Record<string, unknown> = {};
    for (const feature of set.features) {
      const column = columns.get(feature.name);
      if (feature.kind === "window" && column !== undefined)
        values[feature.name] = windowValue(feature.aggregation, column, view.window(column, nowMs));
      if (feature.kind === "online") values[feature.name] = view.value(keptField(set, feature).id);
    }
    found.set(keys[index]?.id ?? "", values);
  }
  return found;
}

/**
 * Feature events of cards for tests, and what must be known of each card after them: how many events, of what sum, and the
 * last city. The windows are long, so that it does not matter when a test reads them.
 */
import type { EntityStore } from "../../engine/core/entity-store.ts";
import { type FeatureSet, parseFeatureSet } from "../../engine/core/feature-set.ts";
import { type ColumnPlan, columnsOf, compileColumns } from "../../engine/features/column-plan.ts";
import { StateView } from "../../engine/features/state-view.ts";
import { windowValue } from "../../engine/features/window-value.ts";

export const CARD = "card";

export function cardSet(): FeatureSet {
  const window = { kind: "window", window: "30d" };
  return parseFeatureSet({
    name: "cards",
    version: "1.0.0",
    entity: { type: CARD, key: "card_id" },
    lateness: "1h",
    features: [
      { ...window, name: "events", aggregation: "count" },
      { ...window, name: "amount", aggregation: "sum", field: "amount" },
      { ...window, name: "amount_1h", window: "1h", aggregation: "mean", field: "amount" },
      { name: "city", kind: "online", type: "category", categories: ["Bern", "Chur", "Genf"] },
    ],
  });
}

/** The next version of the card set: other windows and fields beside most of the first's. */
export function widerCardSet(): FeatureSet {
  const first = cardSet();
  const window = { kind: "window", field: "amount" };
  return parseFeatureSet({
    ...first,
    version: "2.0.0",
    features: [
      ...first.features.filter(({ name }) => name !== "amount"),
      { ...window, name: "amount_7d", aggregation: "sum", window: "7d" },
      { ...window, name: "largest", aggregation: "max", window: "7d" },
      { ...window, name: "cities", aggregation: "distinct_count", field: "city", window: "24h" },
      { name: "amount", kind: "online", type: "float" },
    ],
  });
}

const SET = cardSet();
const PLAN = compileColumns([SET]);

/** The plan of cards; no other entity type has one. */
export const CARD_PLANS: ReadonlyMap<string, ColumnPlan> = new Map([[CARD, PLAN]]);

export interface CardEvent {
  readonly event_id: string;
  readonly entity_id: string;
  readonly event_time: number;
  readonly event: { readonly amount: number; readonly city: string | null };
}

/** Event number `index`, of card `index % cards`: always the same. */
export function cardEvent(index: number, cards: number, eventMs: number): CardEvent {
  const city = ["Bern", "Chur", "Genf", null][index % 4] ?? null;
  return {
    event_id: `event-${index}`,
    entity_id: `card-${index % cards}`,
    event_time: eventMs,
    event: { amount: (index % 1_000) / 100, city },
  };
}

export interface CardTotals {
  readonly events: number;
  /** In hundredths. */
  readonly amount: number;
}

/** What the events, each once, add up to. */
export function totalsOf(events: Iterable<CardEvent>): Map<string, CardTotals> {
  const seen = new Set<string>();
  const totals = new Map<string, CardTotals>();
  for (const { event_id, entity_id, event } of events) {
    if (seen.has(event_id)) continue;
    seen.add(event_id);
    const { events, amount } = totals.get(entity_id) ?? { events: 0, amount: 0 };
    totals.set(entity_id, { events: events + 1, amount: amount + Math.round(event.amount * 100) });
  }
  return totals;
}

/** What the store's states say of the cards; those without a state are left out. */
export async function storedTotals(
  store: EntityStore,
  ids: Iterable<string>,
): Promise<Map<string, CardTotals>> {
  const keys = [...ids].map((id) => ({ type: CARD, id }));
  const states = await store.read(keys);
  const columns = columnsOf(SET);
  const nowMs = Date.now();
  const totals = new Map<string, CardTotals>();
  for (const [index, state] of states.entries()) {
    if (state === undefined) continue;
    const view = new StateView(state);
    const value = (name: "events" | "amount"): number => {
      const column = columns.get(name);
      if (column === undefined) throw new Error(`there is no column ${name}`);
      const aggregation = name === "events" ? "count" : "sum";
      return windowValue(aggregation, column, view.window(column, nowMs)) ?? 0;
    };
    totals.set(keys[index]?.id ?? "", { events: value("events"), amount: Math.round(value("amount") * 100) });
  }
  return totals;
}

/**
 * The window engine against a recomputation from all events: random late, doubled and shuffled events, random definitions,
 * random moments, through bytes and back. Equal means equal to the last bit.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FeatureEvent } from "../../../../engine/core/feature-event.ts";
import { type FeatureSet, parseFeatureSet, type WindowFeature } from "../../../../engine/core/feature-set.ts";
import { SeededRandom } from "../../../../engine/core/seeded-random.ts";
import { tilesOf } from "../../../../engine/core/window-tiles.ts";
import { columnsOf, compileColumns } from "../../../../engine/features/column-plan.ts";
import { distinctCount, distinctHash } from "../../../../engine/features/distinct-count.ts";
import { EntityState } from "../../../../engine/features/entity-state.ts";
import { StateView } from "../../../../engine/features/state-view.ts";
import { windowValue } from "../../../../engine/features/window-value.ts";

const START_MS = Date.UTC(2026, 0, 31, 22);
const HOUR_MS = 3_600_000;
const EPOCH = 7;

const WINDOWS = ["10s", "1m", "10m", "1h", "24h", "7d", "30d"] as const;
const AGGREGATIONS = [
  "count",
  "sum",
  "mean",
  "min",
  "max",
  "stddev",
  "distinct_count",
  "first",
  "last",
] as const;

function randomSet(random: SeededRandom): FeatureSet {
  const features = Array.from({ length: 12 }, (_, index) => {
    const aggregation = AGGREGATIONS[random.below(AGGREGATIONS.length)] ?? "count";
    return {
      name: `f${index}`,
      kind: "window",
      aggregation,
      window: WINDOWS[random.below(WINDOWS.length)],
      windowing: random.uniform() < 0.2 ? "tumbling" : "sliding",
      decimals: random.below(7),
      ...(aggregation === "count" ? {} : { field: random.uniform() < 0.5 ? "amount" : "score" }),
      ...(random.uniform() < 0.3 ? { filter: { field: "kind", in: ["a", true] } } : {}),
    };
  });
  const lateness = ["1s", "10m", "1h", "7d"][random.below(4)];
  return parseFeatureSet({
    name: "set",
    version: "1.0.0",
    entity: { type: "card", key: "id" },
    lateness,
    features,
  });
}

function randomEvents(random: SeededRandom, count: number): FeatureEvent[] {
  let arrivalMs = START_MS;
  return Array.from({ length: count }, (_, index) => {
    arrivalMs += Math.floor(random.uniform() ** 6 * 12 * HOUR_MS);
    const lateMs = random.uniform() < 0.5 ? 0 : Math.floor(random.uniform() ** 4 * 8 * 24 * HOUR_MS);
    return {
      eventId: `e${index}`,
      entityId: "x",
      eventMs: arrivalMs - lateMs,
      arrivalMs,
      seq: index + 1,
      isEvent: random.uniform() < 0.95,
      fields: {
        amount: Math.round(random.normal() * 1e5) / 100,
        score: random.uniform() < 0.1 ? null : random.normal() * 10 ** random.below(6),
        kind: [null, "a", "b", true, 1][random.below(5)] ?? null,
      },
    };
  });
}

/** The definition, word for word, over all events that had arrived. */
function recompute(set: FeatureSet, feature: WindowFeature, known: readonly FeatureEvent[], asOfMs: number) {
  const { hopMs, count: tiles } = tilesOf(feature) as { hopMs: number; count: number };
  const last = Math.floor(asOfMs / hopMs);
  const latenessMs = { "1s": 1_000, "10m": 600_000, "1h": HOUR_MS, "7d": 168 * HOUR_MS }[
    set.lateness
  ] as number;
  const inside = known.filter((event) => {
    const tile = Math.floor(event.eventMs / hopMs);
    if (!event.isEvent || event.arrivalMs - event.eventMs > latenessMs) return false;
    if (tile > last || tile <= last - tiles) return false;
    if (feature.filter !== undefined && !feature.filter.in.includes(event.fields["kind"] as string))
      return false;
    return feature.field === undefined || event.fields[feature.field] !== null;
  });
  const values = inside.map(({ fields }) => Number(fields[feature.field ?? ""] ?? 0));
  const scale = 10 ** feature.decimals;
  const scaled = values.map((value) => BigInt(Math.floor(value * scale + 0.5)));
  const sum = scaled.reduce((total, one) => total + one, 0n);
  const n = values.length;
  const inOrder = inside.toSorted((a, b) => a.eventMs - b.eventMs || a.seq - b.seq);
  const valueOf = (event?: FeatureEvent) =>
    event === undefined ? undefined : Number(event.fields[feature.field ?? ""]);
  switch (feature.aggregation) {
    case "count":
      return n;
    case "sum":
      return Number(sum) / scale;
    case "mean":
      return n === 0 ? undefined : Number(sum) / scale / n;
    case "stddev": {
      const squares = scaled.reduce((total, one) => total + one * one, 0n);
      return n === 0 ? undefined : Math.sqrt(Number(BigInt(n) * squares - sum * sum)) / n / scale;
    }
    case "min":
      return n === 0 ? undefined : Math.min(...values);
    case "max":
      return n === 0 ? undefined : Math.max(...values);
    case "first":
      return valueOf(inOrder[0]);
    case "last":
      return valueOf(inOrder.at(-1));
    case "distinct_count":
      return distinctCount([...new Set(values.map(distinctHash))].sort((a, b) => a - b).slice(0, 128));
  }
}

describe("the window engine", () => {
  for (let seed = 1; seed <= 40; seed++) {
    it(`agrees with a recomputation from all events, seed ${seed}`, () => {
      const random = new SeededRandom(seed);
      const set = randomSet(random);
      const plan = compileColumns([set]);
      const columns = columnsOf(set);
      const events = randomEvents(random, 400);
      let state = EntityState.from(undefined);
      for (const [index, event] of events.entries()) {
        state.apply(event, EPOCH, plan);
        if (random.uniform() < 0.2) {
          const again = events[random.below(index + 1)] as FeatureEvent;
          assert.equal(state.apply(again, EPOCH, plan), "seen");
        }
        if (random.uniform() < 0.3) state = EntityState.from(state.toBuffer());
        if (random.uniform() > 0.1) continue;
        const next = events[index + 1]?.arrivalMs ?? event.arrivalMs + HOUR_MS;
        const asOfMs = event.arrivalMs + Math.floor(random.uniform() * (next - event.arrivalMs));
        const view = new StateView(state.toBuffer());
        for (const feature of set.features) {
          if (feature.kind !== "window") continue;
          const column = columns.get(feature.name);
          assert.ok(column);
          const value = windowValue(feature.aggregation, column, view.window(column, asOfMs));
          const expected = recompute(set, feature, events.slice(0, index + 1), asOfMs);
          assert.ok(
            Object.is(value, expected) || value === expected,
            `${JSON.stringify(feature)} at ${asOfMs}: ${value}, not ${expected}`,
          );
        }
      }
    });
  }
});

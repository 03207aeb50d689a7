/** The ingester's states in memory: their bound is in bytes, as they grow. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { compileColumns } from "../../../../engine/features/column-plan.ts";
import { EntityState } from "../../../../engine/features/entity-state.ts";
import { StateCache } from "../../../../engine/features/state-cache.ts";

const HOUR_MS = 3_600_000;
const PLAN = compileColumns([
  parseFeatureSet({
    name: "cards",
    version: "1.0.0",
    entity: { type: "card", key: "card_id" },
    lateness: "7d",
    features: [
      { name: "spread", kind: "window", aggregation: "stddev", field: "amount", window: "30d", hop: "12h" },
      {
        name: "shops",
        kind: "window",
        aggregation: "distinct_count",
        field: "shop",
        window: "30d",
        hop: "12h",
      },
    ],
  }),
]);

function grow(state: EntityState, events: number): EntityState {
  for (let index = 0; index < events; index++) {
    const eventMs = (1_000 + index) * 12 * HOUR_MS;
    const common = { eventId: "", entityId: "", isEvent: true, fields: { amount: index, shop: `${index}` } };
    state.apply({ ...common, eventMs, arrivalMs: eventMs, seq: state.seq + 1 }, 1, PLAN);
  }
  return state;
}

it("holds many small states, or few large ones, and drops what was used longest ago", () => {
  const cache = new StateCache(100_000);
  for (let index = 0; index < 60; index++) cache.set(`${index}`, grow(new EntityState(), 1));
  cache.trim();
  assert.equal(cache.size, 60);
  assert.ok(cache.get("0") !== undefined);
  for (let index = 1; index < 60; index++) grow(cache.get(`${index}`) as EntityState, 100);
  assert.ok(cache.get("0") !== undefined);
  cache.trim();
  assert.ok(cache.size >= 3 && cache.size <= 10, `${cache.size}`);
  assert.ok(cache.get("0") !== undefined && cache.get("59") !== undefined && cache.get("1") === undefined);
});

it("counts a state that it dropped no more", () => {
  const cache = new StateCache(1);
  for (let index = 0; index < 5; index++) {
    cache.set(`${index}`, grow(new EntityState(), 1));
    cache.trim();
    assert.equal(cache.size, 0);
  }
  const roomy = new StateCache(10_000);
  for (let index = 0; index < 50; index++) {
    roomy.set(`${index}`, grow(new EntityState(), 1));
    roomy.trim();
  }
  assert.ok(roomy.size > 3, `${roomy.size}`);
});

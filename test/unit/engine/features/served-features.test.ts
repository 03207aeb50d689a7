/** What is served of several sets, and what is told of the features that have no value of their own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FeatureSet, parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import type { ModelInput } from "../../../../engine/core/model-input.ts";
import { compileColumns } from "../../../../engine/features/column-plan.ts";
import { EntityState } from "../../../../engine/features/entity-state.ts";
import { compileLookup, compileSetsLookup } from "../../../../engine/features/feature-lookup.ts";
import { fillFeatures, lookUp } from "../../../../engine/features/served-features.ts";
import { StateView } from "../../../../engine/features/state-view.ts";
import { mixedManifest } from "../../../support/manifests.ts";

const NOW_MS = 100_000;

function setOf(name: string, features: readonly unknown[]): FeatureSet {
  return parseFeatureSet({ name, version: "1.0.0", entity: { type: name, key: `${name}_id` }, features });
}

const COUNTRY = { name: "country", kind: "online", type: "category", categories: ["DE", "FR"], ttl: "1s" };
const CARD = setOf("card", [COUNTRY, { name: "amount", kind: "request" }]);
const SHOP = setOf("shop", [COUNTRY, { name: "amount", kind: "request" }]);
/** An entity whose last values are old. */
const OLD = {
  seq: 1,
  has: () => true,
  value: () => "DE",
  eventMs: () => 0,
  window: () => assert.fail("there is no window"),
};

describe("the status of features that have the same name in two sets", () => {
  const stale = { "card.country": "stale", "shop.country": "missing" };

  it("names each by its set when they are asked for", () => {
    const asked = [CARD, SHOP].map((set) => ({ set, names: ["country"] }));
    const { status } = lookUp(compileSetsLookup(asked), {}, [OLD, undefined], NOW_MS);
    assert.deepEqual(Object.fromEntries(status), stale);
  });

  it("names each by its set when they are inputs of a model", async () => {
    const inputs = ["card", "shop"].map((set) => ({
      name: `${set}_country`,
      type: "category" as const,
      categories: ["DE", "FR"],
      feature: { set, version: "1.0.0", name: "country" },
    }));
    const lookup = await compileLookup(mixedManifest({ inputs }), async (name) =>
      name === "card" ? CARD : SHOP,
    );
    assert.ok(lookup);
    assert.deepEqual(Object.fromEntries(lookUp(lookup, {}, [OLD, undefined], NOW_MS).status), stale);
  });

  it("leaves a feature that others are made of apart from the one that was asked for", async () => {
    const window = { kind: "window", aggregation: "count", window: "1h" };
    const count = { ...window, name: "count" };
    const twice = { name: "twice", kind: "derived", function: "product", inputs: ["count", "count"] };
    const asked = [
      { set: setOf("card", [count]), names: ["count"] },
      { set: setOf("shop", [count, twice]), names: ["twice"] },
    ];
    const lookup = compileSetsLookup(asked);
    assert.deepEqual(
      lookup.features.map(({ name }) => name),
      ["count", "twice"],
    );
    const { status } = lookUp(lookup, {}, [null, null], NOW_MS);
    assert.deepEqual(Object.fromEntries(status), { count: "unavailable", "shop.count": "unavailable" });
  });

  it("has both from one field of the request", () => {
    const asked = [CARD, SHOP].map((set) => ({ set, names: ["amount"] }));
    const lookup = compileSetsLookup(asked);
    assert.deepEqual(lookUp(lookup, { amount: 5 }, [undefined, undefined], NOW_MS).values, [5, 5]);
  });
});

/** The state of an entity with one window of two payments, 12.5 and 7, and a last value. */
function paidView(sets: readonly FeatureSet[], value = 300): StateView {
  const state = EntityState.from(undefined);
  const plan = compileColumns(sets);
  for (const [index, paid] of [12.5, 7].entries()) {
    const common = { entityId: "a", eventMs: NOW_MS, arrivalMs: NOW_MS, isEvent: true };
    state.apply({ ...common, eventId: `${index}`, seq: index + 1, fields: { paid, value } }, 1, plan);
  }
  return new StateView(state.toBuffer());
}

describe("a value that was looked up and does not fit", () => {
  const sum = { name: "sum", kind: "window", aggregation: "sum", field: "paid", window: "1h" };
  const last = { ...sum, name: "last", aggregation: "last" };
  const least = { ...last, name: "least", aggregation: "min", type: "int" };
  const product = { name: "product", kind: "derived", function: "product", inputs: ["sum", "last"] };
  const value = { name: "value", kind: "online" };

  const served = (...features: unknown[]) => {
    const set = setOf("card", features);
    const { values, status } = lookUp(
      compileSetsLookup([{ set, names: undefined }]),
      {},
      [paidView([set])],
      NOW_MS,
    );
    return [values, Object.fromEntries(status)];
  };

  it("to its feature's range is not served, nor what is derived from it", () => {
    assert.deepEqual(served({ ...sum, max: 20 }, { ...last, default: 1 }, product), [[19.5, 7, 136.5], {}]);
    assert.deepEqual(served({ ...sum, max: 10 }, last, product), [[0, 7, 0], { sum: "invalid" }]);
    assert.deepEqual(served(sum, { ...last, min: 8, default: 9 }, { ...product, max: 100 }), [
      [19.5, 9, undefined],
      { last: "invalid", product: "invalid" },
    ]);
  });

  it("to its feature's type is not served", () => {
    assert.deepEqual(served(least), [[7], {}]);
    assert.deepEqual(served({ ...least, aggregation: "max", default: 1 }), [[1], { least: "invalid" }]);
  });

  /** What a model with one input gets of the feature, and what is told of it. */
  const filled = async (input: object, feature: object, request: Record<string, unknown> = {}) => {
    const set = setOf("card", [feature]);
    const { name } = set.features[0] as { name: string };
    const one = { name: "x", type: "float", feature: { set: "card", version: "1.0.0", name }, ...input };
    const lookup = await compileLookup({ ...mixedManifest(), inputs: [one as ModelInput] }, async () => set);
    assert.ok(lookup);
    const found = lookUp(lookup, request, [paidView([set])], NOW_MS);
    return [fillFeatures(lookup, request, found), Object.fromEntries(found.status)];
  };

  it("to the model's input is left to the set's default, or the model's", async () => {
    const low = { max: 100 };
    assert.deepEqual(await filled(low, sum), [{ x: 19.5 }, {}]);
    assert.deepEqual(await filled(low, value), [{}, { value: "invalid" }]);
    assert.deepEqual(await filled(low, { ...value, default: 5 }), [{ x: 5 }, { value: "invalid" }]);
    assert.deepEqual(await filled(low, { ...value, default: 500 }), [{}, { value: "invalid" }]);
    assert.deepEqual(await filled(low, { ...value, field: "other", default: 500 }), [
      {},
      { value: "missing" },
    ]);
    const large = { ...sum, name: "large", aggregation: "max", field: "value", type: "int" };
    assert.deepEqual(await filled({ type: "int" }, large), [{ x: 300 }, {}]);
    assert.deepEqual(await filled({ type: "int", max: 200 }, large), [{}, { large: "invalid" }]);
  });

  it("does not touch what the request gives: that is refused, not replaced", async () => {
    assert.deepEqual(await filled({ max: 100 }, value, { x: 500 }), [{ x: 500 }, {}]);
  });
});

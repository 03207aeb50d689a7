/** What is served of several sets, and what is told of the features that have no value of their own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FeatureSet, parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { compileLookup, compileSetsLookup } from "../../../../engine/features/feature-lookup.ts";
import { lookUp } from "../../../../engine/features/served-features.ts";
import { mixedManifest } from "../../../support/manifests.ts";

const NOW_MS = 100_000;

function setOf(name: string, features: readonly unknown[]): FeatureSet {
  return parseFeatureSet({ name, version: "1.0.0", entity: { type: name, key: `${name}_id` }, features });
}

const COUNTRY = { name: "country", kind: "online", type: "category", categories: ["DE", "FR"], ttl: "1s" };
const CARD = setOf("card", [COUNTRY, { name: "amount", kind: "request" }]);
const SHOP = setOf("shop", [COUNTRY, { name: "amount", kind: "request" }]);
/** An entity whose last values are old. */
const OLD = { seq: 1, value: () => "DE", eventMs: () => 0, window: () => assert.fail("there is no window") };

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

/**
 * What a request gives of a model's features: what is looked up then, of which entities, and what is told of it.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { parseManifest } from "../../../../engine/core/manifest.ts";
import { compileLookup, type FeatureLookup } from "../../../../engine/features/feature-lookup.ts";
import { fillFeatures, lookUp } from "../../../../engine/features/served-features.ts";
import { readsEntity, stepUses } from "../../../../engine/features/step-use.ts";

const CARD = parseFeatureSet({
  name: "card",
  version: "1.0.0",
  entity: { type: "card", key: "card_id" },
  features: [
    { name: "amount", kind: "request", min: 0 },
    { name: "mean_30d", kind: "window", aggregation: "mean", field: "amount", window: "30d", default: 10 },
    { name: "ratio", kind: "derived", function: "ratio", inputs: ["amount", "mean_30d"], default: 1 },
  ],
});
const SHOP = parseFeatureSet({
  name: "shop",
  version: "1.0.0",
  entity: { type: "shop", key: "shop_id" },
  features: [{ name: "rating", kind: "online", default: 3 }],
});
const input = (name: string, set?: string): unknown => ({
  name,
  type: "float",
  ...(set === undefined ? {} : { feature: { set, version: "1.0.0" } }),
});
const manifest = parseManifest({
  name: "m",
  version: "1.0.0",
  runtime: "onnx",
  inputs: [input("amount"), input("mean_30d", "card"), input("ratio", "card"), input("rating", "shop")],
  input_tensor: "x",
  outputs: [{ name: "y", type: "value" }],
});
const lookup = (await compileLookup(manifest, async (name) =>
  name === "card" ? CARD : SHOP,
)) as FeatureLookup;

/** Names of the entities that are read, what the model gets, and what is told; no entity has had an event. */
function serve(request: Record<string, unknown>): readonly [string[], unknown, unknown] {
  const uses = stepUses(lookup, request);
  const read = lookup.entities.filter((_, index) => readsEntity(lookup, uses, index)).map(({ type }) => type);
  const use = uses === undefined ? undefined : { uses, inputNames: lookup.inputNames };
  const found = lookUp(lookup, request, [undefined, undefined], 0, use);
  return [read, fillFeatures(lookup, request, found), Object.fromEntries(found.status)];
}

describe("a request of a model with features", () => {
  it("has all looked up that it leaves open", () => {
    const [read, filled, status] = serve({ amount: 20, rating: null });
    assert.deepEqual(read, ["card", "shop"]);
    assert.deepEqual(filled, { amount: 20, mean_30d: 10, ratio: 2, rating: 3 });
    assert.deepEqual(status, { mean_30d: "missing", rating: "missing" });
  });

  it("needs no entity when it gives all features, and nothing is told of them", () => {
    const given = { amount: 20, mean_30d: 5, ratio: 7, rating: 1 };
    assert.deepEqual(serve(given), [[], given, {}]);
  });

  it("names an entity only if something is read of it", () => {
    assert.deepEqual(serve({ amount: 20, rating: 1 })[0], ["card"]);
    assert.deepEqual(serve({ amount: 20, mean_30d: 5, ratio: 7 })[0], ["shop"]);
  });

  it("has features derived from what it gives", () => {
    const [read, filled] = serve({ amount: 20, mean_30d: 5, rating: 1 });
    assert.deepEqual(read, []);
    assert.deepEqual(filled, { amount: 20, mean_30d: 5, ratio: 4, rating: 1 });
  });

  it("has what is behind a given feature looked up only where the model takes it itself", () => {
    const [read, filled, status] = serve({ amount: 20, ratio: 7, rating: 1 });
    assert.deepEqual(read, ["card"]);
    assert.deepEqual(filled, { amount: 20, mean_30d: 10, ratio: 7, rating: 1 });
    assert.deepEqual(status, { mean_30d: "missing" });
  });

  it("keeps names that nobody knows, for the plan to refuse them all", () => {
    const request = JSON.parse(
      '{"amount":20,"rating":1,"mean_30d":5,"ratio":1,"__proto__":1,"x":2}',
    ) as object;
    const [, filled] = serve({ ...request });
    assert.deepEqual(Object.keys(filled as object), [
      "amount",
      "mean_30d",
      "ratio",
      "rating",
      "__proto__",
      "x",
    ]);
  });

  it("fails for a request feature that its set does not allow", () => {
    assert.throws(() => serve({ amount: -1, rating: 1 }), /features\.amount must be at least 0/);
  });
});

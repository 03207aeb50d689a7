/** Which features can fill which inputs of a model. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Feature, parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import type { ModelInput } from "../../../../engine/core/model-input.ts";
import { FeaturePlan } from "../../../../engine/feature-plan.ts";
import { compileLookup } from "../../../../engine/features/feature-lookup.ts";
import { fillFeatures, lookUp } from "../../../../engine/features/served-features.ts";
import { mixedManifest } from "../../../support/manifests.ts";

const AT_MS = Date.UTC(2026, 10, 21, 10, 0, 1, 234);
const VALUES = { float: 1.5, int: 7, bool: true, category: "a", timestamp: AT_MS } as const;
const FILLS: Readonly<Record<Feature["type"], readonly ModelInput["type"][]>> = {
  float: ["float"],
  int: ["float", "int"],
  bool: ["bool"],
  category: ["category", "text"],
  timestamp: ["float", "timestamp"],
};
const INPUTS = ["float", "int", "bool", "category", "text", "timestamp"] as const;

/** What the model gets in its row and beside it, of a last value of the feature's type. */
async function filled(type: Feature["type"], input: ModelInput["type"]): Promise<unknown> {
  const categories = { categories: ["b", "a"] };
  const feature = { name: "f", kind: "online", type, ...(type === "category" ? categories : {}) };
  const set = parseFeatureSet({
    name: "card",
    version: "1.0.0",
    entity: { type: "card", key: "id" },
    features: [feature],
  });
  const reference = { feature: { set: "card", version: "1.0.0" } };
  const one = { name: "f", type: input, ...reference, ...(input === "category" ? categories : {}) };
  const manifest = { ...mixedManifest(), inputs: [one as ModelInput] };
  const lookup = await compileLookup(manifest, async () => set);
  assert.ok(lookup);
  const view = {
    seq: 1,
    has: () => true,
    value: () => VALUES[type],
    eventMs: () => AT_MS,
    window: () => assert.fail(),
  };
  const features = fillFeatures(lookup, {}, lookUp(lookup, {}, [view], AT_MS));
  const plan = new FeaturePlan(manifest);
  const row = new Float32Array(1);
  const texts: string[] = [];
  assert.equal(plan.write(features, row, 0, texts), undefined);
  return texts[0] ?? row[0];
}

it("a feature fills inputs of its own type, and those that hold its values", async () => {
  for (const [type, inputs] of Object.entries(FILLS) as [Feature["type"], readonly ModelInput["type"][]][])
    for (const input of INPUTS) {
      const name = `${type} into ${input}`;
      if (inputs.includes(input)) await assert.doesNotReject(filled(type, input), name);
      else await assert.rejects(filled(type, input), /inputs\.f\.feature: f of card@1\.0\.0 is/, name);
    }
  assert.equal(await filled("timestamp", "timestamp"), "2026-11-21T10:00:01.234Z");
  assert.equal(await filled("category", "text"), "a");
  assert.equal(await filled("category", "category"), 1);
});

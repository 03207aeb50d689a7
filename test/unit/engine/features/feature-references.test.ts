/** Features by the names that people write: which set each belongs to, and what they are called in what comes out. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FeatureSet, parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { findReferred } from "../../../../engine/features/feature-references.ts";

function setOf(name: string, version: string): FeatureSet {
  const window = { kind: "window", aggregation: "count", window: "1h" };
  const features = ["x", "z", "w"].map((feature) => ({ ...window, name: feature }));
  return parseFeatureSet({ name, version, entity: { type: name, key: `${name}_id` }, features });
}

/** Each feature as its name and the entity type that it is read of. */
async function referred(text: string): Promise<string[]> {
  const find = async (name: string, version: string): Promise<FeatureSet> => setOf(name, version);
  const lookup = await findReferred(text, find);
  return lookup.features.map(({ name, step }) => {
    const at = lookup.steps[step];
    return `${name} of ${at !== undefined && "entity" in at ? lookup.entities[at.entity]?.type : "?"}`;
  });
}

describe("a reference to features", () => {
  it("without a set belongs to the set that was named last, also when that was named before", async () => {
    const text = "a@1.0.0:x,b@1.0.0:x,a@1.0.0:z,w";
    assert.deepEqual(await referred(text), ["a.x of a", "z of a", "w of a", "b.x of b"]);
  });

  it("is called by its set, and its version, where others have the same name", async () => {
    assert.deepEqual(await referred("a@1.0.0:x,a@1.1.0:x,b@1.0.0:x,z"), [
      "a@1.0.0.x of a",
      "a@1.1.0.x of a",
      "b.x of b",
      "z of b",
    ]);
  });

  it("that comes twice is refused", async () => {
    for (const text of ["a@1.0.0:x,x", "a@1.0.0:x,b@1.0.0:x,a@1.0.0:x"])
      await assert.rejects(referred(text), /a@1\.0\.0:x is asked for twice/, text);
  });
});

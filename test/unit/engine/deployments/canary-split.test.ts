/**
 * Which rows a canary gets: its share of them, the same ones each time, those that ask for production only; and what stays loaded.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Models } from "../../../../engine/models.ts";
import { canaryRecord, createTestModels, withCanary } from "../../../support/canaries.ts";
import { eventually } from "../../../support/eventually.ts";

const ROWS = 20_000;

function servedBy(models: Models, entityId: string, requestId = "", version?: string): string {
  return models.route("mixed", version, { entityId, requestId }).model.manifest.version;
}

/** Entities that the canary gets. */
function inCanary(models: Models): Set<string> {
  const ids = Array.from({ length: ROWS }, (_, index) => `card-${index}`);
  return new Set(ids.filter((id) => servedBy(models, id) === "2.0.0"));
}

describe("canary-split", () => {
  it("gives the canary its share of the entities, the same ones each time, and keeps them as the share grows", async () => {
    const { models } = createTestModels();
    models.follow([withCanary(canaryRecord())]);
    await models.settled();
    const first = inCanary(models);
    const error = 4 * Math.sqrt((0.2 * 0.8) / ROWS);
    assert.ok(Math.abs(first.size / ROWS - 0.2) < error, String(first.size));
    assert.deepEqual(inCanary(models), first);
    models.follow([withCanary(canaryRecord({ step: 1 }))]);
    await models.settled();
    const second = inCanary(models);
    assert.ok(Math.abs(second.size / ROWS - 0.6) < 4 * Math.sqrt((0.6 * 0.4) / ROWS), String(second.size));
    for (const id of first) assert.ok(second.has(id), id);
  });

  it("goes by the request where no entity is named, and by chance where nothing is", async () => {
    const { models } = createTestModels();
    models.follow([withCanary(canaryRecord())]);
    await models.settled();
    const ids = Array.from({ length: 200 }, (_, index) => `request-${index}`);
    const versions = ids.map((id) => servedBy(models, "", id));
    assert.deepEqual(new Set(versions), new Set(["1.0.0", "2.0.0"]));
    assert.deepEqual(
      ids.map((id) => servedBy(models, "", id)),
      versions,
    );
    const drawn = Array.from({ length: ROWS }, () => servedBy(models, ""));
    const share = drawn.filter((version) => version === "2.0.0").length / ROWS;
    assert.ok(Math.abs(share - 0.2) < 0.02, String(share));
  });

  it("leaves alone who asks for a version, and who asks about a version without a row", async () => {
    const { models } = createTestModels();
    models.follow([withCanary(canaryRecord({ steps: [{ share: 1, duration: "1m" }] }))]);
    await models.settled();
    assert.equal(servedBy(models, "a"), "2.0.0");
    assert.equal(servedBy(models, "a", "", "production"), "2.0.0");
    assert.equal(servedBy(models, "a", "", "1.0.0"), "1.0.0");
    assert.equal(models.route("mixed", undefined).model.manifest.version, "1.0.0");
  });

  it("marks the canary's rows, and watches both versions, while it runs and no longer", async () => {
    const { models } = createTestModels();
    models.follow([withCanary(canaryRecord())]);
    await models.settled();
    const [champion, canary] = ["1.0.0", "2.0.0"].map((version) => models.route("mixed", version).model);
    assert.deepEqual([champion?.naming.variant, canary?.naming.variant], ["", "canary"]);
    assert.ok(
      canary?.naming.logName.includes("canary") === true &&
        champion?.naming.logName.includes("canary") === false,
    );
    assert.ok(champion?.window !== undefined && canary.window !== undefined);
    models.follow([{ name: "mixed", aliases: { production: "2.0.0" } }]);
    await models.settled();
    assert.deepEqual([canary.naming.variant, canary.window, champion.window], ["", undefined, undefined]);
    assert.ok(!canary.naming.logName.includes("canary"));
    assert.deepEqual(models.canaries(), []);
  });

  it("gives nothing to a canary that is not loaded, or is beside another champion, or was halted", async () => {
    const { models, broken } = createTestModels();
    broken.set("2.0.0", "not signed");
    const all = canaryRecord({ steps: [{ share: 1, duration: "1m" }] });
    models.follow([withCanary(all)]);
    await models.settled();
    assert.equal(servedBy(models, "a"), "1.0.0");
    broken.clear();
    models.follow([withCanary(canaryRecord({ ...all, champion: "1.5.0" })), withCanary(all)].slice(1));
    await models.settled();
    assert.equal(servedBy(models, "a"), "2.0.0");
    models.canaries()[0]?.split?.halt();
    models.follow([withCanary(all)]);
    await models.settled();
    assert.equal(servedBy(models, "a"), "1.0.0");
    models.close();
  });

  it("keeps the version before loaded until the registry says, and not longer", async () => {
    const { models, loaded } = createTestModels();
    models.follow([{ name: "mixed", aliases: { production: "1.0.0" } }]);
    const until = new Date(Date.now() + 60_000).toISOString();
    models.follow([{ name: "mixed", aliases: { production: "2.0.0" }, warm: { version: "1.0.0", until } }]);
    await models.settled();
    assert.deepEqual([...loaded].sort(), ["mixed@1.0.0", "mixed@2.0.0"]);
    const soon = new Date(Date.now() + 50).toISOString();
    const warm = { version: "1.0.0", until: soon };
    models.follow([{ name: "mixed", aliases: { production: "2.0.0" }, warm }]);
    await eventually("the former version is unloaded", () => !loaded.has("mixed@1.0.0"));
    assert.deepEqual([...loaded], ["mixed@2.0.0"]);
    models.close();
  });
});

/** The stage that looks features up, with a store under the test's control. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Batcher } from "../../../../engine/batcher.ts";
import { createDeferred } from "../../../../engine/core/deferred.ts";
import { parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { Metrics } from "../../../../engine/core/metrics.ts";
import type { EntityView } from "../../../../engine/features/entity-view.ts";
import { compileLookup } from "../../../../engine/features/feature-lookup.ts";
import { FeatureStage } from "../../../../engine/features/feature-stage.ts";
import { ServedModel } from "../../../../engine/served-model.ts";
import { eventually } from "../../../support/eventually.ts";
import { testRow } from "../../../support/log-blocks.ts";
import { mixedManifest } from "../../../support/manifests.ts";

const SET = parseFeatureSet({
  name: "card",
  version: "1.0.0",
  entity: { type: "card", key: "card_id" },
  features: [{ name: "count_1h", kind: "window", aggregation: "count", window: "1h" }],
});

async function createBench() {
  const feature = { set: "card", version: "1.0.0", name: "count_1h" };
  const manifest = mixedManifest({ inputs: [{ name: "size", type: "float", feature }] });
  const lookup = await compileLookup(manifest, async () => SET);
  assert.ok(lookup);
  const batcher = new Batcher(new ServedModel(manifest, new Metrics(), lookup), 4);
  const readings: { ids: string[]; answer: (views: EntityView[]) => void }[] = [];
  const accepted: unknown[] = [];
  const stage = new FeatureStage({
    reader: {
      read: (keys) => {
        const { promise, resolve } = createDeferred<readonly EntityView[]>();
        readings.push({ ids: keys.map(({ id }) => id), answer: resolve });
        return promise;
      },
    },
    dispatcher: { accept: (_, __, features) => void accepted.push(features) },
    errors: { count: () => undefined },
    rowsMax: 3,
  });
  const add = (entityId: string) => {
    const row = testRow({ entityId });
    stage.add(batcher, lookup, row, {});
    return row;
  };
  return { batcher, readings, accepted, stage, add };
}

describe("the stage that looks features up", () => {
  it("reads for all rows that wait at once, while two readings are under way at most", async () => {
    const { readings, accepted, stage, add } = await createBench();
    for (let index = 0; index < 8; index++) add(`c-${index}`);
    await eventually("two readings", () => readings.length === 2);
    assert.deepEqual(
      readings.map(({ ids }) => ids),
      [
        ["c-0", "c-1", "c-2"],
        ["c-3", "c-4", "c-5"],
      ],
    );
    assert.equal(stage.waiting, 8);
    readings[0]?.answer([undefined, undefined, undefined]);
    await eventually("the rest is read", () => readings.length === 3);
    assert.deepEqual(readings[2]?.ids, ["c-6", "c-7"]);
    assert.deepEqual(accepted, [{ size: 0 }, { size: 0 }, { size: 0 }]);
    assert.equal(stage.waiting, 5);
  });

  it("keeps the model from being taken for idle while a row of it is looked up", async () => {
    const { batcher, readings, add } = await createBench();
    assert.ok(batcher.idle);
    add("c-1");
    assert.ok(!batcher.idle);
    await eventually("it is read", () => readings.length === 1);
    readings[0]?.answer([undefined]);
    await eventually("it is handed on", () => batcher.idle);
  });

  it("serves the default of a count when the store does not answer", async () => {
    const { readings, accepted, add } = await createBench();
    const row = add("c-1");
    await eventually("it is read", () => readings.length === 1);
    readings[0]?.answer([null]);
    await eventually("it is handed on", () => accepted.length === 1);
    assert.deepEqual(accepted, [{ size: 0 }]);
    assert.deepEqual(row.outcome.failed, []);
  });
});

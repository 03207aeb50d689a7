/** Priorities: which batch goes first. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Row } from "../../../engine/batch.ts";
import { Batcher } from "../../../engine/batcher.ts";
import { Metrics } from "../../../engine/core/metrics.ts";
import { ServedModel } from "../../../engine/served-model.ts";
import { testRow } from "../../support/log-blocks.ts";
import { mixedManifest } from "../../support/manifests.ts";

function create(rowsMax: number): Batcher {
  return new Batcher(new ServedModel(mixedManifest(), new Metrics()), rowsMax);
}

/** Adds a row whose feature `age` tells it from others. */
function add(batcher: Batcher, age: number, priority?: number): void {
  const row: Row = { ...testRow(), ...(priority === undefined ? {} : { priority }) };
  assert.equal(batcher.add(row, { size: 1, age, new: true }), undefined);
}

/** The ages of the rows of each batch, in the order in which they are taken. */
function taken(batcher: Batcher): number[][] {
  const batches: number[][] = [];
  for (let batch = batcher.take(); batch !== undefined; batch = batcher.take()) {
    const { width } = batch.model.plan;
    batches.push(Array.from({ length: batch.count }, (_, row) => batch.raw[row * width + 1] as number));
    batcher.recycle(batch);
  }
  return batches;
}

describe("a batcher", () => {
  it("gives rows of priority 1 first, and those of 3 and above last, each in their order", () => {
    const batcher = create(2);
    add(batcher, 1);
    add(batcher, 2, 3);
    add(batcher, 3, 0);
    add(batcher, 4, 1);
    add(batcher, 5, 2);
    add(batcher, 6, 99);
    add(batcher, 7, 1);
    add(batcher, 8, 1);
    assert.equal(batcher.rowsNext, 2);
    assert.deepEqual(taken(batcher), [[4, 7], [8], [1, 3], [5], [2, 6]]);
    assert.ok(batcher.idle && !batcher.waiting);
  });

  it("puts rows that ask for nothing into one batch, and makes no other", () => {
    const batcher = create(4);
    for (const age of [1, 2, 3]) add(batcher, age, age === 2 ? 0 : undefined);
    assert.equal(batcher.rowsFilling, 3);
    assert.deepEqual(taken(batcher), [[1, 2, 3]]);
  });
});

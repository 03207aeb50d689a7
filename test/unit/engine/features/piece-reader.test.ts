/** States of many entities: in which pieces they are read, and who waits for whom. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { createDeferred } from "../../../../engine/core/deferred.ts";
import type { EntityKey } from "../../../../engine/core/entity-store.ts";
import type { EntityView } from "../../../../engine/features/entity-view.ts";
import { PieceReader } from "../../../../engine/features/piece-reader.ts";
import { eventually } from "../../../support/eventually.ts";

function keysOf(name: string, count: number): EntityKey[] {
  return Array.from({ length: count }, (_, index) => ({ type: name, id: `${index}` }));
}

it("many entities are read in pieces, one at a time, and few at once", async () => {
  const readings: { keys: readonly EntityKey[]; answer: (views: EntityView[]) => void }[] = [];
  const reader = new PieceReader({
    read: (keys) => {
      const { promise, resolve } = createDeferred<readonly EntityView[]>();
      readings.push({ keys, answer: resolve });
      return promise;
    },
  });
  const many = ["a", "b"].map((name) => reader.read(keysOf(name, 150)));
  const few = reader.read(keysOf("c", 100));
  const asked = (): string[] => readings.map(({ keys }) => `${keys.length} of ${keys[0]?.type}`);
  const views = [null, undefined];
  for (const [index, last] of ["100 of a", "100 of b", "50 of a", "50 of b"].entries()) {
    await eventually("the next piece is asked for", () => asked().includes(last));
    assert.equal(readings.length, index + 2, "beside the few there is one piece at a time");
    const { keys, answer } = readings.at(index === 0 ? asked().indexOf(last) : -1) ?? assert.fail();
    answer(keys.map(({ id }) => views[Number(id) % 2]));
  }
  for (const all of many)
    assert.deepEqual(
      await all,
      keysOf("", 150).map(({ id }) => views[Number(id) % 2]),
    );
  readings[asked().indexOf("100 of c")]?.answer([null]);
  assert.deepEqual(await few, [null]);
});

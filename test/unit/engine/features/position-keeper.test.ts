/** The watch over the position: who was replaced writes nothing, however it was held up. */
import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import type { EntityStore, EntityWrite, IngestPosition } from "../../../../engine/core/entity-store.ts";
import { PositionKeeper } from "../../../../engine/features/position-keeper.ts";
import { MemoryEntityStore } from "../../../../storage/entity-store-memory.ts";

const FROZEN_MS = 10_000;
const KEY = { type: "card", id: "a" };
const at = (seq: number): IngestPosition => ({ epoch: 1, seq, columns: ["card:c:1"] });
const write = (state: string): EntityWrite => ({ ...KEY, state: Buffer.from(state), ttlMs: 600_000 });

/** `freeze` is called when the position is asked for, with how often it was before. */
async function replaced(freeze: (asked: number, freezeNow: () => void) => void): Promise<void> {
  mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const store = new MemoryEntityStore({ now: () => 0 });
  const other = new PositionKeeper(store);
  let asked = 0;
  const slow: Pick<EntityStore, "read" | "write" | "position" | "setPosition"> = {
    read: async (keys) => store.read(keys),
    write: async (writes) => store.write(writes),
    setPosition: async (position) => store.setPosition(position),
    position: async () => {
      const position = await store.position();
      freeze(++asked, () => mock.timers.tick(FROZEN_MS));
      return position;
    },
  };
  const keeper = new PositionKeeper(slow as EntityStore);
  try {
    await keeper.begin(at(1));
    await keeper.read([KEY]);
    freeze(0, () => mock.timers.tick(FROZEN_MS));
    other.adopt(at(1));
    await other.advance(at(3), [write("newer")]);
    await assert.rejects(keeper.advance(at(2), [write("older")]), /has another writer/);
    assert.deepEqual(await store.read([KEY]), [Buffer.from("newer")]);
    assert.deepEqual(await store.position(), at(3));
    assert.equal(keeper.last, undefined);
  } finally {
    mock.timers.reset();
    await store.close();
  }
}

describe("an ingester that was frozen and replaced", () => {
  it("writes no state when it goes on after a reading", async () => {
    await replaced((asked, freezeNow) => asked === 0 && freezeNow());
  });

  it("does not take an answer for new that waited for it", async () => {
    await replaced((asked, freezeNow) => asked === 1 && freezeNow());
  });

  it("sets a position again whose answer was lost", async () => {
    const store = new MemoryEntityStore();
    const keeper = new PositionKeeper(store);
    await keeper.begin(at(1));
    await store.setPosition(at(2));
    await keeper.advance(at(2), [write("again")]);
    assert.deepEqual(keeper.last, at(2));
    await store.close();
  });
});

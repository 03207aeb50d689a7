/** The in-process entity store's bounds: what goes first, what is counted, what a sweep removes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EntityWrite } from "../../../engine/core/entity-store.ts";
import { MemoryEntityStore, type MemoryEntityStoreOptions } from "../../../storage/entity-store-memory.ts";

const write = (id: string, bytes = 10, ttlMs = 1_000): EntityWrite => ({
  type: "card",
  id,
  state: Buffer.alloc(bytes, 1),
  ttlMs,
});

/** Those of `ids`, a letter each, that the store has. */
async function idsIn(store: MemoryEntityStore, ids: string): Promise<string> {
  const letters = ids.split("");
  const states = await store.read(letters.map((id) => ({ type: "card", id })));
  return letters.filter((_, index) => states[index] !== undefined).join("");
}

async function withStore(
  options: MemoryEntityStoreOptions,
  use: (store: MemoryEntityStore) => Promise<void>,
): Promise<void> {
  const store = new MemoryEntityStore(options);
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

describe("the in-process entity store", () => {
  it("drops the least recently written beyond its entries, and counts them; reading does not keep a state", () =>
    withStore({ entriesMax: 3 }, async (store) => {
      await store.write([write("a"), write("b"), write("c")]);
      await store.write([write("a")]);
      assert.equal(await idsIn(store, "b"), "b");
      await store.write([write("d")]);
      assert.equal(await idsIn(store, "abcd"), "acd");
      assert.equal(store.evicted, 1);
      await store.write([write("e"), write("f"), write("g"), write("h")]);
      assert.equal(await idsIn(store, "abcdefgh"), "fgh");
      assert.equal(store.evicted, 5);
      assert.equal(store.entries, 3);
    }));

  it("stays within its bytes, however large the states are", () =>
    withStore({ bytesMax: 10_000 }, async (store) => {
      await store.write([write("a", 4_000), write("b", 4_000)]);
      assert.equal(store.evicted, 0);
      await store.write([write("c", 4_000)]);
      assert.equal(await idsIn(store, "abc"), "bc");
      assert.ok(store.bytes <= 10_000 && store.bytes > 8_000, `${store.bytes}`);
      await store.write([write("d", 10_001)]);
      assert.equal(store.entries, 0);
      assert.equal(store.bytes, 0);
      assert.equal(store.evicted, 4);
    }));

  it("counts bytes right over replacing", () =>
    withStore({}, async (store) => {
      await store.write([write("a", 10)]);
      const before = store.bytes;
      await store.write([write("a", 500)]);
      assert.equal(store.bytes, before + 490);
      await store.write([write("a", 10)]);
      assert.equal(store.bytes, before);
    }));

  it("does not read an expired state, and sweeps it away without counting it as evicted", async () => {
    let now = 1_000;
    await withStore({ now: () => now }, async (store) => {
      await store.write([write("a", 10, 100), write("b", 10, 200), write("c", 10, 100)]);
      await store.write([write("c", 10, 300)]);
      now = 1_100;
      assert.equal(await idsIn(store, "abc"), "bc");
      assert.equal(store.entries, 3);
      store.sweep();
      assert.equal(store.entries, 2);
      assert.equal(store.evicted, 0);
      now = 1_300;
      store.sweep();
      assert.equal(store.entries, 0);
      assert.equal(store.bytes, 0);
    });
  });

  it("sweeps all entries in several steps when they are many", async () => {
    let now = 0;
    await withStore({ now: () => now }, async (store) => {
      await store.write(Array.from({ length: 50_000 }, (_, index) => write(`${index}`, 1, 10)));
      now = 10;
      store.sweep();
      assert.equal(store.entries, 30_000);
      for (let round = 0; round < 3; round++) store.sweep();
      assert.equal(store.entries, 0);
    });
  });
});

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

/** What those who serve get of `ids`, a letter each: bytes of the state. */
async function servedOf(store: MemoryEntityStore, ids: string): Promise<string> {
  const letters = ids.split("");
  const { states } = await store.readWithPosition(letters.map((id) => ({ type: "card", id })));
  const shown = states.map((state) => (state === undefined ? "none" : (state?.length ?? null)));
  return letters.map((id, index) => `${id}:${shown[index]}`).join(" ");
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
  it("drops the least recently written beyond its bytes, and tells each; reading does not keep a state", async () => {
    let evicted = 0;
    await withStore({ bytesMax: 14_000, onEvicted: () => evicted++ }, async (store) => {
      await store.write([write("a", 4_000), write("b", 4_000), write("c", 4_000)]);
      await store.write([write("a", 4_000)]);
      assert.equal(await idsIn(store, "b"), "b");
      await store.write([write("d", 4_000)]);
      assert.equal(await idsIn(store, "abcd"), "acd");
      assert.equal(evicted, 1);
      assert.ok(store.bytes <= 14_000 && store.bytes > 12_000, `${store.bytes}`);
      await store.write([write("e", 4_000), write("f", 4_000), write("g", 4_000), write("h", 4_000)]);
      assert.equal(await idsIn(store, "abcdefgh"), "fgh");
      assert.equal(evicted, 5);
      await store.write([write("i", 14_001)]);
      assert.equal(store.entries, 0);
      assert.equal(evicted, 9);
    });
  });

  it("cannot tell what was evicted, nor begins it anew, until its events are too old", async () => {
    let now = 0;
    await withStore({ bytesMax: 10_000, now: () => now }, async (store) => {
      await store.write([write("a", 4_000), write("b", 4_000), write("c", 4_000)]);
      assert.equal(await servedOf(store, "abcx"), "a:null b:4000 c:4000 x:none");
      now = 900;
      await store.write([write("a", 10)]);
      now = 1_100;
      assert.equal(await servedOf(store, "abc"), "a:null b:none c:none", "its event of 900 would be alone");
      now = 1_901;
      assert.equal(await servedOf(store, "a"), "a:none");
      await store.write([write("a", 10)]);
      store.sweep();
      assert.equal(await servedOf(store, "a"), "a:10");
    });
  });

  it("cannot tell anyone without a state while there is no room for the names of the evicted", async () => {
    let now = 0;
    await withStore({ bytesMax: 10_000, now: () => now }, async (store) => {
      await store.write(Array.from({ length: 200 }, (_, index) => write(`long name ${index}`, 9_000)));
      assert.ok(store.bytes <= 10_000, `${store.bytes}`);
      assert.equal(await servedOf(store, "x"), "x:null");
      now = 500;
      await store.write([write("x", 10)]);
      assert.equal(await servedOf(store, "x"), "x:null");
      now = 1_501;
      await store.write([write("x", 10)]);
      assert.equal(await servedOf(store, "x"), "x:10");
    });
  });

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
    let evicted = 0;
    await withStore({ now: () => now, onEvicted: () => evicted++ }, async (store) => {
      await store.write([write("a", 10, 100), write("b", 10, 200), write("c", 10, 100)]);
      await store.write([write("c", 10, 300)]);
      now = 1_100;
      assert.equal(await idsIn(store, "abc"), "bc");
      assert.equal(store.entries, 3);
      store.sweep();
      assert.equal(store.entries, 2);
      assert.equal(evicted, 0);
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

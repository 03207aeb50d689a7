/**
 * What every entity store must do, whatever keeps its states. entity-store.test.ts runs it for each of them.
 *
 * A test has names of its own (a prefix), so that tests may share servers.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { EntityStore, EntityWrite } from "../../engine/core/entity-store.ts";
import { eventually } from "../support/eventually.ts";

const TTL_MS = 600_000;

export interface EntityStoreCase extends AsyncDisposable {
  /** A store that nobody else uses, whose names begin with `prefix`. */
  open(prefix: string): EntityStore;
}

const STRANGE_IDS = [
  "plain",
  " ",
  "with space",
  "a:b",
  ":",
  "{a}b",
  "{a}c",
  "{}",
  "{",
  "}{",
  "{}{tag}",
  "{{a}}",
  "x".repeat(128),
  "ü-ключ-鍵-🗝",
  "{ключ}",
  "*?[a]",
  "..",
  "a/b\\c",
  "%7Ba%7D",
  "constructor",
  "__proto__",
];

/** Waits until the store answers: it connects in the background. */
export async function untilUsable(store: EntityStore, timeoutMs = 15_000): Promise<void> {
  await eventually("the store can be used", () => store.position().then(() => true), timeoutMs);
}

export function stateOf(id: string, state: Buffer | string, ttlMs = TTL_MS): EntityWrite {
  return { type: "card", id, state: Buffer.from(state), ttlMs };
}

export function describeEntityStore(
  name: string,
  start: () => Promise<EntityStoreCase>,
  skip: string | false = false,
): void {
  describe(`entity store ${name}`, { skip }, () => {
    let subject: EntityStoreCase;
    const open: EntityStore[] = [];
    let number = 0;
    const create = async (): Promise<EntityStore> => {
      const store = subject.open(`test${number++}`);
      open.push(store);
      await untilUsable(store);
      return store;
    };
    before(async () => {
      subject = await start();
    });
    after(async () => {
      await Promise.all(open.map((store) => store.close()));
      await subject[Symbol.asyncDispose]();
    });
    describeReading(create);
    describeWriting(create);
    describePosition(create);
    it("answers nothing once it is closed", async () => {
      const store = await create();
      await store.close();
      await assert.rejects(store.read([{ type: "card", id: "a" }]), { code: "SERVICE_UNAVAILABLE" });
      await assert.rejects(store.write([stateOf("a", "1")]), { code: "SERVICE_UNAVAILABLE" });
    });
  });
}

function describeReading(create: () => Promise<EntityStore>): void {
  it("reads in the order asked, undefined where there is nothing, repeats included", async () => {
    const store = await create();
    const ids = Array.from({ length: 50 }, (_, index) => `id-${index}`);
    await store.write(ids.map((id) => stateOf(id, `state of ${id}`)));
    const asked = ["id-7", "none", "id-0", "id-49", "id-7", "none", "id-3"];
    const read = await store.read(asked.map((id) => ({ type: "card", id })));
    assert.deepEqual(
      read.map((state) => state?.toString()),
      asked.map((id) => (id === "none" ? undefined : `state of ${id}`)),
    );
  });

  it("reads and writes nothing when asked for nothing", async () => {
    const store = await create();
    await store.write([]);
    assert.deepEqual(await store.read([]), []);
  });

  it("gives back every byte: empty, binary and large states", async () => {
    const store = await create();
    const states = [
      Buffer.alloc(0),
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      Buffer.from("\r\n$-1\r\n"),
      Buffer.from([0xff, 0xfe, 0xc0, 0x80]),
      randomBytes(100 * 1024),
    ];
    await store.write(states.map((state, index) => ({ type: "card", id: `${index}`, state, ttlMs: TTL_MS })));
    assert.deepEqual(await store.read(states.map((_, index) => ({ type: "card", id: `${index}` }))), states);
  });

  it("keeps entities apart whatever their ids are made of", async () => {
    const store = await create();
    await store.write(STRANGE_IDS.map((id) => stateOf(id, `state of ${id}`)));
    const read = await store.read(STRANGE_IDS.map((id) => ({ type: "card", id })));
    assert.deepEqual(
      read.map((state) => state?.toString()),
      STRANGE_IDS.map((id) => `state of ${id}`),
    );
  });

  it("keeps types apart, and stores of other prefixes", async () => {
    const [store, other] = [await create(), await create()];
    await store.write([
      stateOf("a", "card"),
      { type: "user", id: "a", state: Buffer.from("user"), ttlMs: TTL_MS },
    ]);
    const keys = ["card", "user", "shop"].map((type) => ({ type, id: "a" }));
    assert.deepEqual(await store.read(keys), [Buffer.from("card"), Buffer.from("user"), undefined]);
    assert.deepEqual(await other.read(keys), [undefined, undefined, undefined]);
  });

  it("reads and writes 10,000 entities in one call", async () => {
    const store = await create();
    const writes = Array.from({ length: 10_000 }, (_, index) => stateOf(`id-${index}`, `${index}`));
    await store.write(writes);
    const read = await store.read(writes.toReversed());
    assert.deepEqual(
      read.map((state) => state?.toString()),
      writes.map((_, index) => `${index}`).reverse(),
    );
  });
}

function describeWriting(create: () => Promise<EntityStore>): void {
  it("replaces a state as a whole, the last write of one call being the last", async () => {
    const store = await create();
    await store.write([stateOf("a", "long enough to shine through"), stateOf("b", "b")]);
    await store.write([stateOf("a", "1"), stateOf("a", "22"), stateOf("a", "3")]);
    assert.deepEqual(await store.read([{ type: "card", id: "a" }]), [Buffer.from("3")]);
  });

  it("is not changed by what callers do with their buffers", async () => {
    const store = await create();
    const state = Buffer.from("mine");
    await store.write([{ type: "card", id: "a", state, ttlMs: TTL_MS }]);
    state.fill(0);
    const [read] = await store.read([{ type: "card", id: "a" }]);
    read?.fill(0);
    assert.deepEqual(await store.read([{ type: "card", id: "a" }]), [Buffer.from("mine")]);
  });

  it("forgets a state when its time to live is over, and counts it from the last write", async () => {
    const store = await create();
    const keys = ["short", "renewed", "fraction"].map((id) => ({ type: "card", id }));
    await store.write([
      stateOf("short", "1", 400),
      stateOf("renewed", "1", 400),
      stateOf("fraction", "1", 0.4),
    ]);
    await store.write([stateOf("renewed", "2")]);
    assert.deepEqual((await store.read(keys)).slice(0, 2), [Buffer.from("1"), Buffer.from("2")]);
    const gone = async (): Promise<boolean> => {
      const [short, , fraction] = await store.read(keys);
      return short === undefined && fraction === undefined;
    };
    await eventually("expired", gone);
    assert.deepEqual(await store.read(keys), [undefined, Buffer.from("2"), undefined]);
  });

  it("never shows half of a write to concurrent readers", async () => {
    const store = await create();
    const ids = Array.from({ length: 20 }, (_, index) => `id-${index}`);
    const keys = ids.map((id) => ({ type: "card", id }));
    const version = (round: number): Buffer => Buffer.alloc(2_000, round);
    await store.write(ids.map((id) => stateOf(id, version(0))));
    const writer = { isDone: false };
    const write = async (): Promise<void> => {
      for (let round = 1; round <= 100; round++)
        await store.write(ids.map((id) => stateOf(id, version(round))));
      writer.isDone = true;
    };
    const read = async (): Promise<void> => {
      const seen = new Map<number, number>();
      while (!writer.isDone) {
        for (const [index, state] of (await store.read(keys)).entries()) {
          const round = state?.[0] ?? -1;
          assert.deepEqual(state, version(round));
          assert.ok(round >= (seen.get(index) ?? 0), "a state went back");
          seen.set(index, round);
        }
      }
    };
    await Promise.all([write(), read(), read(), read()]);
    assert.deepEqual(
      await store.read(keys),
      ids.map(() => version(100)),
    );
  });
}

function describePosition(create: () => Promise<EntityStore>): void {
  it("has no position at first, and then the one that was set last", async () => {
    const store = await create();
    assert.equal(await store.position(), undefined);
    await store.setPosition({ epoch: 1_763_700_000_000, seq: 17, columns: ["card:c:1", "card:f:zz"] });
    assert.deepEqual(await store.position(), {
      epoch: 1_763_700_000_000,
      seq: 17,
      columns: ["card:c:1", "card:f:zz"],
    });
    await store.setPosition({ epoch: 1_763_800_000_000, seq: 0, columns: [] });
    assert.deepEqual(await store.position(), { epoch: 1_763_800_000_000, seq: 0, columns: [] });
  });

  it("gives states with the position of their moment to those who serve", async () => {
    const store = await create();
    const ids = Array.from({ length: 50 }, (_, index) => `id-${index}`);
    const keys = [...ids, "none"].map((id) => ({ type: "card", id }));
    await store.write(ids.map((id) => stateOf(id, `state of ${id}`)));
    const states = [...ids.map((id) => Buffer.from(`state of ${id}`)), undefined];
    const { failure, ...before } = await store.readWithPosition(keys);
    assert.deepEqual([before, failure], [{ states, position: undefined }, undefined]);
    const position = { epoch: 1, seq: 17, columns: ["card:c:1"] };
    await store.setPosition(position);
    const after = await store.readWithPosition(keys);
    assert.deepEqual(after, { states, position, failure: undefined });
    const [one] = (await store.readWithPosition(keys.slice(7, 8))).states;
    assert.deepEqual(one, states[7]);
  });

  it("keeps the columns of the position, whatever callers do with theirs", async () => {
    const store = await create();
    const columns = Array.from({ length: 2_000 }, (_, index) => `card:c:${index.toString(36)}`);
    await store.setPosition({ epoch: 1, seq: 2, columns });
    const before = [...columns];
    columns.pop();
    assert.deepEqual((await store.position())?.columns, before);
  });

  it("keeps the position apart from the states", async () => {
    const store = await create();
    await store.write([stateOf("position", "state"), stateOf("f-position", "state")]);
    assert.equal(await store.position(), undefined);
    await store.setPosition({ epoch: 1, seq: 2, columns: [] });
    assert.deepEqual(await store.read([{ type: "card", id: "position" }]), [Buffer.from("state")]);
  });
}

/** The parts of the Redis stores that need no server: slots, positions, the eviction policy. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromPositionJson, leastPosition } from "../../../storage/ingest-position.ts";
import { evictionPolicy } from "../../../storage/redis-eviction.ts";
import { keyInSlot, SLOTS, slotOf } from "../../../storage/redis-slots.ts";

describe("hash slots", () => {
  it("are those of the specification's examples", () => {
    assert.equal(slotOf("123456789"), 0x31c3);
    assert.equal(slotOf("{user1000}.following"), slotOf("{user1000}.followers"));
    assert.equal(slotOf("foo{{bar}}zap"), slotOf("{bar"));
    assert.equal(slotOf("foo{bar}{zap}"), slotOf("bar"));
    assert.notEqual(slotOf("foo{}{bar}"), slotOf("bar"));
  });

  it("have a key each, the same at every call", () => {
    for (let slot = 0; slot < SLOTS; slot++) assert.equal(slotOf(keyInSlot("name", slot)), slot);
    assert.equal(keyInSlot("name", 1024), keyInSlot("name", 1024));
  });
});

describe("positions", () => {
  it("of several nodes give the least, an earlier stream first, and none when one has none", () => {
    const [a, b, c] = [
      { epoch: 2, seq: 5, columns: [] },
      { epoch: 2, seq: 4, columns: [] },
      { epoch: 1, seq: 9, columns: [] },
    ];
    assert.deepEqual(leastPosition([a, b]), b);
    assert.deepEqual(leastPosition([a, c, b]), c);
    assert.equal(leastPosition([a, undefined, b]), undefined);
    assert.equal(leastPosition([]), undefined);
  });

  it("of several nodes have the columns that all have", () => {
    const at = (seq: number, columns: string[]) => ({ epoch: 1, seq, columns });
    assert.deepEqual(leastPosition([at(2, ["a", "b"]), at(1, ["b", "c"]), at(2, ["b", "a"])]), at(1, ["b"]));
    assert.deepEqual(leastPosition([at(1, ["a"]), at(1, [])]), at(1, []));
  });

  it("have no columns when they were written before there were any, or as something else", () => {
    for (const columns of ["", ',"columns":"a"', ',"columns":[1]'])
      assert.deepEqual(fromPositionJson(Buffer.from(`{"epoch":1,"seq":2${columns}}`)), {
        epoch: 1,
        seq: 2,
        columns: [],
      });
  });

  it("are none when what is stored is no position", () => {
    for (const text of [
      "",
      "x",
      "null",
      "[]",
      "{}",
      '{"epoch":1}',
      '{"epoch":1,"seq":"2"}',
      '{"epoch":1,"seq":1.5}',
    ])
      assert.equal(fromPositionJson(Buffer.from(text)), undefined, text);
    assert.deepEqual(fromPositionJson(Buffer.from('{"epoch":1,"seq":2}')), { epoch: 1, seq: 2, columns: [] });
  });
});

describe("the eviction policy", () => {
  const info = (limit: number, policy: string): string =>
    `# Memory\r\nused_memory:1\r\nmaxmemory:${limit}\r\nmaxmemory_human:1K\r\nmaxmemory_policy:${policy}\r\n`;

  it("is of concern where there is a limit and a policy that evicts", () => {
    assert.equal(evictionPolicy(info(1024, "volatile-ttl")), "volatile-ttl");
    assert.equal(evictionPolicy(info(1024, "noeviction")), undefined);
    assert.equal(evictionPolicy(info(0, "allkeys-lru")), undefined);
    assert.equal(evictionPolicy(""), undefined);
  });
});

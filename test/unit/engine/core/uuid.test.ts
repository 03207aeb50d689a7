/** Prediction ids: their form, their order, and that they do not repeat. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uuidText, writeUuid7, writeUuidOf } from "../../../../engine/core/uuid.ts";

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-([78])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function uuid7(nowMs: number): string {
  const bytes = Buffer.alloc(20, 0xee);
  writeUuid7(bytes, 2, nowMs);
  assert.deepEqual([bytes[0], bytes[1], bytes[18], bytes[19]], [0xee, 0xee, 0xee, 0xee]);
  return uuidText(bytes, 2);
}

describe("prediction ids", () => {
  it("are UUIDs of version 7 that hold their time and are in its order", () => {
    const times = [0, 1, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Date.UTC(2026, 0), 2 ** 48 - 1];
    const ids = times.map(uuid7);
    for (const [index, id] of ids.entries()) {
      assert.equal(FORM.exec(id)?.[1], "7", id);
      assert.equal(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16), times[index]);
    }
    assert.deepEqual(ids.toSorted(), ids);
  });

  it("differ, also across the refills of their pool of randomness", () => {
    const ids = new Set(Array.from({ length: 20_000 }, () => uuid7(1)));
    assert.equal(ids.size, 20_000);
  });

  it("that follow from a text are version 8, the same for the same text only", () => {
    const of = (text: string): string => {
      const bytes = Buffer.alloc(16);
      writeUuidOf(bytes, 0, text);
      return uuidText(bytes, 0);
    };
    assert.equal(FORM.exec(of("a"))?.[1], "8");
    assert.equal(of("a"), of("a"));
    assert.notEqual(of("a"), of("b"));
  });
});

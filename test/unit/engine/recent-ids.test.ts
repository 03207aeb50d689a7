/** The memory of stream predictions: its bound. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { writeUuidOf } from "../../../engine/core/uuid.ts";
import { RecentIds } from "../../../engine/recent-ids.ts";

function idOf(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  writeUuidOf(bytes, 0, text);
  return bytes;
}

describe("recent ids", () => {
  it("knows exactly the latest `capacity` ids, wherever it began to count", () => {
    const capacity = 10;
    for (let first = 0; first < 2 * capacity; first++) {
      const recent = new RecentIds(capacity);
      for (let index = first; index < 45; index++) recent.add(idOf(`${index}`), 0);
      const oldest = Math.max(first, 45 - capacity);
      assert.equal(recent.add(idOf(`${oldest}`), 0), false, `from ${first}: the oldest of the latest`);
      assert.equal(recent.add(idOf(`${oldest - 1}`), 0), true, `from ${first}: the one before`);
    }
  });

  it("knows the latest `capacity` ids among many, and forgets what is long past", () => {
    const capacity = 100;
    const recent = new RecentIds(capacity);
    for (let index = 0; index < 1_000; index++) {
      assert.equal(recent.add(idOf(`${index}`), 0), true, `${index} is new`);
      for (const back of [1, 50, capacity - 1])
        if (index >= back)
          assert.equal(recent.add(idOf(`${index - back}`), 0), false, `${index - back} is known`);
    }
    assert.equal(recent.add(idOf("0"), 0), true, "what is long past is forgotten");
  });

  it("tells ids apart that share their first word, and reads at an offset", () => {
    const recent = new RecentIds(8);
    const buffer = Buffer.alloc(48);
    buffer[3] = 1;
    buffer[18] = 1;
    buffer[31] = 1;
    assert.equal(recent.add(buffer, 0), true);
    assert.equal(recent.add(buffer, 16), true);
    assert.equal(recent.add(buffer, 0), false);
    assert.equal(recent.add(buffer, 16), false);
  });
});

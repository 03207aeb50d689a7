import assert from "node:assert/strict";
import { it } from "node:test";
import { RecentLabels } from "../../../../engine/labels/recent-labels.ts";

/** What is said of a key. */
function said(key: number, what: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(key), 0);
  bytes.writeBigUInt64LE(BigInt(what), 8);
  return bytes;
}

it("the same again is known, another word is not, nor is the way back", () => {
  const recent = new RecentLabels(16);
  const words = [1, 1, 2, 2, 1, 1, 2].map((what) => recent.add(said(7, what), 0));
  assert.deepEqual(words, [true, false, true, false, true, false, true]);
});

it("what was said last counts in both generations, and at least `capacity` keys are remembered", () => {
  const capacity = 100;
  const recent = new RecentLabels(capacity);
  const random = (() => {
    let state = 1;
    return (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  })();
  const latest = new Map<number, number>();
  for (let count = 0; count < 20_000; count++) {
    const key = 1 + random(150);
    const what = random(2);
    const isNew = recent.add(said(key, what), 0);
    const isAmongLatest = [...latest.keys()].slice(-capacity).includes(key);
    if (isAmongLatest) assert.equal(isNew, latest.get(key) !== what, `key ${key}, word ${count}`);
    if (!isNew) assert.equal(latest.get(key), what, "only what was said last is left out");
    if (!isNew) continue; // a repeat renews nothing
    latest.delete(key);
    latest.set(key, what);
  }
});

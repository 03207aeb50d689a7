/** The map by texts within bytes, against a map of strings. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BytesMap } from "../../../../engine/core/bytes-map.ts";
import { createRandom } from "../../../support/random.ts";

describe("bytes map", () => {
  it("finds what a map of strings finds", () => {
    const random = createRandom();
    const wordOf = (): string =>
      Array.from({ length: random.between(0, 4) }, () => "aé\0z"[random.between(0, 3)]).join("");
    const map = new BytesMap<number>();
    const expected = new Map<string, number>();
    for (let index = 0; index < 100; index++) {
      const word = wordOf();
      if (expected.has(word)) continue;
      expected.set(word, index);
      map.set(Buffer.from(word), index);
    }
    for (let index = 0; index < 1_000; index++) {
      const word = wordOf();
      const bytes = Buffer.from(`é${word}a`);
      assert.equal(map.get(bytes, 2, bytes.length - 1), expected.get(word), `"${word}", seed ${random.seed}`);
    }
  });

  it("tells texts of the same hash apart", () => {
    const map = new BytesMap<string>();
    const colliding = ["costarring", "liquid"]; // known for FNV-1a with 32 bits
    for (const text of colliding) map.set(Buffer.from(text), text);
    for (const text of colliding) assert.equal(map.get(Buffer.from(text), 0, text.length), text);
    assert.equal(map.get(Buffer.from("liquids"), 0, 7), undefined);
  });
});

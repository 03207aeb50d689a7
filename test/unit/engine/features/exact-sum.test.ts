/** Sums in two doubles against BigInt, and hashes against known ones. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../engine/core/seeded-random.ts";
import {
  addHash,
  DISTINCT_HASHES_MAX,
  distinctCount,
  distinctHash,
} from "../../../../engine/features/distinct-count.ts";
import {
  addInteger,
  addSquare,
  fromBigInt,
  SQUARED_TERM_MAX,
  TERM_MAX,
  toBigInt,
  toNumber,
} from "../../../../engine/features/exact-sum.ts";
import { murmurHash32 } from "../../../../engine/features/murmur-hash.ts";

describe("exact sums", () => {
  it("give BigInt's sum and sum of squares, in any order, up to their bounds", () => {
    const random = new SeededRandom(3);
    const extremes = [TERM_MAX, -TERM_MAX, 1, -1, 0, TERM_MAX - 1];
    const terms = [
      ...extremes,
      ...Array.from({ length: 2_000 }, () =>
        Math.floor((random.uniform() - 0.5) * 2 ** (1 + random.below(52))),
      ),
    ];
    for (const order of [terms, terms.toReversed(), terms.toSorted((a, b) => a - b)]) {
      const sums = new Float64Array(4);
      let sum = 0n;
      let squares = 0n;
      for (const term of order) {
        addInteger(sums, 0, term);
        sum += BigInt(term);
        assert.equal(toBigInt(sums[0] as number, sums[1] as number), sum);
        if (Math.abs(term) > SQUARED_TERM_MAX) continue;
        addSquare(sums, 2, term);
        squares += BigInt(term) ** 2n;
        assert.equal(toBigInt(sums[2] as number, sums[3] as number), squares);
      }
      assert.equal(toNumber(sums[2] as number, sums[3] as number), Number(squares));
      assert.deepEqual(fromBigInt(squares), [sums[2], sums[3]]);
      assert.deepEqual(fromBigInt(sum), [sums[0], sums[1]]);
    }
  });
});

describe("distinct counts", () => {
  it("hash as MurmurHash3 does", () => {
    assert.equal(murmurHash32(""), 0);
    assert.equal(murmurHash32("hello"), 0x248bfa47);
    assert.equal(murmurHash32("hello, world"), 0x149bbb7f);
    assert.equal(murmurHash32("The quick brown fox jumps over the lazy dog"), 0x2e4ff723);
  });

  it("are exact below the bound and near beyond it", () => {
    for (const [count, tolerance] of [
      [127, 0],
      [1_000, 0.3],
      [50_000, 0.3],
    ] as const) {
      const hashes: number[] = [];
      for (let turn = 0; turn < 2; turn++)
        for (let index = 0; index < count; index++) addHash(hashes, distinctHash(`value ${index}`));
      assert.ok(hashes.length <= DISTINCT_HASHES_MAX);
      assert.ok(Math.abs(distinctCount(hashes) - count) <= count * tolerance, String(distinctCount(hashes)));
    }
    assert.notEqual(distinctHash(1), distinctHash("1"));
    assert.equal(distinctHash(1), distinctHash(true));
  });
});

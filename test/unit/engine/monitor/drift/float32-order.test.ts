/** Float32 in order: sorting, keys and neighbours, for all kinds of floats. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  keyOfFloat32,
  previousFloat32,
  sortedFloat32,
} from "../../../../../engine/monitor/drift/float32-order.ts";
import { SHAPES, sample } from "../../../../support/drift-samples.ts";
import { createRandom } from "../../../../support/random.ts";

describe("float32 in order", () => {
  it("sorts as the native sort does, without NaN, small and large", () => {
    const random = createRandom();
    for (const shape of Object.keys(SHAPES))
      for (const size of [0, 1, 50, 20_000]) {
        const values = sample(random, shape, size);
        if (size > 10) values.set([Infinity, -Infinity, Number.NaN, -0, 0], 3);
        const expected = values.filter((value) => !Number.isNaN(value)).sort();
        assert.deepEqual(sortedFloat32(values), expected, `${shape} ${size}, seed ${random.seed}`);
      }
  });

  it("leaves NaN out whatever its sign, and its argument as it was", () => {
    const bits = new Uint32Array(10_000).fill(0xffc00001);
    bits.set([0x3f800000, 0x7f800001, 0x7fffffff, 0xff800001], 7);
    const values = new Float32Array(bits.buffer);
    assert.deepEqual([...sortedFloat32(values)], [1]);
    assert.equal(bits[0], 0xffc00001);
  });

  it("keys ascend as the values do", () => {
    const values = [-Infinity, -3.4e38, -1, -1.4e-45, -0, 0, 1.4e-45, 1, 3.4e38, Infinity];
    const keys = values.map(keyOfFloat32);
    assert.deepEqual(
      keys.toSorted((a, b) => a - b),
      keys,
    );
    assert.equal(new Set(keys).size, keys.length);
  });

  it("the next smaller float32 is below, with nothing between", () => {
    assert.equal(previousFloat32(1), 1 - 2 ** -24);
    assert.equal(previousFloat32(0), -(2 ** -149));
    assert.equal(previousFloat32(-0), -(2 ** -149));
    assert.equal(previousFloat32(-1), -1 - 2 ** -23);
    assert.equal(previousFloat32(2 ** -149), 0);
    assert.equal(previousFloat32(-3.4028234663852886e38), Number.NEGATIVE_INFINITY);
  });
});

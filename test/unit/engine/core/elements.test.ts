/** Half-precision numbers, all of them; values out of elements. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { halfToNumber, numberToHalf, toValues } from "../../../../engine/core/elements.ts";
import { createRandom } from "../../../support/random.ts";

const HALVES = 65_536;

describe("half-precision numbers", () => {
  it("are read and written back, every one", () => {
    for (let bits = 0; bits < HALVES; bits++) {
      const number = halfToNumber(bits);
      if (Number.isNaN(number)) assert.equal(numberToHalf(number), 0x7e00);
      else assert.equal(numberToHalf(number), bits, `${number}`);
    }
  });

  it("are the nearest ones, ties to even", () => {
    const positive = Array.from({ length: 0x7c00 }, (_, bits) => halfToNumber(bits));
    const random = createRandom();
    for (let turn = 0; turn < 20_000; turn++) {
      const at = random.between(0, positive.length - 2);
      const [low, high] = [positive[at] as number, positive[at + 1] as number];
      const share = random.next();
      const value = low + share * (high - low);
      const middle = low + (high - low) / 2;
      const nearest = value < middle ? at : value > middle ? at + 1 : at + (at % 2);
      assert.equal(numberToHalf(value), nearest, `${value}, seed ${random.seed}`);
      assert.equal(numberToHalf(-value), 0x8000 | nearest);
      assert.equal(numberToHalf(middle), at + (at % 2), `the middle above ${low}`);
    }
  });

  it("end at 65504: what rounds beyond is infinite", () => {
    assert.equal(halfToNumber(numberToHalf(65_519.99)), 65_504);
    assert.equal(halfToNumber(numberToHalf(65_520)), Number.POSITIVE_INFINITY);
    assert.equal(halfToNumber(numberToHalf(-1e30)), Number.NEGATIVE_INFINITY);
    assert.ok(Object.is(halfToNumber(numberToHalf(-1e-30)), -0));
  });
});

describe("values of elements", () => {
  it("are read from bytes at any offset", () => {
    const bytes = new Uint8Array(25);
    new DataView(bytes.buffer).setFloat64(1, 1.5, true);
    new DataView(bytes.buffer).setBigInt64(9, -(2n ** 63n), true);
    new DataView(bytes.buffer).setBigInt64(17, 2n ** 63n - 1n, true);
    assert.deepEqual(toValues("FP64", bytes.subarray(1, 9)), [1.5]);
    assert.deepEqual(toValues("INT64", bytes.subarray(9)), [-(2n ** 63n), 2n ** 63n - 1n]);
    assert.deepEqual(toValues("BOOL", Uint8Array.of(0, 1)), [false, true]);
  });
});

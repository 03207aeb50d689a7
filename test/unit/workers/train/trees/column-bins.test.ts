/** Bins of columns: what a threshold decides is what the bins are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  assignCategories,
  assignNumbers,
  BINS_MAX,
  categoryBins,
  numberBins,
  WIDE_BINS_MAX,
} from "../../../../../workers/train/trees/column-bins.ts";
import { createRandom, type Random } from "../../../../support/random.ts";

/** Columns as data have them: few values, many, one that is most of them, neighbours in float32, all sizes, both zeros. */
function someColumn(random: Random): Float32Array {
  const rows = random.between(1, 2000);
  const distinct = random.between(1, random.next() < 0.5 ? 20 : 3000);
  const offset = [0, 1e7, -3e-5][random.between(0, 2)] as number;
  const scale = [1, 1e-3, 1e30, 1e-42][random.between(0, 3)] as number;
  const common = random.next() < 0.3 ? 0.8 : 0;
  return new Float32Array(rows).map(() => {
    if (random.next() < common) return random.next() < 0.5 ? 0 : -0;
    return offset + scale * random.between(-distinct, distinct);
  });
}

describe("bins of numbers", () => {
  it("hold the rows that their thresholds part, for every column and number of bins", () => {
    const random = createRandom();
    for (let round = 0; round < 300; round++) {
      const values = someColumn(random);
      const isWide = random.next() < 0.3;
      const binsMax = random.between(2, isWide ? WIDE_BINS_MAX : BINS_MAX);
      const bins = numberBins(values.slice().sort(), binsMax);
      const { thresholds } = bins;
      const assigned = isWide ? new Uint16Array(values.length) : new Uint8Array(values.length);
      assignNumbers(values, bins, bins.values, assigned);
      const context = `seed ${random.seed}, round ${round}`;
      assert.ok(bins.values <= binsMax, context);
      assert.equal(thresholds.length, bins.values - 1);
      for (let at = 1; at < thresholds.length; at++)
        assert.ok((thresholds[at - 1] as number) < (thresholds[at] as number), context);
      const filled = new Set(assigned);
      assert.equal(filled.size, bins.values, `${context}: a bin is empty`);
      for (const [row, value] of values.entries())
        for (const [bin, threshold] of thresholds.entries())
          if (value <= threshold !== (assigned[row] as number) <= bin)
            assert.fail(`${context}: ${value} at ${threshold}`);
    }
  });

  it("are one a value when there are few values, with thresholds in the middle", () => {
    const { thresholds, values } = numberBins(Float32Array.of(1, 1, 2, 4, 4, 4), 255);
    assert.equal(values, 3);
    assert.deepEqual([...thresholds], [1.5, 3]);
  });

  it("part neighbours of float32, and the largest from the smallest", () => {
    const next = new Float32Array(new Uint32Array([0x3f800001]).buffer)[0] as number;
    assert.deepEqual([...numberBins(Float32Array.of(1, next), 255).thresholds], [1]);
    const largest = 3.4028234663852886e38;
    assert.deepEqual([...numberBins(Float32Array.of(-largest, largest), 255).thresholds], [0]);
  });

  it("hold like shares of the rows, but for values that fill more", () => {
    const random = createRandom(3);
    const values = new Float32Array(10_000).map((_, row) => (row < 4000 ? 5 : 10 * random.next()));
    const bins = numberBins(values.slice().sort(), 16);
    const assigned = new Uint8Array(values.length);
    assignNumbers(values, bins, bins.values, assigned);
    const counts = new Int32Array(bins.values);
    for (const bin of assigned) counts[bin] = (counts[bin] as number) + 1;
    const [most = 0, ...others] = [...counts].sort((a, b) => b - a);
    assert.equal(most, 4000);
    assert.ok(bins.values >= 15, `${bins.values} bins`);
    assert.ok(Math.max(...others) < 1.2 * (6000 / 15), `${Math.max(...others)}`);
  });

  it("are at most as many as two bytes hold, beside the bin of missing values", () => {
    const values = Float32Array.from({ length: 150_001 }, (_, row) => (row === 150_000 ? Number.NaN : row));
    const bins = numberBins(values.subarray(0, 150_000), WIDE_BINS_MAX);
    const assigned = new Uint16Array(values.length);
    assignNumbers(values, bins, bins.values, assigned);
    const counts = new Int32Array(2 ** 16);
    for (const bin of assigned) counts[bin] = (counts[bin] as number) + 1;
    assert.ok(bins.values > 60_000 && bins.values <= WIDE_BINS_MAX, `${bins.values}`);
    assert.ok(counts.subarray(0, bins.values).every((count) => count >= 1 && count <= 3));
    assert.equal(assigned.at(-1), bins.values);
  });

  it("send missing values to the bin that is asked for", () => {
    const bins = numberBins(Float32Array.of(1, 2), 255);
    const assigned = new Uint8Array(3);
    assignNumbers(Float32Array.of(Number.NaN, 2, 1), bins, 2, assigned);
    assert.deepEqual([...assigned], [2, 1, 0]);
  });
});

describe("bins of categories", () => {
  it("are one a code that was seen; the others share the bin of missing values", () => {
    const values = Float32Array.of(4, 0, Number.NaN, 4, 2);
    const bins = categoryBins(values, 6);
    assert.deepEqual([...bins.codes], [0, 2, 4]);
    const assigned = new Uint8Array(6);
    assignCategories(Float32Array.of(0, 1, 2, 4, 5, Number.NaN), bins, assigned);
    assert.deepEqual([...assigned], [0, 3, 1, 2, 3, 3]);
  });

  it("are those of the most frequent codes when there are more than a byte holds", () => {
    const values = Float32Array.from({ length: 1200 }, (_, row) => (row < 600 ? row : 300 + (row % 300)));
    const bins = categoryBins(values, 600);
    assert.equal(bins.values, 254);
    assert.ok([...bins.codes].every((code) => code >= 300));
    assert.ok([...bins.binOf.subarray(0, 300)].every((bin) => bin === 254));
  });
});

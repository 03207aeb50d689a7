/** The edges of frozen bins: what each bin may hold of the reference. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { previousFloat32, sortedFloat32 } from "../../../../../engine/monitor/drift/float32-order.ts";
import { EDGES_PER_BIN_MAX, freezeEdges } from "../../../../../engine/monitor/drift/frozen-edges.ts";
import { countSorted } from "../../../../../engine/monitor/drift/sorted-counts.ts";
import { SHAPES, sample } from "../../../../support/drift-samples.ts";
import { createRandom } from "../../../../support/random.ts";

describe("frozen edges", () => {
  it("no bin of several values holds more than 1/bins, guards hold nothing, edges are few", () => {
    const random = createRandom();
    for (const shape of Object.keys(SHAPES))
      for (const bins of [2, 20, 200])
        for (const size of [1, 7, 150, 1999, 10_000]) {
          const place = `${shape}, ${bins} bins, ${size} values, seed ${random.seed}`;
          const sorted = sortedFloat32(sample(random, shape, size));
          const edges = freezeEdges(sorted, bins);
          const counts = countSorted(sorted, edges);
          assert.ok(edges.length <= EDGES_PER_BIN_MAX * bins + 1, `${place}: ${edges.length} edges`);
          assert.equal(counts.at(-1), 0, place);
          assert.equal(edges.at(-1), (sorted.at(-1) ?? 0) + 0, place);
          edges.forEach((edge, at) => {
            assert.ok(at === 0 || edge > (edges[at - 1] ?? 0), place);
            const isOneValue = at > 0 && previousFloat32(edge) === edges[at - 1];
            if (!isOneValue)
              assert.ok((counts[at] ?? 0) <= size / bins, `${place}: bin ${at} has ${counts[at]}`);
          });
        }
  });

  it("values without ties are cut evenly", () => {
    const sorted = Float32Array.from({ length: 1010 }, (_, at) => at);
    const counts = countSorted(sorted, freezeEdges(sorted, 20)).subarray(1, -1);
    assert.equal(counts.length, 21);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
  });

  it("a heavy value has a bin that holds it alone", () => {
    const sorted = sortedFloat32(
      Float32Array.from({ length: 1000 }, (_, at) => (at % 2 === 0 ? 0.5 : at / 1000)),
    );
    const edges = freezeEdges(sorted, 20);
    const at = edges.indexOf(0.5);
    assert.equal(edges[at - 1], previousFloat32(0.5));
    assert.equal(countSorted(sorted, edges)[at], 500);
  });

  it("a constant column has the constant between its guards", () => {
    assert.deepEqual([...freezeEdges(new Float32Array(100).fill(-0), 20)], [-(2 ** -149), 0]);
    assert.deepEqual([...freezeEdges(Float32Array.of(2), 20)], [previousFloat32(2), 2]);
    assert.deepEqual([...freezeEdges(new Float32Array(0), 20)], []);
  });

  it("the smallest float32 has no edge below it", () => {
    const least = -3.4028234663852886e38;
    assert.deepEqual([...freezeEdges(Float32Array.of(least, 1), 20)], [least, previousFloat32(1), 1]);
  });
});

/** What counts say about KS and Wasserstein must hold of the exact ones, whatever the values are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { binnedWasserstein, ksBracket } from "../../../../../engine/monitor/drift/binned-distance.ts";
import { ksStatistic, wasserstein } from "../../../../../engine/monitor/drift/exact-distance.ts";
import { previousFloat32, sortedFloat32 } from "../../../../../engine/monitor/drift/float32-order.ts";
import { freezeEdges } from "../../../../../engine/monitor/drift/frozen-edges.ts";
import { countSorted } from "../../../../../engine/monitor/drift/sorted-counts.ts";
import { SHAPES, sample } from "../../../../support/drift-samples.ts";
import { createRandom } from "../../../../support/random.ts";

const ROUNDING = 1e-12;

function frozen(reference: Float32Array, current: Float32Array, bins: number) {
  const left = sortedFloat32(reference);
  const right = sortedFloat32(current);
  const edges = freezeEdges(left, bins);
  return { left, right, edges, before: countSorted(left, edges), now: countSorted(right, edges) };
}

/** Every shape against itself, shifted, stretched, and against another. */
function* pairs(random: ReturnType<typeof createRandom>) {
  const shapes = Object.keys(SHAPES);
  for (const shape of shapes)
    for (const size of [1, 9, 400, 3000]) {
      const reference = sample(random, shape, 2000);
      const current = sample(random, shape, size);
      yield { shape, reference, current };
      yield { shape: `${shape} x 1.5`, reference, current: current.map((value) => Math.fround(value * 1.5)) };
      yield { shape: `${shape} + 0.1`, reference, current: current.map((value) => Math.fround(value + 0.1)) };
      const other = shapes[random.between(0, shapes.length - 1)] ?? shape;
      yield { shape: `${shape}, ${other}`, reference, current: sample(random, other, size) };
    }
}

describe("Kolmogorov-Smirnov from counts", () => {
  it("brackets D, no wider than the heaviest bin of several values, which is 1/bins", () => {
    const random = createRandom();
    for (const { shape, reference, current } of pairs(random))
      for (const bins of [2, 20, 64]) {
        const { left, right, edges, before, now } = frozen(reference, current, bins);
        const place = `${shape}, ${current.length} values, ${bins} bins, seed ${random.seed}`;
        const d = ksStatistic(left, right);
        const { low, high } = ksBracket(edges, before, now);
        assert.ok(low <= d + ROUNDING && d <= high + ROUNDING, `${place}: ${d} is not in ${low} to ${high}`);
        const heaviest = Math.max(
          ...before.map((count, bin) => {
            const isOneValue = bin > 0 && previousFloat32(edges[bin] ?? 0) === edges[bin - 1];
            return isOneValue ? 0 : count / left.length;
          }),
        );
        assert.ok(high - low <= heaviest + ROUNDING && heaviest <= 1 / bins, `${place}: ${low} to ${high}`);
      }
  });

  it("is exact where every value is heavy", () => {
    const reference = Float32Array.from({ length: 300 }, (_, at) => at % 3);
    const current = Float32Array.from({ length: 70 }, (_, at) => at % 2);
    const { left, right, edges, before, now } = frozen(reference, current, 20);
    const { low, high } = ksBracket(edges, before, now);
    assert.equal(low, high);
    assert.ok(Math.abs(low - ksStatistic(left, right)) < ROUNDING);
  });

  it("infinite values count as the values beyond the range that they are", () => {
    const reference = Float32Array.from({ length: 100 }, (_, at) => at);
    const current = Float32Array.of(-Infinity, Infinity, Infinity, 50);
    const { left, right, edges, before, now } = frozen(reference, current, 10);
    const { low, high } = ksBracket(edges, before, now);
    const d = ksStatistic(left, right);
    assert.equal(d, 0.5);
    assert.ok(low <= d && d <= high);
  });
});

describe("Wasserstein from counts", () => {
  it("brackets the distance of the values clipped to the edges, the estimate within", () => {
    const random = createRandom();
    for (const { shape, reference, current } of pairs(random)) {
      const { left, right, edges, before, now } = frozen(reference, current, 20);
      const clipped = right.map((value) => Math.min(Math.max(value, edges[0] ?? 0), edges.at(-1) ?? 0));
      const exact = wasserstein(left, clipped);
      const { low, estimate, high } = binnedWasserstein(edges, before, now);
      const place = `${shape}, ${current.length} values, seed ${random.seed}: ${exact} in ${low} to ${high}, ${estimate}`;
      const rounding = 1e-9 * high;
      assert.ok(low <= exact + rounding && exact <= high + rounding, place);
      assert.ok(low <= estimate + rounding && estimate <= high + rounding, place);
    }
  });

  it("is exact where every value is heavy, also where nothing is between them", () => {
    const reference = Float32Array.from({ length: 300 }, (_, at) => 2 ** 24 + 2 * (at % 3));
    const current = Float32Array.from({ length: 70 }, (_, at) => 2 ** 24 + 2 * (at % 2));
    const { left, right, edges, before, now } = frozen(reference, current, 20);
    const { low, estimate, high } = binnedWasserstein(edges, before, now);
    const exact = wasserstein(left, right);
    assert.ok(exact > 0.5);
    for (const one of [low, estimate, high]) assert.ok(Math.abs(one - exact) < 1e-9, `${one}, not ${exact}`);
  });

  it("estimates a shift of a smooth distribution to a hundredth of its size", () => {
    const reference = Float32Array.from({ length: 20_000 }, (_, at) => at / 20_000);
    const current = reference.map((value) => 0.1 + 0.8 * value);
    const { edges, before, now } = frozen(reference, current, 20);
    assert.ok(Math.abs(binnedWasserstein(edges, before, now).estimate / 0.05 - 1) < 0.01);
  });
});

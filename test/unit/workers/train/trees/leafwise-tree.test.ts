/** Trees of boosting: what histograms spare must change nothing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TrainingSet } from "../../../../../engine/core/training-set.ts";
import { binRows } from "../../../../../workers/train/trees/binned-rows.ts";
import { type GrowthRules, LeafwiseGrower } from "../../../../../workers/train/trees/leafwise-tree.ts";
import { leafOf, type Tree } from "../../../../../workers/train/trees/tree.ts";
import { createRandom } from "../../../../support/random.ts";

const RULES: GrowthRules = {
  numLeaves: 40,
  maxDepth: Infinity,
  learningRate: 1,
  lambdaL2: 0,
  minSumHessian: 0,
  minDataInLeaf: 4,
  minGainToSplit: 0,
  catSmooth: 2,
  catL2: 1,
  maxCatThreshold: 8,
  maxCatToOnehot: 3,
  minDataPerGroup: 3,
};
const ROWS = 500;

/** Seven columns (a pass takes four), one of them a category, one with missing values; gradients in 64ths: sums are exact. */
function someSet(seed: number): { set: TrainingSet; gradients: Float32Array } {
  const random = createRandom(seed);
  const columns = Array.from({ length: 7 }, (_, index) => ({
    name: `c${index}`,
    values: new Float32Array(ROWS).map(() =>
      index === 3 && random.next() < 0.2 ? Number.NaN : random.between(0, index === 5 ? 9 : 60),
    ),
    ...(index === 5 ? { categories: 10 } : {}),
  }));
  const gradients = new Float32Array(2 * ROWS).map((_, at) =>
    at % 2 === 0 ? random.between(-64, 64) / 64 : 1,
  );
  return { set: { rows: ROWS, columns, targets: new Float64Array(ROWS) }, gradients };
}

function grow(
  seed: number,
  rules: GrowthRules,
  histogramBytesMax?: number,
): { tree: Tree; set: TrainingSet; sums: Float64Array } {
  const { set, gradients } = someSet(seed);
  const binned = binRows(set, 255, 1, Uint8Array);
  const grower = new LeafwiseGrower(binned, rules, histogramBytesMax);
  const places = Int32Array.from(binned.columns, (_, place) => place);
  // twice: what a tree leaves behind must not reach the next
  let tree: Tree | undefined;
  const sums = new Float64Array(ROWS);
  for (let round = 0; round < 2; round++) {
    for (let row = 0; row < ROWS; row++) grower.rows[row] = row;
    const next = grower.grow(gradients, ROWS, places);
    if (tree !== undefined) assert.deepEqual(next, tree);
    tree = next;
  }
  grower.addTo(sums, 0, tree as Tree);
  return { tree: tree as Tree, set, sums };
}

describe("a tree grown leaf by leaf", () => {
  it("is the same with a histogram a leaf, with few and with none kept", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { tree } = grow(seed, RULES);
      assert.ok(tree.nodes > 40, `${tree.nodes} nodes`);
      for (const bytes of [0, 16_000, 60_000]) assert.deepEqual(grow(seed, RULES, bytes).tree, tree);
    }
  });

  it("sends its training rows where its thresholds send their values", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { tree, set, sums } = grow(seed, RULES);
      for (let row = 0; row < ROWS; row++)
        assert.equal(sums[row], tree.values[leafOf(tree, set.columns, row)]);
    }
  });

  it("keeps to the bounds of leaves, depth and rows", () => {
    for (let seed = 1; seed <= 5; seed++)
      for (const rules of [
        { numLeaves: 2 },
        { numLeaves: 9 },
        { maxDepth: 1 },
        { maxDepth: 3 },
        { minDataInLeaf: 100 },
      ]) {
        const bounds = { ...RULES, ...rules };
        const { tree } = grow(seed, bounds);
        const depths = new Int32Array(tree.nodes);
        let leaves = 0;
        for (let node = 0; node < tree.nodes; node++) {
          if (tree.feature[node] === -1) {
            leaves += 1;
            assert.ok((tree.cover[node] as number) >= bounds.minDataInLeaf);
            continue;
          }
          for (const child of [tree.left[node] as number, tree.right[node] as number])
            depths[child] = (depths[node] as number) + 1;
        }
        assert.ok(leaves > 1 && leaves <= bounds.numLeaves, `${leaves} leaves`);
        assert.ok(Math.max(...depths) <= bounds.maxDepth);
      }
  });
});

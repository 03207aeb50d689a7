/**
 * Shapley values of trees against their definition: all subsets of the columns, one by one, on small random trees.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { goesLeft, type SplitTree, scoreOf } from "../../../../workers/explain/split-tree.ts";
import { meanByCover, TreeShap } from "../../../../workers/explain/tree-shap.ts";
import { TreeShapAgainst } from "../../../../workers/explain/tree-shap-against.ts";
import { createRandom, type Random } from "../../../support/random.ts";

const COLUMNS = 5;
/** Asked by no tree. */
const DUMMY = 4;
const ROUNDS = 60;
const TOLERANCE = 1e-10;

interface Draft {
  readonly feature: number;
  readonly threshold: number;
  readonly set?: ReadonlySet<number>;
  readonly missingLeft: number;
  left: number;
  right: number;
  cover: number;
  readonly value: number;
}

/** Columns are asked again and again on one path; some tests are of sets; values are 0 … 4 or missing. */
function randomTree(random: Random): SplitTree {
  const drafts: Draft[] = [];
  const grow = (depth: number): number => {
    const isLeaf = depth === 6 || (depth > 1 && random.next() < 0.3);
    const isSet = random.next() < 0.3;
    const node: Draft = {
      feature: isLeaf ? -1 : random.between(0, DUMMY - 1),
      threshold: isSet ? Number.NaN : random.between(0, 3) + 0.5,
      ...(isSet && !isLeaf ? { set: new Set([random.between(0, 4), random.between(0, 4)]) } : {}),
      missingLeft: random.between(0, 1),
      left: -1,
      right: -1,
      cover: random.between(1, 20),
      value: random.next() * 4 - 2,
    };
    const at = drafts.push(node) - 1;
    if (isLeaf) return at;
    node.left = grow(depth + 1);
    node.right = grow(depth + 1);
    node.cover = (drafts[node.left] as Draft).cover + (drafts[node.right] as Draft).cover;
    return at;
  };
  grow(0);
  const sets = drafts.flatMap(({ set }, at) => (set === undefined ? [] : [[at, set] as const]));
  return {
    nodes: drafts.length,
    depth: 6,
    feature: Int32Array.from(drafts, ({ feature }) => feature),
    threshold: Float64Array.from(drafts, ({ threshold }) => threshold),
    missingLeft: Uint8Array.from(drafts, ({ missingLeft }) => missingLeft),
    left: Int32Array.from(drafts, ({ left }) => left),
    right: Int32Array.from(drafts, ({ right }) => right),
    sets: new Map(sets),
    cover: Float64Array.from(drafts, ({ cover }) => cover),
    values: [Float64Array.from(drafts, ({ feature, value }) => (feature < 0 ? value : 0))],
  };
}

function randomRow(random: Random): Float32Array {
  return Float32Array.from({ length: COLUMNS }, () =>
    random.next() < 0.15 ? Number.NaN : random.between(0, 4),
  );
}

/** By the definition; `valueOf` says what is predicted when the columns of a subset (bits) are known. */
function shapley(valueOf: (subset: number) => number): number[] {
  const factorials = [1];
  for (let size = 1; size <= COLUMNS; size++) factorials.push((factorials[size - 1] as number) * size);
  return Array.from({ length: COLUMNS }, (_, column) => {
    let sum = 0;
    for (let subset = 0; subset < 2 ** COLUMNS; subset++) {
      if (((subset >> column) & 1) === 1) continue;
      const size = subset.toString(2).replaceAll("0", "").length;
      const weight =
        ((factorials[size] as number) * (factorials[COLUMNS - 1 - size] as number)) /
        (factorials[COLUMNS] as number);
      sum += weight * (valueOf(subset | (1 << column)) - valueOf(subset));
    }
    return sum;
  });
}

/** The prediction where unknown columns send a row both ways, by cover. */
function byCover(tree: SplitTree, row: Float32Array, subset: number, node = 0): number {
  const column = tree.feature[node] as number;
  if (column < 0) return (tree.values[0] as Float64Array)[node] as number;
  const [left, right] = [tree.left[node] as number, tree.right[node] as number];
  if (((subset >> column) & 1) === 1)
    return byCover(tree, row, subset, goesLeft(tree, node, row[column] as number) ? left : right);
  const share = (tree.cover[left] as number) / (tree.cover[node] as number);
  return share * byCover(tree, row, subset, left) + (1 - share) * byCover(tree, row, subset, right);
}

function expectClose(actual: Float64Array, expected: readonly number[], context: string): void {
  for (const [column, value] of expected.entries())
    assert.ok(
      Math.abs((actual[column] as number) - value) <= TOLERANCE,
      `${context}: column ${column} is ${actual[column]}, not ${value}`,
    );
}

describe("Shapley values of trees", () => {
  it("by covers are those of the definition, add up to the prediction, and are 0 for a column that no test asks for", () => {
    const random = createRandom();
    for (let round = 0; round < ROUNDS; round++) {
      const context = `seed ${random.seed}, round ${round}`;
      const tree = randomTree(random);
      const row = randomRow(random);
      const contributions = new Float64Array(COLUMNS);
      new TreeShap(tree.depth).add(tree, 0, row, contributions);
      expectClose(
        contributions,
        shapley((subset) => byCover(tree, row, subset)),
        context,
      );
      assert.equal(contributions[DUMMY], 0, context);
      const sum = contributions.reduce((a, b) => a + b, meanByCover(tree, 0));
      const model = { trees: [tree], base: Float64Array.of(0), hasCovers: true };
      assert.ok(Math.abs(sum - scoreOf(model, 0, row)) <= TOLERANCE, context);
    }
  });

  it("against another row are those of the definition, and add up to the difference of the two predictions", () => {
    const random = createRandom();
    for (let round = 0; round < ROUNDS; round++) {
      const context = `seed ${random.seed}, round ${round}`;
      const tree = randomTree(random);
      const [row, other] = [randomRow(random), randomRow(random)];
      const model = { trees: [tree], base: Float64Array.of(0), hasCovers: true };
      const contributions = new Float64Array(COLUMNS);
      new TreeShapAgainst(tree.depth, COLUMNS).add(tree, 0, { row, other }, 1, contributions);
      const mixed = (subset: number): Float32Array =>
        row.map((value, column) => (((subset >> column) & 1) === 1 ? value : (other[column] as number)));
      expectClose(
        contributions,
        shapley((subset) => scoreOf(model, 0, mixed(subset))),
        context,
      );
      assert.equal(contributions[DUMMY], 0, context);
      const sum = contributions.reduce((a, b) => a + b, scoreOf(model, 0, other));
      assert.ok(Math.abs(sum - scoreOf(model, 0, row)) <= TOLERANCE, context);
    }
  });
});

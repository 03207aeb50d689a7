/**
 * Grows one tree of boosting leaf by leaf: always the leaf whose best split gains most, as LightGBM does.
 *
 *     root: sums, histogram, best split → the most gaining leaf is split → the smaller child's histogram is counted,
 *     the larger's is the parent's less that → their best splits → … until no leaf gains or there are numLeaves
 *
 * One grower serves all trees of a run: rows, gradients in the leaves' order and histograms are allocated once. Bound: a
 * histogram a leaf, HISTOGRAM_BYTES_MAX in all; leaves that get none have theirs counted whenever it is needed.
 */
import { nodeSplitOf } from "./bin-split.ts";
import type { BinnedColumn, BinnedRows } from "./binned-rows.ts";
import { scanCategories } from "./category-split.ts";
import { addRows, gather, HistogramPool, subtract, sumOf } from "./histogram.ts";
import { type Leaf, mostGaining, newLeaf, sidesOf } from "./leaf.ts";
import { scanNumbers } from "./number-split.ts";
import { RowPartition } from "./row-partition.ts";
import { BestSplit, outputOf, type SplitRules } from "./split.ts";
import type { Tree } from "./tree.ts";
import { TreeBuilder } from "./tree-builder.ts";

const HISTOGRAM_BYTES_MAX = 256 * 1024 * 1024;

export interface GrowthRules extends SplitRules {
  readonly numLeaves: number;
  readonly maxDepth: number;
  /** Leaves hold their output times this. */
  readonly learningRate: number;
}

/** Gradient and hessian of each training row, beside each other: [g, h] of row 0, of row 1, … */
export type Gradients = Float32Array;

export class LeafwiseGrower {
  readonly #binned: BinnedRows;
  readonly #rules: GrowthRules;
  readonly #pool: HistogramPool;
  readonly #scratch: Float64Array;
  readonly #partition: RowPartition;
  /** In the order of the leaves' rows. */
  readonly #ordered: Gradients;
  /** To use again: those of the tree's leaves, in the order in which they were made. */
  readonly #splits: BestSplit[] = [];
  #splitsUsed = 0;
  #leaves: Leaf[] = [];
  #places = new Int32Array();
  #current: Gradients;

  constructor(binned: BinnedRows, rules: GrowthRules, histogramBytesMax = HISTOGRAM_BYTES_MAX) {
    this.#binned = binned;
    this.#rules = rules;
    const bins = binned.offsets[binned.columns.length] as number;
    this.#pool = new HistogramPool(bins, rules.numLeaves + 1, histogramBytesMax);
    this.#scratch = new Float64Array(2 * bins);
    this.#partition = new RowPartition(binned.rows);
    this.#ordered = new Float32Array(2 * binned.rows);
    this.#current = this.#ordered;
  }

  /** Where the rows to grow on are put before `grow`, which reorders them. */
  get rows(): Int32Array {
    return this.#partition.rows;
  }

  /**
   * Grows a tree on the first `count` of `rows`, splitting the binned columns at `places`.
   */
  grow(current: Gradients, count: number, places: Int32Array<ArrayBuffer>): Tree {
    this.#current = current;
    this.#places = places;
    this.#splitsUsed = 0;
    const { numLeaves, learningRate } = this.#rules;
    const builder = new TreeBuilder(1, 2 * numLeaves - 1);
    const root = this.#root(builder, count);
    this.#leaves = [root];
    if (numLeaves > 1 && this.#canSplit(root)) this.#keepOrDrop(root, this.#count(root));
    while (this.#leaves.length < numLeaves) {
      const parent = mostGaining(this.#leaves);
      if (parent === undefined) break;
      const [left, right] = this.#split(parent, builder);
      this.#leaves[this.#leaves.indexOf(parent)] = left;
      this.#leaves.push(right);
      if (this.#leaves.length < numLeaves) this.#findSplits(parent.histogram, left, right);
      else this.#pool.give(parent.histogram);
    }
    for (const leaf of this.#leaves) {
      builder.setValue(leaf.node, 0, leaf.output * learningRate);
      this.#pool.give(leaf.histogram);
    }
    return builder.build();
  }

  /** Adds the values of the tree grown last to `sums` at `offset` + row, for the rows that it was grown on. */
  addTo(sums: Float64Array, offset: number, tree: Tree): void {
    const { rows } = this;
    for (const { node, begin, end } of this.#leaves) {
      const value = tree.values[node] as number;
      for (let index = begin; index < end; index++) {
        const at = offset + (rows[index] as number);
        sums[at] = (sums[at] as number) + value;
      }
    }
  }

  #root(builder: TreeBuilder, count: number): Leaf {
    const gradient = sumOf(this.#current, 0, this.rows, count);
    const hessian = sumOf(this.#current, 1, this.rows, count);
    const free = { gradient, hessian, rows: count, output: 0, lower: -Infinity, upper: Infinity };
    const output = outputOf(gradient, hessian, this.#rules.lambdaL2, free);
    return newLeaf({ ...free, output }, builder.addLeaf(hessian), 0, count, 0, this.#newSplit());
  }

  #newSplit(): BestSplit {
    const split = (this.#splits[this.#splitsUsed] ??= new BestSplit());
    this.#splitsUsed += 1;
    split.clear();
    return split;
  }

  #split(parent: Leaf, builder: TreeBuilder): [Leaf, Leaf] {
    const { split, begin, end } = parent;
    const column = this.#binned.columns[split.place] as BinnedColumn;
    const middle = this.#partition.split(this.#binned, begin, end, split);
    const [left, right] = sidesOf(parent, this.#rules.monotone?.[split.place] ?? 0);
    const depth = parent.depth + 1;
    const children: [Leaf, Leaf] = [
      newLeaf(left, builder.addLeaf(left.hessian), begin, middle, depth, this.#newSplit()),
      newLeaf(right, builder.addLeaf(right.hessian), middle, end, depth, this.#newSplit()),
    ];
    builder.split(parent.node, nodeSplitOf(column, split), children[0].node, children[1].node);
    return children;
  }

  #canSplit({ rows, hessian, depth }: Leaf): boolean {
    const { maxDepth, minDataInLeaf, minSumHessian } = this.#rules;
    return depth < maxDepth && rows >= 2 * minDataInLeaf && hessian >= 2 * minSumHessian;
  }

  /** @param histogram the parent's, if it was kept; it becomes the larger child's */
  #findSplits(histogram: Float64Array | undefined, left: Leaf, right: Leaf): void {
    const [small, large] = left.rows <= right.rows ? [left, right] : [right, left];
    const splitsSmall = this.#canSplit(small);
    if (!this.#canSplit(large)) {
      this.#pool.give(histogram);
      if (splitsSmall) this.#keepOrDrop(small, this.#count(small));
      return;
    }
    if (!splitsSmall && histogram === undefined) return this.#keepOrDrop(large, this.#count(large));
    const counted = this.#count(small);
    if (histogram !== undefined) subtract(histogram, counted);
    if (splitsSmall) this.#keepOrDrop(small, counted);
    else if (counted !== this.#scratch) this.#pool.give(counted);
    this.#keepOrDrop(large, histogram ?? this.#count(large));
  }

  /** Finds the leaf's best split, and keeps its histogram for its children if it has one and is not the scratch. */
  #keepOrDrop(leaf: Leaf, histogram: Float64Array): void {
    const { columns, offsets } = this.#binned;
    for (const place of this.#places) {
      const column = columns[place] as BinnedColumn;
      const start = offsets[place] as number;
      const scan = column.categories === undefined ? scanNumbers : scanCategories;
      scan(histogram, start, column, place, leaf, this.#rules, leaf.split);
    }
    if (histogram === this.#scratch) return;
    if (leaf.split.gain > 0) leaf.histogram = histogram;
    else this.#pool.give(histogram);
  }

  #count({ begin, end }: Leaf): Float64Array {
    const { rows } = this;
    gather(this.#current, rows, begin, end, this.#ordered);
    const histogram = this.#pool.take() ?? this.#scratch.fill(0);
    addRows(this.#binned, this.#places, rows, this.#ordered, begin, end, histogram);
    return histogram;
  }
}

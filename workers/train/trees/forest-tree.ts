/**
 * Grows one tree of a forest on drawn rows: depth first until leaves are pure, or best first with a bound of leaves, as
 * scikit-learn. Each node looks at columns drawn for it.
 */
import { type BinSplit, nodeSplitOf } from "./bin-split.ts";
import type { BinnedColumn, BinnedRows } from "./binned-rows.ts";
import { BINS_MAX } from "./column-bins.ts";
import { ForestScan, type ForestSplit, type NodeSums } from "./forest-split.ts";
import { BinSums } from "./forest-sums.ts";
import type { TreeRandom } from "./random.ts";
import { RowPartition } from "./row-partition.ts";
import type { Tree } from "./tree.ts";
import { TreeBuilder } from "./tree-builder.ts";

export interface ForestRules {
  readonly maxDepth: number;
  readonly minSamplesSplit: number;
  readonly minSamplesLeaf: number;
  /** Columns that a node looks at. */
  readonly maxFeatures: number;
  /** Infinity for any number: then trees grow depth first. */
  readonly maxLeafNodes: number;
}

/** The rows at positions begin … end, and the split that they are to be parted by. */
interface Node extends BinSplit {
  readonly node: number;
  readonly begin: number;
  readonly end: number;
  readonly depth: number;
}

const NO_BINS = new Uint8Array();

export class ForestGrower {
  readonly #binned: BinnedRows<Uint16Array>;
  readonly #rules: ForestRules;
  readonly #random: TreeRandom;
  readonly #partition: RowPartition;
  readonly #bins: BinSums;
  readonly #scan: ForestScan;
  readonly #places: Int32Array;
  /** In the order of the positions; those of the node at hand are filled. */
  readonly #weights: Float64Array;
  readonly #targets: Float64Array;
  readonly #sums: NodeSums;
  readonly #best: ForestSplit = {
    place: -1,
    score: -Infinity,
    bin: 0,
    missingLeft: false,
    leftBins: new Uint8Array(BINS_MAX),
  };

  /** @param classes 1 for values and for two classes */
  constructor(binned: BinnedRows<Uint16Array>, classes: number, rules: ForestRules, random: TreeRandom) {
    this.#binned = binned;
    this.#rules = rules;
    this.#random = random;
    this.#partition = new RowPartition(binned.rows);
    const most = binned.columns.reduce((bins, { values }) => Math.max(bins, values + 1), 0);
    this.#bins = new BinSums(classes, most);
    this.#scan = new ForestScan(this.#bins, rules.minSamplesLeaf);
    this.#places = Int32Array.from(binned.columns, (_, place) => place);
    this.#weights = new Float64Array(binned.rows);
    this.#targets = new Float64Array(binned.rows);
    this.#sums = new Float64Array(this.#bins.stride);
  }

  /** Where the rows to grow on are put before `grow`, which reorders them. */
  get rows(): Int32Array {
    return this.#partition.rows;
  }

  /** Grows a tree on the first `count` of `rows`; `targets` and `weights` are by row. */
  grow(targets: Float64Array, weights: Float64Array, count: number): Tree {
    const builder = new TreeBuilder(this.#bins.stride - 2);
    const pending: Node[] = [];
    const visit = (begin: number, end: number, depth: number): number => {
      const isPure = this.#sum(targets, weights, begin, end);
      const node = this.#addLeaf(builder);
      if (!isPure && this.#canSplit(end - begin, depth) && this.#findSplit(begin, end))
        pending.push(this.#pendingNode(node, begin, end, depth));
      return node;
    };
    visit(0, count, 0);
    for (let leaves = 1; pending.length > 0 && leaves < this.#rules.maxLeafNodes; leaves++) {
      const next = this.#take(pending);
      const column = this.#binned.columns[next.place] as BinnedColumn;
      const middle = this.#partition.split(this.#binned, next.begin, next.end, next);
      const left = visit(next.begin, middle, next.depth + 1);
      const right = visit(middle, next.end, next.depth + 1);
      builder.split(next.node, nodeSplitOf(column, next), left, right);
    }
    return builder.build();
  }

  #take(pending: Node[]): Node {
    if (this.#rules.maxLeafNodes === Infinity) return pending.pop() as Node;
    let most = 0;
    for (let at = 1; at < pending.length; at++)
      if ((pending[at] as Node).gain > (pending[most] as Node).gain) most = at;
    return pending.splice(most, 1)[0] as Node;
  }

  #canSplit(rows: number, depth: number): boolean {
    const { maxDepth, minSamplesSplit, minSamplesLeaf } = this.#rules;
    return depth < maxDepth && rows >= minSamplesSplit && rows >= 2 * minSamplesLeaf;
  }

  /** Puts the rows' weights, targets and sums in order; returns whether all targets are the same. */
  #sum(targets: Float64Array, weights: Float64Array, begin: number, end: number): boolean {
    const sums = this.#sums.fill(0);
    const isPure = gather(targets, weights, this.rows, begin, end, this.#targets, this.#weights);
    sums[0] = end - begin;
    sums[1] = sumOf(this.#weights, begin, end);
    if (sums.length === 3) sums[2] = sumOfProducts(this.#weights, this.#targets, begin, end);
    else addByClass(this.#weights, this.#targets, begin, end, sums);
    return isPure;
  }

  #addLeaf(builder: TreeBuilder): number {
    const sums = this.#sums;
    const weight = sums[1] as number;
    const node = builder.addLeaf(weight);
    for (let place = 2; place < sums.length; place++)
      builder.setValue(node, place - 2, (sums[place] as number) / weight);
    return node;
  }

  /**
   * Draws columns (Fisher and Yates) and finds the best of their splits. Drawn columns with one bin count, as in scikit-learn,
   * but not alone: at least one that varies is looked at.
   */
  #findSplit(begin: number, end: number): boolean {
    const { columns, bins, rows: rowsAll } = this.#binned;
    const { maxFeatures } = this.#rules;
    const places = this.#places;
    const best = this.#best;
    best.score = -Infinity;
    let varying = 0;
    for (let drawn = 0; drawn < places.length && (drawn < maxFeatures || varying === 0); drawn++) {
      const at = drawn + this.#random.below(places.length - drawn);
      const place = places[at] as number;
      places[at] = places[drawn] as number;
      places[drawn] = place;
      this.#bins.fill(bins, place * rowsAll, this.rows, this.#weights, this.#targets, begin, end);
      if (this.#bins.count < 2) continue;
      varying += 1;
      this.#scan.scan(columns[place] as BinnedColumn, place, this.#sums, best);
    }
    return best.score > -Infinity;
  }

  #pendingNode(node: number, begin: number, end: number, depth: number): Node {
    const { place, bin, missingLeft, score } = this.#best;
    const isCategory = this.#binned.columns[place]?.categories !== undefined;
    const leftBins = isCategory ? this.#best.leftBins.slice() : NO_BINS;
    let squares = 0;
    for (let at = 2; at < this.#sums.length; at++) squares += (this.#sums[at] as number) ** 2;
    const gain = Math.max(score - squares / (this.#sums[1] as number), 0);
    return { node, begin, end, depth, place, bin, missingLeft, leftBins, gain };
  }
}

/** Puts targets and weights in the order of the positions; returns whether all targets are the same. */
function gather(
  targets: Float64Array,
  weights: Float64Array,
  rows: Int32Array,
  begin: number,
  end: number,
  targetsInto: Float64Array,
  weightsInto: Float64Array,
): boolean {
  const first = targets[rows[begin] as number] as number;
  let isPure = true;
  for (let index = begin; index < end; index++) {
    const row = rows[index] as number;
    const target = targets[row] as number;
    targetsInto[index] = target;
    weightsInto[index] = weights[row] as number;
    if (target !== first) isPure = false;
  }
  return isPure;
}

function sumOf(values: Float64Array, begin: number, end: number): number {
  let sum = 0;
  for (let index = begin; index < end; index++) sum += values[index] as number;
  return sum;
}

function sumOfProducts(a: Float64Array, b: Float64Array, begin: number, end: number): number {
  let sum = 0;
  for (let index = begin; index < end; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

/** Adds each weight to the sum of its class, from place 2 on. */
function addByClass(
  weights: Float64Array,
  classes: Float64Array,
  begin: number,
  end: number,
  sums: Float64Array,
): void {
  for (let index = begin; index < end; index++) {
    const at = 2 + (classes[index] as number);
    sums[at] = (sums[at] as number) + (weights[index] as number);
  }
}

/**
 * The best split of a forest's node on one column: the one that lowers the children's weighted Gini impurity, or squared error,
 * most. Both are the same sum: for each child its squared sums of targets over its weight (for two classes, up to a factor, of the second
 * alone). hot path
 *
 * As scikit-learn, a split that lowers nothing is taken too when there is no better one: trees grow until their leaves are pure.
 */
import type { BinnedColumn } from "./binned-rows.ts";
import type { BinSums } from "./forest-sums.ts";

/** The best split so far. */
export interface ForestSplit {
  place: number;
  /** Squared sums over weights of both children; -Infinity for none. */
  score: number;
  /** Value bins up to this one go left, of numbers. */
  bin: number;
  missingLeft: boolean;
  /** 1 for each bin that goes left, of categories; those without a value go right. */
  readonly leftBins: Uint8Array;
}

/** Sums of a node in the layout of a bin. */
export type NodeSums = Float64Array;

export class ForestScan {
  readonly #bins: BinSums;
  readonly #left: Float64Array;
  readonly #minRows: number;

  constructor(bins: BinSums, minSamplesLeaf: number) {
    this.#bins = bins;
    this.#left = new Float64Array(bins.stride);
    this.#minRows = minSamplesLeaf;
  }

  /** Puts a better split than `best` into it; the column's bins were filled. */
  scan(column: BinnedColumn, place: number, node: NodeSums, best: ForestSplit): void {
    const { used, count } = this.#bins;
    const missing = column.values;
    const hasMissing = used[count - 1] === missing;
    const values = hasMissing ? count - 1 : count;
    if (column.categories !== undefined) this.#sortByTarget(values, node);
    const isOrdered = column.categories === undefined;
    this.#left.fill(0);
    this.#scanOrder(values, isOrdered, hasMissing, false, missing, place, node, best);
    if (!hasMissing || !isOrdered) return;
    this.#left.fill(0);
    this.#add(missing);
    this.#scanOrder(values, isOrdered, true, true, missing, place, node, best);
  }

  #scanOrder(
    values: number,
    isOrdered: boolean,
    hasMissing: boolean,
    missingLeft: boolean,
    missing: number,
    place: number,
    node: NodeSums,
    best: ForestSplit,
  ): void {
    const left = this.#left;
    const order = this.#bins.used;
    const rows = node[0] as number;
    // all values on one side, and the missing ones on the other, is a split too
    const last = hasMissing && !missingLeft ? values : values - 1;
    for (let index = 0; index < last; index++) {
      const bin = order[index] as number;
      this.#add(bin);
      const leftRows = left[0] as number;
      if (leftRows < this.#minRows) continue;
      if (rows - leftRows < this.#minRows) break;
      const score = this.#score(node);
      if (score <= best.score) continue;
      best.score = score;
      best.place = place;
      const next = index + 1 < values ? (order[index + 1] as number) : missing;
      // in the middle of the empty bins between, as scikit-learn's threshold is in the middle between two values
      best.bin = next === missing ? missing - 1 : (bin + next - 1) >>> 1;
      const isHeavierLeft = 2 * (left[1] as number) >= (node[1] as number);
      best.missingLeft = hasMissing ? missingLeft : isOrdered && isHeavierLeft;
      if (isOrdered) continue;
      best.leftBins.fill(0);
      for (let taken = 0; taken <= index; taken++) best.leftBins[order[taken] as number] = 1;
    }
  }

  #add(bin: number): void {
    const { sums, stride } = this.#bins;
    const left = this.#left;
    const at = stride * bin;
    for (let place = 0; place < stride; place++)
      left[place] = (left[place] as number) + (sums[at + place] as number);
  }

  #score(node: NodeSums): number {
    const left = this.#left;
    const leftWeight = left[1] as number;
    const rightWeight = (node[1] as number) - leftWeight;
    let leftSquares = 0;
    let rightSquares = 0;
    for (let place = 2; place < left.length; place++) {
      const sum = left[place] as number;
      const rest = (node[place] as number) - sum;
      leftSquares += sum * sum;
      rightSquares += rest * rest;
    }
    return leftSquares / leftWeight + rightSquares / rightWeight;
  }

  /**
   * Categories by their mean target: with one sum the best of all sets is then a cut (Fisher 1958); of more classes, by the share of the
   * node's largest, which is near the best.
   */
  #sortByTarget(values: number, node: NodeSums): void {
    const { sums, stride, used } = this.#bins;
    let target = 2;
    for (let place = 3; place < stride; place++)
      if ((node[place] as number) > (node[target] as number)) target = place;
    const mean = (bin: number): number =>
      (sums[stride * bin + target] as number) / (sums[stride * bin + 1] as number);
    used.subarray(0, values).sort((a, b) => mean(a) - mean(b) || a - b);
  }
}

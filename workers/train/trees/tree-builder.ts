/** Grows the arrays of one tree, node by node; arrays double as they fill. */
import type { Tree } from "./tree.ts";

export interface NodeSplit {
  readonly feature: number;
  readonly threshold: number;
  readonly missingLeft: boolean;
  /** Codes that go left, of a category. */
  readonly codes?: Int32Array;
  readonly gain: number;
}

export class TreeBuilder {
  readonly #width: number;
  readonly #categories = new Map<number, Int32Array>();
  #nodes = 0;
  #feature: Int32Array<ArrayBuffer>;
  #threshold: Float32Array<ArrayBuffer>;
  #missingLeft: Uint8Array<ArrayBuffer>;
  #left: Int32Array<ArrayBuffer>;
  #right: Int32Array<ArrayBuffer>;
  #values: Float32Array<ArrayBuffer>;
  #cover: Float32Array<ArrayBuffer>;
  #gain: Float64Array<ArrayBuffer>;

  /** @param width numbers a leaf */
  constructor(width: number, capacity = 64) {
    this.#width = width;
    this.#feature = new Int32Array(capacity);
    this.#threshold = new Float32Array(capacity);
    this.#missingLeft = new Uint8Array(capacity);
    this.#left = new Int32Array(capacity);
    this.#right = new Int32Array(capacity);
    this.#values = new Float32Array(capacity * width);
    this.#cover = new Float32Array(capacity);
    this.#gain = new Float64Array(capacity);
  }

  /** Adds a leaf, without numbers yet. */
  addLeaf(cover: number): number {
    if (this.#nodes === this.#feature.length) this.#double();
    const node = this.#nodes;
    this.#feature[node] = -1;
    this.#cover[node] = cover;
    this.#nodes += 1;
    return node;
  }

  setValue(node: number, index: number, value: number): void {
    this.#values[node * this.#width + index] = value;
  }

  /** Makes a leaf a split over two nodes that were added. */
  split(
    node: number,
    { feature, threshold, missingLeft, codes, gain }: NodeSplit,
    left: number,
    right: number,
  ): void {
    this.#feature[node] = feature;
    this.#threshold[node] = threshold;
    this.#missingLeft[node] = missingLeft ? 1 : 0;
    this.#left[node] = left;
    this.#right[node] = right;
    this.#gain[node] = gain;
    if (codes !== undefined) this.#categories.set(node, codes);
  }

  build(): Tree {
    const nodes = this.#nodes;
    return {
      nodes,
      feature: this.#feature.slice(0, nodes),
      threshold: this.#threshold.slice(0, nodes),
      missingLeft: this.#missingLeft.slice(0, nodes),
      left: this.#left.slice(0, nodes),
      right: this.#right.slice(0, nodes),
      categories: this.#categories,
      width: this.#width,
      values: this.#values.slice(0, nodes * this.#width),
      cover: this.#cover.slice(0, nodes),
      gain: this.#gain.slice(0, nodes),
    };
  }

  #double(): void {
    const capacity = this.#feature.length * 2;
    this.#feature = filled(new Int32Array(capacity), this.#feature);
    this.#threshold = filled(new Float32Array(capacity), this.#threshold);
    this.#missingLeft = filled(new Uint8Array(capacity), this.#missingLeft);
    this.#left = filled(new Int32Array(capacity), this.#left);
    this.#right = filled(new Int32Array(capacity), this.#right);
    this.#values = filled(new Float32Array(capacity * this.#width), this.#values);
    this.#cover = filled(new Float32Array(capacity), this.#cover);
    this.#gain = filled(new Float64Array(capacity), this.#gain);
  }
}

function filled<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}

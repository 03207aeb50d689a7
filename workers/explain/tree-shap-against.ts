/**
 * Shapley values of a tree for one row against one other row, exactly: what is unknown takes the other row's values (shap's
 * `interventional` perturbation with a background of one row; the mean over more rows is that over a background).
 *
 * On the way down a feature over which the two rows part belongs to the row or to the other from there on. A leaf that is reached
 * with a features of the row and b of the other is reached by exactly the subsets with the a and without the b, so each of the a gets
 * (a - 1)! b! / (a + b)! of the leaf's value, and each of the b loses a! (b - 1)! / (a + b)! of it. Cost: one walk over the nodes
 * that either row can reach.
 */
import { goesLeft, type SplitTree } from "./split-tree.ts";

const UNDECIDED = 0;
const ROWS = 1;
const OTHERS = 2;

export class TreeShapAgainst {
  /** Whose value a column has on the way down. */
  readonly #owner: Uint8Array;
  /** gains[a × stride + b] = (a - 1)! b! / (a + b)!; a loss with a and b is the gain with b and a. */
  readonly #gains: Float64Array;
  readonly #stride: number;
  #gained = 0;
  #lost = 0;

  /** For trees of at most that depth over so many columns. */
  constructor(depth: number, columns: number) {
    this.#owner = new Uint8Array(columns);
    this.#stride = depth + 1;
    this.#gains = gainTable(depth);
  }

  /** Adds `share` of each column's part in the difference that the row makes; the other row's score comes beside it. */
  add(
    tree: SplitTree,
    score: number,
    { row, other }: { readonly row: Float32Array; readonly other: Float32Array },
    share: number,
    contributions: Float64Array,
  ): void {
    const values = tree.values[score];
    if (values !== undefined) this.#descend({ tree, values, row, other, share, contributions }, 0, 0, 0);
  }

  /** Leaves in #gained and #lost what each feature of the row gains, and each of the other loses, by the leaves below. */
  #descend(at: Walk, node: number, mine: number, others: number): void {
    const { tree, row, other } = at;
    const column = tree.feature[node] as number;
    if (column < 0) {
      const value = at.values[node] as number;
      this.#gained = value * (this.#gains[mine * this.#stride + others] as number);
      this.#lost = value * (this.#gains[others * this.#stride + mine] as number);
      return;
    }
    const owner = this.#owner[column] as number;
    const childOf = (isLeft: boolean): number => (isLeft ? tree.left[node] : tree.right[node]) as number;
    const ofRow = childOf(goesLeft(tree, node, row[column] as number));
    const ofOther = childOf(goesLeft(tree, node, other[column] as number));
    if (ofRow === ofOther || owner === ROWS) return this.#descend(at, ofRow, mine, others);
    if (owner === OTHERS) return this.#descend(at, ofOther, mine, others);
    this.#owner[column] = ROWS;
    this.#descend(at, ofRow, mine + 1, others);
    const [gained, lost] = [this.#gained, this.#lost];
    this.#owner[column] = OTHERS;
    this.#descend(at, ofOther, mine, others + 1);
    this.#owner[column] = UNDECIDED;
    at.contributions[column] = (at.contributions[column] as number) + at.share * (gained - this.#lost);
    this.#gained += gained;
    this.#lost += lost;
  }
}

interface Walk {
  readonly tree: SplitTree;
  readonly values: Float64Array;
  readonly row: Float32Array;
  readonly other: Float32Array;
  readonly share: number;
  readonly contributions: Float64Array;
}

/** 0 for a = 0. (a - 1)! b! / (a + b)! = B(a, b + 1), from B(a, 1) = 1 / a by B(a, b + 1) = B(a, b) b / (a + b). */
function gainTable(depth: number): Float64Array {
  const table = new Float64Array((depth + 1) ** 2);
  for (let mine = 1; mine <= depth; mine++) {
    let gain = 1 / mine;
    for (let others = 0; others <= depth - mine; others++) {
      if (others > 0) gain *= others / (mine + others);
      table[mine * (depth + 1) + others] = gain;
    }
  }
  return table;
}

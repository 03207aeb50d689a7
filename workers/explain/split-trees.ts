/**
 * From the trees of a file to trees to be explained: every test becomes "at most a threshold" or "one of a set", chains of
 * comparisons that lead to the same child become one set, and nodes are numbered anew, parents first.
 *
 * Bounds: NODES_MAX nodes and DEPTH_MAX levels, whatever the file's nodes point to; so a file whose nodes go in circles is refused.
 */
import type { FileTrees, Mode } from "./file-trees.ts";
import type { SplitTree, TreeScores } from "./split-tree.ts";

const NODES_MAX = 4_000_000;
const DEPTH_MAX = 512;
/** Covers are sums of float32, some of them rounded for printing. */
const COVER_TOLERANCE = 1e-3;

/** A test as SplitTree has it, and the file's nodes that follow. */
interface Test {
  readonly feature: number;
  readonly threshold: number;
  readonly set?: ReadonlySet<number>;
  readonly left: number;
  readonly right: number;
  readonly missingLeft: boolean;
}

/** @throws Error for trees that cannot be explained by sums of leaves (the largest, the smallest), and for damaged ones. */
export function splitTrees(file: FileTrees, columns: number): TreeScores {
  if (file.aggregate !== "SUM" && file.aggregate !== "AVERAGE")
    throw new Error(`trees are not added up but aggregated by ${file.aggregate}`);
  const share = file.aggregate === "AVERAGE" ? 1 / file.roots.length : 1;
  let room = NODES_MAX;
  const trees = file.roots.map((root) => {
    const tree = growTree(file, root, { columns, share, room });
    room -= tree.nodes;
    return tree;
  });
  // one base value is that of the one score there is, even if the file lists one per class
  const base = Float64Array.from(
    { length: file.scores },
    (_, score) => file.base[file.scores === 1 ? file.base.length - 1 : score] ?? 0,
  );
  return { trees, base, hasCovers: trees.every(haveCovers) };
}

interface Limits {
  readonly columns: number;
  readonly share: number;
  readonly room: number;
}

interface Grown {
  readonly file: number;
  readonly test: Test | undefined;
  left: number;
  right: number;
}

function growTree(file: FileTrees, root: number, { columns, share, room }: Limits): SplitTree {
  const grown: Grown[] = [];
  const waiting = [{ file: root, depth: 0, parent: -1, isLeft: false }];
  let depthMax = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { file: at, depth, parent, isLeft } = next;
    const mode = file.modes[at];
    if (mode === undefined) throw new Error("a node leads to one that is not there");
    if (depth > DEPTH_MAX || grown.length >= room)
      throw new Error(`the trees have more than ${DEPTH_MAX} levels or ${NODES_MAX} nodes, or go in circles`);
    const test = mode === "LEAF" ? undefined : testAt(file, at, mode);
    if (test !== undefined && !(test.feature >= 0 && test.feature < columns))
      throw new Error(`a node asks for column ${test.feature} of ${columns}`);
    const above = grown[parent];
    if (above !== undefined) above[isLeft ? "left" : "right"] = grown.length;
    depthMax = Math.max(depthMax, depth);
    const child = { depth: depth + 1, parent: grown.length };
    grown.push({ file: at, test, left: -1, right: -1 });
    if (test === undefined) continue;
    waiting.push({ file: test.right, isLeft: false, ...child }, { file: test.left, isLeft: true, ...child });
  }
  return toTree(file, grown, depthMax, share);
}

function toTree(file: FileTrees, grown: readonly Grown[], depth: number, share: number): SplitTree {
  const nodes = grown.length;
  const values = Array.from<Float64Array | undefined>({ length: file.scores });
  const sets = new Map<number, ReadonlySet<number>>();
  for (const [node, { file: at, test }] of grown.entries()) {
    if (test?.set !== undefined) sets.set(node, test.set);
    if (test !== undefined) continue;
    for (const { score, weight } of file.leaves.get(at) ?? []) {
      if (!(score >= 0 && score < file.scores))
        throw new Error(`a leaf adds to score ${score} of ${file.scores}`);
      const own = (values[score] ??= new Float64Array(nodes));
      own[node] = (own[node] as number) + weight * share;
    }
  }
  return {
    nodes,
    depth,
    feature: Int32Array.from(grown, ({ test }) => test?.feature ?? -1),
    threshold: Float64Array.from(grown, ({ test }) => test?.threshold ?? Number.NaN),
    missingLeft: Uint8Array.from(grown, ({ test }) => (test?.missingLeft === true ? 1 : 0)),
    left: Int32Array.from(grown, ({ left }) => left),
    right: Int32Array.from(grown, ({ right }) => right),
    sets,
    cover: Float64Array.from(grown, ({ file: at }) => file.covers[at] ?? Number.NaN),
    values,
  };
}

/** x > t is what x <= t is not, missing values apart. */
function testAt(file: FileTrees, at: number, mode: Exclude<Mode, "LEAF">): Test {
  const feature = file.features[at] as number;
  const value = file.values[at] as number;
  const [yes, no] = [file.yes[at] as number, file.no[at] as number];
  const missingYes = file.missingYes[at] === 1;
  switch (mode) {
    case "BRANCH_LEQ":
      return { feature, threshold: value, left: yes, right: no, missingLeft: missingYes };
    case "BRANCH_LT":
      return { feature, threshold: below(value), left: yes, right: no, missingLeft: missingYes };
    case "BRANCH_GT":
      return { feature, threshold: value, left: no, right: yes, missingLeft: !missingYes };
    case "BRANCH_GTE":
      return { feature, threshold: below(value), left: no, right: yes, missingLeft: !missingYes };
    case "BRANCH_NEQ":
      // a missing value is unequal to all
      return {
        feature,
        threshold: Number.NaN,
        set: new Set([value]),
        left: no,
        right: yes,
        missingLeft: false,
      };
    case "BRANCH_EQ":
    case "BRANCH_MEMBER":
      return setAt(file, at);
  }
}

/** Follows comparisons of one feature that all lead to the same child. Of missing values the first one decides, as in ONNX Runtime. */
function setAt(file: FileTrees, first: number): Test {
  const feature = file.features[first] as number;
  const yes = file.yes[first] as number;
  const set = new Set<number>();
  const missingLeft = file.missingYes[first] === 1;
  let at = first;
  for (let steps = 0; ; steps++, at = file.no[at] as number) {
    const isTest = file.modes[at] === "BRANCH_EQ" || file.modes[at] === "BRANCH_MEMBER";
    if (!isTest || file.yes[at] !== yes || file.features[at] !== feature || steps > file.modes.length)
      return { feature, threshold: Number.NaN, set, left: yes, right: at, missingLeft };
    for (const value of file.members.get(at) ?? [file.values[at] as number]) set.add(value);
  }
}

/** The largest float32 below a number: what a row's float32 must be at most to be less than the number. */
function below(value: number): number {
  const float = Float32Array.of(value);
  if ((float[0] as number) < value) return float[0] as number;
  const bits = new Int32Array(float.buffer);
  if (float[0] === 0) bits[0] = 0x80000001 | 0;
  else bits[0] = (bits[0] as number) + ((float[0] as number) > 0 ? -1 : 1);
  return float[0] as number;
}

/** Whether every split parts its rows: without covers (or with the same number everywhere, as converters write) it does not. */
function haveCovers({ nodes, feature, left, right, cover }: SplitTree): boolean {
  for (let node = 0; node < nodes; node++) {
    if ((feature[node] as number) < 0) continue;
    const all = cover[node] as number;
    const parts = (cover[left[node] as number] as number) + (cover[right[node] as number] as number);
    const areParts =
      (cover[left[node] as number] as number) >= 0 && (cover[right[node] as number] as number) >= 0;
    if (!(all > 0 && areParts && Math.abs(parts - all) <= COVER_TOLERANCE * all)) return false;
  }
  return true;
}

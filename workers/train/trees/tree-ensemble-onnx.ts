/**
 * Writes an ensemble as one `TreeEnsembleRegressor` of ai.onnx.ml 3 and the link behind it.
 *
 *     features [rows, columns] → TreeEnsembleRegressor → Sigmoid, 1 - p beside p │ Softmax │ nothing → probabilities │ value
 *
 * A split of a category is a chain of BRANCH_EQ, one a code that goes left; all lead to the same left child, and the last one's
 * false branch is the right child. ONNX Runtime allows that sharing (LightGBM's converter relies on it) and folds the chain into a
 * set. `nodes_hitrates` holds each node's cover, for explanations and for training to go on.
 */
import type { OnnxAttribute, OnnxModel, OnnxNode } from "../onnx/onnx-model.ts";
import { floatTensor, rowsPort } from "../onnx/onnx-model.ts";
import { type Ensemble, type Tree, targetOf } from "./tree.ts";

export const INPUT = "features";

/** What turns sums into the model's output. */
export type Link = "sigmoid" | "softmax" | "pair" | "none";

export function toOnnx(ensemble: Ensemble, link: Link): OnnxModel {
  const { width, columns } = ensemble;
  const isClassifier = link !== "none" || width > 1;
  const output = isClassifier ? "probabilities" : "value";
  const outputs = isClassifier ? Math.max(width, 2) : 1;
  const trees = (to: string): OnnxNode => ({
    operator: "TreeEnsembleRegressor",
    domain: "ai.onnx.ml",
    inputs: [INPUT],
    outputs: [to],
    attributes: treeAttributes(ensemble),
  });
  return {
    nodes: LINKS[link](trees, output),
    initializers: link === "sigmoid" || link === "pair" ? [floatTensor("one", [1])] : [],
    inputs: [rowsPort(INPUT, columns)],
    outputs: [rowsPort(output, outputs)],
  };
}

const LINKS: Readonly<Record<Link, (trees: (to: string) => OnnxNode, output: string) => OnnxNode[]>> = {
  none: (trees, output) => [trees(output)],
  softmax: (trees, output) => [
    trees("scores"),
    { operator: "Softmax", inputs: ["scores"], outputs: [output], attributes: { axis: { int: 1 } } },
  ],
  sigmoid: (trees, output) => [
    trees("score"),
    { operator: "Sigmoid", inputs: ["score"], outputs: ["second"] },
    ...besideFirst(output),
  ],
  pair: (trees, output) => [trees("second"), ...besideFirst(output)],
};

function besideFirst(output: string): OnnxNode[] {
  return [
    { operator: "Sub", inputs: ["one", "second"], outputs: ["first"] },
    { operator: "Concat", inputs: ["first", "second"], outputs: [output], attributes: { axis: { int: 1 } } },
  ];
}

/** The attributes' arrays, filled node by node; as long as all trees need. */
class FileNodes {
  readonly trees: Int32Array;
  readonly ids: Int32Array;
  readonly features: Int32Array;
  readonly modes: string[] = [];
  readonly values: Float32Array;
  readonly covers: Float32Array;
  readonly trues: Int32Array;
  readonly falses: Int32Array;
  readonly missingTrue: Uint8Array;

  constructor(count: number) {
    this.trees = new Int32Array(count);
    this.ids = new Int32Array(count);
    this.features = new Int32Array(count);
    this.values = new Float32Array(count);
    this.covers = new Float32Array(count);
    this.trues = new Int32Array(count);
    this.falses = new Int32Array(count);
    this.missingTrue = new Uint8Array(count);
  }

  add(tree: number, id: number, mode: string, cover: number): number {
    const at = this.modes.length;
    this.trees[at] = tree;
    this.ids[at] = id;
    this.covers[at] = cover;
    this.modes.push(mode);
    return at;
  }

  branch(at: number, feature: number, value: number, yes: number, no: number, missingTrue: number): void {
    this.features[at] = feature;
    this.values[at] = value;
    this.trues[at] = yes;
    this.falses[at] = no;
    this.missingTrue[at] = missingTrue;
  }
}

function treeAttributes(ensemble: Ensemble): Record<string, OnnxAttribute> {
  const nodes = new FileNodes(ensemble.trees.reduce((sum, tree) => sum + fileNodesOf(tree), 0));
  ensemble.trees.forEach((tree, index) => addTree(nodes, tree, index));
  return {
    aggregate_function: { string: ensemble.kind === "sum" ? "SUM" : "AVERAGE" },
    ...(ensemble.kind === "sum" ? { base_values: { floats: ensemble.base } } : {}),
    n_targets: { int: ensemble.width },
    nodes_treeids: { ints: nodes.trees },
    nodes_nodeids: { ints: nodes.ids },
    nodes_featureids: { ints: nodes.features },
    nodes_modes: { strings: nodes.modes },
    nodes_values: { floats: nodes.values },
    nodes_hitrates: { floats: nodes.covers },
    nodes_truenodeids: { ints: nodes.trues },
    nodes_falsenodeids: { ints: nodes.falses },
    nodes_missing_value_tracks_true: { ints: nodes.missingTrue },
    ...leafAttributes(ensemble),
  };
}

function fileNodesOf({ nodes, categories }: Tree): number {
  let count = nodes;
  for (const codes of categories.values()) count += codes.length - 1;
  return count;
}

function addTree(file: FileNodes, tree: Tree, index: number): void {
  let chained = tree.nodes;
  for (let node = 0; node < tree.nodes; node++) {
    const cover = tree.cover[node] as number;
    const feature = tree.feature[node] as number;
    const left = tree.left[node] as number;
    const right = tree.right[node] as number;
    const codes = tree.categories.get(node);
    if (feature < 0) file.add(index, node, "LEAF", cover);
    else if (codes === undefined) {
      const at = file.add(index, node, "BRANCH_LEQ", cover);
      file.branch(at, feature, tree.threshold[node] as number, left, right, tree.missingLeft[node] as number);
    } else {
      codes.forEach((code, place) => {
        const at = file.add(index, place === 0 ? node : chained++, "BRANCH_EQ", cover);
        file.branch(at, feature, code, left, place === codes.length - 1 ? right : chained, 0);
      });
    }
  }
}

function leafAttributes(ensemble: Ensemble): Record<string, OnnxAttribute> {
  const { trees } = ensemble;
  // every split makes one leaf more
  const count = trees.reduce((sum, { nodes, width }) => sum + ((nodes + 1) / 2) * width, 0);
  const [treeIds, ids, targets] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
  const weights = new Float32Array(count);
  let at = 0;
  trees.forEach((tree, index) => {
    const target = targetOf(ensemble, tree, index);
    for (let node = 0; node < tree.nodes; node++) {
      if ((tree.feature[node] as number) >= 0) continue;
      for (let place = 0; place < tree.width; place++, at++) {
        treeIds[at] = index;
        ids[at] = node;
        targets[at] = target + place;
        weights[at] = tree.values[node * tree.width + place] as number;
      }
    }
  });
  return {
    target_treeids: { ints: treeIds },
    target_nodeids: { ints: ids },
    target_ids: { ints: targets },
    target_weights: { floats: weights },
  };
}

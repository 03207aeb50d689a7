/**
 * What is read of graphs, against ONNX Runtime: every kind of test of a tree with values below, at and above its threshold and with
 * missing ones, every link; and graphs that say more than scores, which are explained by their answers.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseManifest } from "../../../../engine/core/manifest.ts";
import { createExplainer } from "../../../../workers/explain/create-explainer.ts";
import type { ModelArtifact } from "../../../../workers/runtime.ts";
import {
  floatTensor,
  type OnnxModel,
  type OnnxNode,
  rowsPort,
} from "../../../../workers/train/onnx/onnx-model.ts";
import { encodeOnnx } from "../../../../workers/train/onnx/onnx-writer.ts";
import { hasCode } from "../../../support/error-code.ts";
import { expectAddedUp } from "../../../support/explained-model.ts";

const COLUMNS = 2;
const NEXT_TO_ONE = Math.fround(1 + 2 ** -23);
const VALUES = [-2, -0.5, 0, 0.5, 1, NEXT_TO_ONE, 2, 3, Number.NaN];
const ROWS = VALUES.flatMap((first) => [-1, 2, Number.NaN].map((second) => [first, second]));
const BACKGROUND = [
  [0, 0],
  [1, -1],
  [3, 1],
];

interface Answers {
  readonly type: "probabilities" | "value";
  readonly width: number;
}

function artifactOf(
  { nodes, initializers = [] }: { nodes: readonly OnnxNode[]; initializers?: OnnxModel["initializers"] },
  { type, width }: Answers,
  background?: readonly (readonly number[])[],
): ModelArtifact {
  const graph = { nodes, initializers, inputs: [rowsPort("x", COLUMNS)], outputs: [rowsPort("y", width)] };
  const files = new Map([["model.onnx", encodeOnnx(graph)]]);
  if (background !== undefined)
    files.set("background.json", new Uint8Array(Buffer.from(JSON.stringify({ rows: background }))));
  const manifest = parseManifest({
    name: "graph",
    version: "1.0.0",
    runtime: "onnx",
    inputs: ["a", "b"].map((name) => ({ name, type: "float", example: 0 })),
    input_tensor: "x",
    allow_nan: true,
    outputs: [{ name: "y", type }],
    ...(type === "value" ? {} : { classes: Array.from({ length: width }, (_, at) => `class ${at}`) }),
  });
  return { manifest, files };
}

const VALUE: Answers = { type: "value", width: 1 };

interface FileNode {
  readonly mode: string;
  readonly value?: number;
  readonly feature?: number;
  readonly yes?: number;
  readonly no?: number;
  readonly missing?: number;
  /** Per target. */
  readonly weights?: readonly number[];
  readonly cover?: number;
}

function treeNode(nodes: readonly FileNode[], targets: number, output: string): OnnxNode {
  const ints = (of: (node: FileNode, at: number) => number) => ({ ints: nodes.map(of) });
  const leaves = nodes.flatMap(({ weights = [] }, id) =>
    weights.map((weight, target) => ({ id, target, weight })),
  );
  return {
    operator: "TreeEnsembleRegressor",
    domain: "ai.onnx.ml",
    inputs: ["x"],
    outputs: [output],
    attributes: {
      n_targets: { int: targets },
      nodes_treeids: ints(() => 0),
      nodes_nodeids: ints((_, at) => at),
      nodes_featureids: ints(({ feature }) => feature ?? 0),
      nodes_modes: { strings: nodes.map(({ mode }) => mode) },
      nodes_values: { floats: Float32Array.from(nodes, ({ value }) => value ?? 0) },
      nodes_hitrates: { floats: Float32Array.from(nodes, ({ cover }) => cover ?? 1) },
      nodes_truenodeids: ints(({ yes }) => yes ?? 0),
      nodes_falsenodeids: ints(({ no }) => no ?? 0),
      nodes_missing_value_tracks_true: ints(({ missing }) => missing ?? 0),
      target_treeids: { ints: leaves.map(() => 0) },
      target_nodeids: { ints: leaves.map(({ id }) => id) },
      target_ids: { ints: leaves.map(({ target }) => target) },
      target_weights: { floats: Float32Array.from(leaves, ({ weight }) => weight) },
    },
  };
}

/** One test of the first column, and below its true branch one of the second. */
function stump(test: FileNode, targets = 1): readonly FileNode[] {
  const weights = (weight: number): number[] => Array.from({ length: targets }, (_, at) => weight * (at + 1));
  return [
    { ...test, yes: 1, no: 4 },
    { mode: "BRANCH_LEQ", feature: 1, value: 1, yes: 2, no: 3, missing: 1 },
    { mode: "LEAF", weights: weights(-0.7) },
    { mode: "LEAF", weights: weights(1.2) },
    { mode: "LEAF", weights: weights(0.4) },
  ];
}

describe("tests of trees", () => {
  for (const mode of ["LEQ", "LT", "GT", "GTE", "EQ", "NEQ"])
    for (const missing of [0, 1])
      it(`BRANCH_${mode}, missing values ${missing === 1 ? "pass" : "follow the comparison"}`, async () => {
        for (const value of [1, 0, -0.5]) {
          const nodes = stump({ mode: `BRANCH_${mode}`, value, missing });
          await expectAddedUp(artifactOf({ nodes: [treeNode(nodes, 1, "y")] }, VALUE, BACKGROUND), ROWS);
        }
      });

  it("chains of BRANCH_EQ are sets, missing values included", async () => {
    for (const [missing, later] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const [first, ...others] = stump({ mode: "BRANCH_EQ", value: 2, missing });
      const chain = { mode: "BRANCH_EQ", value: 1, missing: later, yes: 1, no: 4 };
      const nodes = [{ ...first, no: 5 } as FileNode, ...others, chain];
      await expectAddedUp(artifactOf({ nodes: [treeNode(nodes, 1, "y")] }, VALUE, BACKGROUND), ROWS);
    }
  });

  it("that go in circles, or lead nowhere, make a model that is explained by its answers or not at all", async () => {
    for (const no of [0, 77]) {
      const [first, ...others] = stump({ mode: "BRANCH_EQ", value: 2 });
      const nodes = [{ ...first, no } as FileNode, ...others];
      const artifact = artifactOf({ nodes: [treeNode(nodes, 1, "y")] }, VALUE, BACKGROUND);
      await assert.rejects(createExplainer(artifact), hasCode("MODEL_INVALID"));
    }
  });
});

const tree = stump({ mode: "BRANCH_LEQ", value: 0.5 }, 2);
const half = floatTensor("half", [0.5]);
const softmax: OnnxNode = {
  operator: "Softmax",
  inputs: ["scores"],
  outputs: ["y"],
  attributes: { axis: { int: 1 } },
};
const gemm: OnnxNode = {
  operator: "Gemm",
  inputs: ["x", "weights", "added"],
  outputs: ["scores"],
  attributes: { alpha: { float: 2 }, beta: { float: 0.5 }, transB: { int: 1 } },
};
const gemmTensors = [floatTensor("weights", [1, -2, 0.5, 3], 2), floatTensor("added", [0.3, -0.6])];
const threeClasses: OnnxNode = {
  operator: "LinearClassifier",
  domain: "ai.onnx.ml",
  inputs: ["x"],
  outputs: ["label", "scores"],
  attributes: {
    coefficients: { floats: Float32Array.of(0.5, -1, 1, 0.2, -0.3, 0.8) },
    intercepts: { floats: Float32Array.of(0.1, 0.2, -0.4) },
    classlabels_ints: { ints: [0, 1, 2] },
    multi_class: { int: 0 },
    post_transform: { string: "LOGISTIC" },
  },
};
const known = ROWS.filter((row) => row.every(Number.isFinite));

describe("links of graphs", () => {
  const two: Answers = { type: "probabilities", width: 2 };

  it("softmax over two scores: log odds, which are their difference", async () => {
    const artifact = artifactOf({ nodes: [treeNode(tree, 2, "scores"), softmax] }, two, BACKGROUND);
    const found = await expectAddedUp(artifact, ROWS);
    assert.ok(found.every(({ unit }) => unit === "margin"));
    const sums = artifactOf({ nodes: [gemm, softmax], initializers: gemmTensors }, two, BACKGROUND);
    assert.ok((await expectAddedUp(sums, known)).every(({ unit }) => unit === "margin"));
  });

  it("softmax over two scores of trees with covers", async () => {
    const covers = [6, 4, 1, 3, 2];
    const nodes = tree.map((node, at) => ({ ...node, cover: covers[at] ?? 0 }));
    const artifact = artifactOf({ nodes: [treeNode(nodes, 2, "scores"), softmax] }, two);
    assert.ok((await expectAddedUp(artifact, ROWS)).every(({ unit }) => unit === "margin"));
  });

  it("what is done to scores beyond a link: the answers are explained, not the scores", async () => {
    const halved: OnnxNode = { operator: "Mul", inputs: ["scores", "half"], outputs: ["y"] };
    const nodes = [treeNode(stump({ mode: "BRANCH_LEQ", value: 0.5 }), 1, "scores"), halved];
    const artifact = artifactOf({ nodes, initializers: [half] }, VALUE, BACKGROUND);
    assert.ok((await expectAddedUp(artifact, ROWS)).every(({ unit }) => unit === "value"));
    const normalizer: OnnxNode = {
      operator: "Normalizer",
      domain: "ai.onnx.ml",
      inputs: ["scores"],
      outputs: ["y"],
      attributes: { norm: { string: "L1" } },
    };
    const three: Answers = { type: "probabilities", width: 3 };
    const normalized = artifactOf({ nodes: [threeClasses, normalizer] }, three, BACKGROUND);
    assert.ok((await expectAddedUp(normalized, known)).every(({ unit }) => unit === "probability"));
  });
});

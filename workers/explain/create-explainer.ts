/**
 * Chooses how a model version is explained, by what its files hold:
 *
 *     trees with covers                        → TreeSHAP by covers          no background needed
 *     trees without                            → TreeSHAP against the background
 *     weighted sums                            → linear SHAP                 background: its mean
 *     all else (networks, graphs of several)   → drawn orders of inputs      background
 */
import { EngineError } from "../../engine/core/errors.ts";
import { inputWidth } from "../../engine/core/manifest.ts";
import type { ModelArtifact } from "../runtime.ts";
import { decodeOnnx } from "../train/onnx/onnx-reader.ts";
import { BACKGROUND_FILE, readBackground } from "./background.ts";
import type { Explainer } from "./explanation.ts";
import { readFileTrees } from "./file-trees.ts";
import { type LinearScores, readLinearScores } from "./linear-scores.ts";
import { permutationExplainer } from "./permutation-explainer.ts";
import { backgroundMethod, coverMethod, linearMethod, scoreExplainer } from "./score-explainers.ts";
import { type Link, type ScoreGraph, scoreGraph } from "./score-graph.ts";
import type { TreeScores } from "./split-tree.ts";
import { splitTrees } from "./split-trees.ts";

const FILE = "model.onnx";
const TRANSFORMS: Readonly<Record<string, Link>> = { NONE: "none", LOGISTIC: "logistic", SOFTMAX: "softmax" };

/** @throws EngineError MODEL_INVALID when the model needs a background and has none, or has a damaged one. */
export async function createExplainer(artifact: ModelArtifact): Promise<Explainer> {
  const { manifest } = artifact;
  const isClassifier = manifest.classes !== undefined;
  const background = readBackground(artifact);
  const found = readScores(artifact);
  if (found?.trees?.hasCovers === true) return scoreExplainer(coverMethod(found.trees), found, isClassifier);
  if (background === undefined)
    throw new EngineError(
      "MODEL_INVALID",
      `the model cannot be explained without ${BACKGROUND_FILE}, rows that stand for what is usual: push a version whose ` +
        `folder has {"rows": [[…], …]}, up to 100 rows as the model reads them`,
    );
  if (found?.trees !== undefined)
    return scoreExplainer(
      backgroundMethod(found.trees, background, inputWidth(manifest)),
      found,
      isClassifier,
    );
  if (found?.linear !== undefined)
    return scoreExplainer(linearMethod(found.linear, background), found, isClassifier);
  return permutationExplainer(artifact, background);
}

interface ReadScores {
  readonly scores: number;
  readonly link: Link;
  readonly trees?: TreeScores;
  readonly linear?: LinearScores;
}

/** Undefined for a model whose scores cannot be read: it is explained by its answers. */
function readScores({ manifest, files }: ModelArtifact): ReadScores | undefined {
  const bytes = files.get(FILE);
  const [output] = manifest.outputs;
  if (manifest.runtime !== "onnx" || bytes === undefined || output === undefined) return undefined;
  try {
    const graph = scoreGraph(decodeOnnx(bytes, FILE), output.name);
    if (graph === undefined) return undefined;
    const columns = inputWidth(manifest);
    const read = graph.kind === "trees" ? readTrees(graph, columns) : readWeights(graph, columns);
    const answers = output.type === "probabilities" ? (manifest.classes?.length ?? 1) : 1;
    const areAnswers = read.scores === 1 ? answers <= 2 : read.scores === answers;
    // logistic scores of several classes that are divided by their sum are no margins of the answer
    const isApart = graph.isNormalized && read.link === "logistic" && read.scores > 2;
    return areAnswers && !isApart ? read : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error for trees that cannot be read. */
function readTrees(graph: ScoreGraph, columns: number): ReadScores {
  const [node] = graph.nodes;
  if (node === undefined || graph.before.some(({ operator }) => operator === "Scaler"))
    throw new Error("the trees read other columns than the model");
  const file = readFileTrees(node);
  const trees = splitTrees(file, columns);
  return { scores: file.scores, link: linkOf(graph.link, file.transform), trees };
}

/** @throws Error for sums that cannot be read. */
function readWeights(graph: ScoreGraph, columns: number): ReadScores {
  const linear = readLinearScores(graph, columns);
  return { scores: linear.weights.length, link: linkOf(graph.link, linear.transform), linear };
}

/** The operator's own transform and the links behind it: at most one of them does something. */
function linkOf(behind: Link, transform: string): Link {
  const own = TRANSFORMS[transform];
  if (own === undefined || (own !== "none" && behind !== "none"))
    throw new Error(`scores go through ${transform}`);
  return own === "none" ? behind : own;
}

/**
 * RANDOM_FOREST: trees on bootstrapped rows and drawn columns, averaged, with scikit-learn's parameters and defaults. Columns
 * are cut into bins first, one a value where no more than max_bin are needed; categories are split as sets.
 *
 * Going on from a model (INCREMENTAL) keeps its trees and grows n_estimators more on the new rows, as warm_start does.
 */
import { predictionWidth, type TrainingSet } from "../../../engine/core/training-set.ts";
import type { TrainedModel, Trainer, TrainerRun } from "../trainer.ts";
import { trainingInvalid } from "../training-checks.ts";
import { binRows } from "./binned-rows.ts";
import { binsThatFit } from "./forest-sums.ts";
import { ForestGrower, type ForestRules } from "./forest-tree.ts";
import { TreeRandom } from "./random.ts";
import { type RandomForestParameters, randomForestParameters } from "./random-forest-parameters.ts";
import { addTree, type Ensemble, type Tree } from "./tree.ts";
import { readEnsemble } from "./tree-ensemble-read.ts";
import { treeModel } from "./tree-model.ts";
import { checkTreeRows } from "./tree-rows.ts";

/** Their file has about 170 MB, and a model may have MILLRACE_ARTIFACT_BYTES_MAX (256 MiB). */
const NODES_MAX = 5_000_000;

export const randomForest: Trainer<RandomForestParameters> = {
  parameters: randomForestParameters,
  tasks: ["binary", "multiclass", "regression"],
  warmStarts: ["INCREMENTAL"],
  async train(run) {
    const { task, training, initial } = run;
    checkTreeRows(training, task);
    const shape = { kind: "mean", columns: training.columns.length, width: predictionWidth(task) } as const;
    const start = initial === undefined ? [] : readEnsemble(initial, shape).trees;
    const ensemble: Ensemble = {
      ...shape,
      trees: [...start, ...growForest(run, start)],
      base: new Float32Array(shape.width),
    };
    return toModel(ensemble, run);
  },
};

function toModel(ensemble: Ensemble, { task }: TrainerRun<RandomForestParameters>): TrainedModel {
  return treeModel(ensemble, task, task.kind === "binary" ? "pair" : "none", () => {});
}

/** The trees that are added to `start`. @throws EngineError INVALID_REQUEST when they have more than `nodesMax` nodes in all */
export function growForest(
  run: TrainerRun<RandomForestParameters>,
  start: readonly Tree[],
  nodesMax = NODES_MAX,
): Tree[] {
  const { task, training, parameters, seed } = run;
  const width = predictionWidth(task);
  const binned = binRows(training, Math.min(parameters.max_bin, binsThatFit(width)), seed, Uint16Array);
  const random = new TreeRandom(seed ^ 0x2545f491);
  const rules = rulesOf(parameters, task.kind === "regression", binned.columns.length);
  const grower = new ForestGrower(binned, width, rules, random);
  const losses = new RunningLoss(run, start);
  const weights = new Float64Array(training.rows);
  const trees: Tree[] = [];
  let nodes = start.reduce((sum, tree) => sum + tree.nodes, 0);
  while (trees.length < parameters.n_estimators) {
    const count = drawRows(training, parameters.bootstrap ? random : undefined, weights, grower.rows);
    const tree = grower.grow(training.targets, weights, count);
    nodes += tree.nodes;
    if (nodes > nodesMax) throw tooLarge(trees.length + 1, nodes, nodesMax);
    if (!tree.values.every(Number.isFinite)) throw notANumber();
    trees.push(tree);
    if (losses.tell(tree, trees.length) === "stop") break;
  }
  return trees;
}

function rulesOf(parameters: RandomForestParameters, isRegression: boolean, columns: number): ForestRules {
  const features = parameters.max_features ?? (isRegression ? 1 : "sqrt");
  const count =
    features === "sqrt"
      ? Math.sqrt(columns)
      : features === "log2"
        ? Math.log2(columns)
        : features <= 1
          ? features * columns
          : features;
  return {
    maxDepth: parameters.max_depth ?? Infinity,
    minSamplesSplit: parameters.min_samples_split,
    minSamplesLeaf: parameters.min_samples_leaf,
    maxFeatures: Math.min(columns, Math.max(1, Math.floor(count))),
    maxLeafNodes: parameters.max_leaf_nodes ?? Infinity,
  };
}

/** Fills each row's weight times how often it was drawn, and the rows drawn at all; returns how many. */
function drawRows(
  { rows, weights }: TrainingSet,
  random: TreeRandom | undefined,
  into: Float64Array,
  drawn: Int32Array,
): number {
  if (random === undefined) into.fill(1);
  else countDraws(random, rows, into.fill(0));
  if (weights !== undefined) multiply(into, weights);
  return listPositive(into, drawn);
}

function countDraws(random: TreeRandom, rows: number, into: Float64Array): void {
  for (let draw = 0; draw < rows; draw++) {
    const row = random.below(rows);
    into[row] = (into[row] as number) + 1;
  }
}

function multiply(values: Float64Array, by: Float64Array): void {
  for (let index = 0; index < values.length; index++)
    values[index] = (values[index] as number) * (by[index] as number);
}

function listPositive(values: Float64Array, into: Int32Array): number {
  let count = 0;
  for (let index = 0; index < values.length; index++) {
    if (values[index] === 0) continue;
    into[count] = index;
    count += 1;
  }
  return count;
}

/** The loss of the trees so far on the validation rows, for whoever listens. */
class RunningLoss {
  readonly #run: TrainerRun<RandomForestParameters>;
  readonly #sums: Float64Array;
  readonly #width: number;
  #trees = 0;

  constructor(run: TrainerRun<RandomForestParameters>, start: readonly Tree[]) {
    this.#run = run;
    this.#width = predictionWidth(run.task);
    this.#sums = new Float64Array(this.#width * (run.validation?.rows ?? 0));
    if (run.onIteration !== undefined) for (const tree of start) this.#add(tree);
  }

  tell(tree: Tree, iteration: number): "continue" | "stop" {
    const { onIteration, validation, parameters } = this.#run;
    if (onIteration === undefined) return "continue";
    this.#add(tree);
    return onIteration({
      iteration,
      iterationsMax: parameters.n_estimators,
      ...(validation === undefined || validation.rows === 0
        ? {}
        : { validationLoss: this.#loss(validation) }),
    });
  }

  #add(tree: Tree): void {
    const { validation } = this.#run;
    this.#trees += 1;
    if (validation !== undefined)
      addTree(tree, 0, validation.columns, validation.rows, this.#sums, this.#width);
  }

  #loss({ rows, targets, weights }: TrainingSet): number {
    let sum = 0;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const weight = weights?.[row] ?? 1;
      sum += weight * this.#lossOf(row, targets[row] as number);
      total += weight;
    }
    return sum / total;
  }

  /** Log loss, or the squared error. */
  #lossOf(row: number, target: number): number {
    const mean = (place: number): number => (this.#sums[row * this.#width + place] as number) / this.#trees;
    const { kind } = this.#run.task;
    if (kind === "regression") return (mean(0) - target) ** 2;
    const share = kind === "multiclass" ? mean(target) : target === 1 ? mean(0) : 1 - mean(0);
    return -Math.log(Math.max(share, 1e-15));
  }
}

function tooLarge(trees: number, nodes: number, nodesMax: number): Error {
  return trainingInvalid(
    "min_samples_leaf",
    `after ${trees} trees the forest has ${nodes} nodes; at most ${nodesMax} can be served. ` +
      "Raise min_samples_leaf, or set max_leaf_nodes or max_depth.",
  );
}

function notANumber(): Error {
  return trainingInvalid(
    "targets",
    "sums of targets are no float32 numbers: they are too large. Scale them.",
  );
}

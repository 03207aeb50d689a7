/**
 * Gradient boosting over binned rows: each iteration grows a tree a score on the gradients of the loss.
 *
 *     rows → bins → [ gradients → tree → scores → losses, told and compared ] × iterations → the ensemble of the best iteration
 *
 * Sampled rows: trees grow on a part drawn every bagging_freq iterations, and the others get their scores by walking the tree.
 */
import type { TrainingSet } from "../../../engine/core/training-set.ts";
import type { Iteration } from "../trainer.ts";
import { trainingInvalid } from "../training-checks.ts";
import { type BinnedRows, binRows } from "./binned-rows.ts";
import { type Gradients, type GrowthRules, LeafwiseGrower } from "./leafwise-tree.ts";
import type { Objective } from "./objective.ts";
import { drawSorted, TreeRandom } from "./random.ts";
import { addTree, type Ensemble, leafOf, sumTrees, type Tree } from "./tree.ts";

export interface BoostingRules extends GrowthRules {
  readonly iterations: number;
  readonly maxBin: number;
  readonly featureFraction: number;
  readonly baggingFraction: number;
  /** 0 for no bagging. */
  readonly baggingFreq: number;
  /** 1 rising, -1 falling, 0 free, by column of the training set; absent when all are free. */
  readonly monotoneColumns?: readonly number[];
  /** 0 for none. */
  readonly earlyStoppingRounds: number;
}

export interface BoostingRun {
  readonly objective: Objective;
  readonly training: TrainingSet;
  readonly validation?: TrainingSet;
  readonly rules: BoostingRules;
  readonly seed: number;
  /** Trees to go on from. */
  readonly initial?: Ensemble;
  readonly onIteration?: ((iteration: Iteration) => "continue" | "stop") | undefined;
}

/** @throws EngineError INVALID_REQUEST when the loss is no number */
export function boost(run: BoostingRun): Ensemble {
  const { objective, validation, rules } = run;
  const start = run.initial ?? constantOf(run);
  const rounds = new Rounds(run, start);
  const held = validation === undefined ? undefined : new Fitted(validation, start);
  // a model to go on from may be the best there is; without one, one iteration at least is kept
  const isNew = run.initial === undefined;
  let bestLoss = held === undefined || isNew ? Infinity : objective.loss(held.set, held.scores);
  let best = 0;
  let iteration = 0;
  const trees: Tree[] = [];
  while (iteration < rules.iterations) {
    const grown = rounds.next(iteration + 1);
    const isIdle = rounds.isWhole && grown.every(({ nodes }) => nodes === 1);
    if (isIdle && !(isNew && iteration === 0)) break;
    iteration += 1;
    trees.push(...grown);
    grown.forEach((tree, score) => held?.add(score, tree));
    const loss = held === undefined ? undefined : objective.loss(held.set, held.scores);
    if (loss !== undefined && loss < bestLoss) {
      bestLoss = loss;
      best = iteration;
    }
    if (tell(run, iteration, rounds.fitted, loss) === "stop" || isIdle) break;
    if (held !== undefined && rules.earlyStoppingRounds > 0 && iteration - best >= rules.earlyStoppingRounds)
      break;
  }
  const kept = held !== undefined && rules.earlyStoppingRounds > 0 ? best : iteration;
  return { ...start, trees: [...start.trees, ...trees.slice(0, kept * objective.width)] };
}

function constantOf({ objective, training }: BoostingRun): Ensemble {
  const { width } = objective;
  return { trees: [], width, kind: "sum", base: objective.base(training), columns: training.columns.length };
}

/** Grows the trees of one iteration after the other. */
class Rounds {
  readonly fitted: Fitted;
  readonly #run: BoostingRun;
  readonly #grower: LeafwiseGrower;
  readonly #draws: Draws;
  readonly #gradients: Gradients;

  constructor(run: BoostingRun, start: Ensemble) {
    const { training, rules, seed } = run;
    const binned = binRows(training, rules.maxBin, seed, Uint8Array);
    const monotone = monotoneOf(binned, rules);
    this.fitted = new Fitted(training, start);
    this.#run = run;
    this.#grower = new LeafwiseGrower(binned, { ...rules, ...(monotone === undefined ? {} : { monotone }) });
    this.#draws = new Draws(binned, rules, seed);
    this.#gradients = new Float32Array(2 * training.rows * start.width);
  }

  /** Whether every tree sees all rows and columns, so that one that cannot be split will not be later. */
  get isWhole(): boolean {
    return this.#draws.isWhole;
  }

  /** One tree a score. */
  next(iteration: number): Tree[] {
    const { objective, training } = this.#run;
    const { rows } = this.#grower;
    objective.derive(training, this.fitted.scores, this.#gradients);
    this.#draws.draw(iteration);
    return Array.from({ length: objective.width }, (_, score) => {
      const count = this.#draws.rowsInto(rows);
      const gradients = this.#gradients.subarray(2 * score * training.rows, 2 * (score + 1) * training.rows);
      const tree = this.#grower.grow(gradients, count, this.#draws.places());
      if (!tree.values.every(Number.isFinite)) throw notANumber(iteration);
      this.#grower.addTo(this.fitted.scores, score * training.rows, tree);
      if (count < training.rows) this.fitted.addOthers(score, tree, rows, count);
      return tree;
    });
  }
}

function monotoneOf({ columns }: BinnedRows, { monotoneColumns }: BoostingRules): Int8Array | undefined {
  if (monotoneColumns === undefined) return undefined;
  return Int8Array.from(columns, ({ index }) => monotoneColumns[index] ?? 0);
}

function tell(
  { onIteration, objective, rules }: BoostingRun,
  iteration: number,
  { set, scores }: Fitted,
  validationLoss: number | undefined,
): "continue" | "stop" {
  if (onIteration === undefined) return "continue";
  return onIteration({
    iteration,
    iterationsMax: rules.iterations,
    trainingLoss: objective.loss(set, scores),
    ...(validationLoss === undefined ? {} : { validationLoss }),
  });
}

function notANumber(iteration: number): Error {
  return trainingInvalid(
    "targets",
    `the loss is no number after iteration ${iteration}: targets or weights are too large. Scale them, or take a smaller learning_rate.`,
  );
}

/** Rows and their scores so far, class after class. */
class Fitted {
  readonly set: TrainingSet;
  readonly scores: Float64Array;

  constructor(set: TrainingSet, start: Ensemble) {
    this.set = set;
    const { width } = start;
    this.scores = new Float64Array(set.rows * width);
    const sums = sumTrees(start, set.columns, set.rows);
    for (let row = 0; row < set.rows; row++)
      for (let score = 0; score < width; score++)
        this.scores[score * set.rows + row] = sums[row * width + score] as number;
  }

  add(score: number, tree: Tree): void {
    const { rows, columns } = this.set;
    addTree(tree, 0, columns, rows, this.scores.subarray(score * rows, (score + 1) * rows), 1);
  }

  /** Adds a tree for the rows that are not among the first `count` of `drawn`. */
  addOthers(score: number, tree: Tree, drawn: Int32Array, count: number): void {
    const { rows, columns } = this.set;
    const isDrawn = new Uint8Array(rows);
    for (let index = 0; index < count; index++) isDrawn[drawn[index] as number] = 1;
    for (let row = 0; row < rows; row++) {
      if (isDrawn[row] === 1) continue;
      const at = score * rows + row;
      this.scores[at] = (this.scores[at] as number) + (tree.values[leafOf(tree, columns, row)] as number);
    }
  }
}

/** Which rows and columns each tree sees. */
class Draws {
  readonly #random: TreeRandom;
  readonly #rules: BoostingRules;
  readonly #rows: Int32Array;
  readonly #columns: number;
  #count: number;

  constructor(binned: BinnedRows, rules: BoostingRules, seed: number) {
    this.#random = new TreeRandom(seed ^ 0x5bd1e995);
    this.#rules = rules;
    this.#columns = binned.columns.length;
    this.#rows = Int32Array.from({ length: binned.rows }, (_, row) => row);
    this.#count = binned.rows;
  }

  get isWhole(): boolean {
    const { baggingFreq, baggingFraction, featureFraction } = this.#rules;
    return featureFraction === 1 && (baggingFreq === 0 || baggingFraction === 1);
  }

  /** Draws the rows of this iteration, if it is time to. */
  draw(iteration: number): void {
    const { baggingFreq, baggingFraction } = this.#rules;
    if (baggingFreq === 0 || baggingFraction === 1 || (iteration - 1) % baggingFreq !== 0) return;
    const total = this.#rows.length;
    const count = Math.max(1, Math.floor(total * baggingFraction));
    this.#count = drawSorted(this.#random, total, count, this.#rows).length;
  }

  /** Puts the rows drawn into `into`; returns how many. */
  rowsInto(into: Int32Array): number {
    into.set(this.#rows.subarray(0, this.#count));
    return this.#count;
  }

  places(): Int32Array<ArrayBuffer> {
    const all = this.#columns;
    const count = Math.min(all, Math.max(1, Math.round(all * this.#rules.featureFraction)));
    const places = new Int32Array(count);
    if (count === all) return places.map((_, place) => place);
    drawSorted(this.#random, all, count, places);
    return places;
  }
}

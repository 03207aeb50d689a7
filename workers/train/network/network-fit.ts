/**
 * Fits a network by Adam, epoch by epoch: the seed gives the order of rows and what dropout leaves out, so the same run gives the
 * same weights on the same backend.
 */
import type { AdamOptimizer, Scalar, Tensor, Tensor2D, Variable } from "@tensorflow/tfjs-core";
import type { SeededRandom } from "../../../engine/core/seeded-random.ts";
import type { TrainerRun } from "../trainer.ts";
import { trainingInvalid } from "../training-checks.ts";
import { type Layer, type Network, scoresOf, variablesOf } from "./network.ts";
import type { FittingParameters } from "./network-parameters.ts";
import { batchesOf, type RowBatch } from "./row-batches.ts";

/** Rows of a step that only measures. */
const MEASURED_ROWS = 1024;

/**
 * Trains the weights of `trained`.
 * @returns how many epochs the network holds
 * @throws EngineError INVALID_REQUEST when the loss is no number any more
 */
export function fitNetwork(
  network: Network,
  trained: readonly Layer[],
  run: TrainerRun<FittingParameters>,
  random: SeededRandom,
): number {
  const { training, parameters } = run;
  const variables = variablesOf(trained);
  const optimizer = network.tfjs.core.train.adam(parameters.learning_rate);
  const order = Uint32Array.from({ length: training.rows }, (_, row) => row);
  const best = createBest(variables, parameters.patience);
  try {
    for (let epoch = 1; epoch <= parameters.epochs; epoch++) {
      random.shuffle(order);
      const trainingLoss = trainEpoch(network, variables, optimizer, order, run, random);
      const validationLoss = lossOnValidation(network, run);
      expectNumber(trainingLoss + (validationLoss ?? 0), epoch);
      if (tell(run, epoch, trainingLoss, validationLoss) === "stop") return epoch;
      if (validationLoss !== undefined && best.isOver(epoch, validationLoss)) break;
    }
    return best.restore() ?? parameters.epochs;
  } finally {
    optimizer.dispose();
    best.dispose();
  }
}

interface Best {
  /** Takes an epoch's validation loss; true when there was no lower one for `patience` epochs. */
  isOver(epoch: number, loss: number): boolean;
  /** Gives the variables the weights of the best epoch, and its number; undefined without patience. */
  restore(): number | undefined;
  dispose(): void;
}

function createBest(variables: readonly Variable[], patience: number | undefined): Best {
  let bestEpoch: number | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  let weights: Tensor[] = [];
  const dispose = (): void => {
    for (const tensor of weights) tensor.dispose();
  };
  return {
    isOver(epoch, loss) {
      if (patience === undefined) return false;
      if (loss < lowest) {
        dispose();
        weights = variables.map((variable) => variable.clone());
        lowest = loss;
        bestEpoch = epoch;
      }
      return epoch - (bestEpoch ?? epoch) >= patience;
    },
    restore() {
      for (const [index, tensor] of weights.entries()) variables[index]?.assign(tensor);
      return bestEpoch;
    },
    dispose,
  };
}

function tell(
  { onIteration, parameters }: TrainerRun<FittingParameters>,
  iteration: number,
  trainingLoss: number,
  validationLoss: number | undefined,
): "continue" | "stop" {
  const losses = validationLoss === undefined ? { trainingLoss } : { trainingLoss, validationLoss };
  return onIteration?.({ iteration, iterationsMax: parameters.epochs, ...losses }) ?? "continue";
}

function expectNumber(loss: number, epoch: number): void {
  if (Number.isFinite(loss)) return;
  throw trainingInvalid(
    "learning_rate",
    `the loss is ${loss} in epoch ${epoch}. Lower it, or clip columns with extreme values.`,
  );
}

/** One pass over the rows in `order`; gives the mean loss of its steps. */
function trainEpoch(
  network: Network,
  variables: Variable[],
  optimizer: AdamOptimizer,
  order: Uint32Array,
  { training, parameters }: TrainerRun<FittingParameters>,
  random: SeededRandom,
): number {
  const { core } = network.tfjs;
  const batchOf = batchesOf(network, training);
  const mask = parameters.dropout === 0 ? undefined : dropoutOf(network, parameters.dropout, random);
  const kernels = variables.filter(({ rank }) => rank > 1);
  let sum = 0;
  for (let start = 0; start < order.length; start += parameters.batch_size) {
    const indexes = order.subarray(start, start + parameters.batch_size);
    sum += core.tidy(() => {
      const batch = batchOf(indexes);
      const rows = network.normalization.apply(batch.features) as Tensor2D;
      const loss = (): Scalar => {
        const sum = lossOf(network, scoresOf(network, rows, mask), batch);
        const own = core.div<Scalar>(sum, indexes.length);
        if (parameters.l2 === 0) return own;
        const squares = kernels.map((kernel) => core.sum(core.square(kernel)));
        return core.add(own, core.mul(core.addN(squares), parameters.l2));
      };
      const { value, grads } = core.variableGrads(loss, variables);
      optimizer.applyGradients(grads as Parameters<AdamOptimizer["applyGradients"]>[0]);
      return (value.dataSync()[0] as number) * indexes.length;
    });
  }
  return sum / order.length;
}

/** Leaves out a share of the outputs and raises the others, so that their sum stays the same on average. */
function dropoutOf(
  { tfjs: { core } }: Network,
  rate: number,
  random: SeededRandom,
): (outputs: Tensor) => Tensor {
  return (outputs) => {
    const kept = Float32Array.from({ length: outputs.size }, () =>
      random.uniform() < rate ? 0 : 1 / (1 - rate),
    );
    return core.mul(outputs, core.tensor(kept, outputs.shape));
  };
}

/** The weighted sum of a batch's log losses, or squared errors in the targets' deviations. */
function lossOf(
  { tfjs: { core }, shape }: Network,
  scores: Tensor2D,
  { targets, weights }: RowBatch,
): Scalar {
  const losses =
    shape.task.kind === "regression"
      ? core.sum(core.square(core.sub(scores, targets)), 1)
      : core.neg(core.sum(core.mul(core.logSoftmax(scores), targets), 1));
  return core.sum(core.mul(losses, weights));
}

/** Without dropout and penalty; undefined without such rows. */
function lossOnValidation(
  network: Network,
  { validation }: TrainerRun<FittingParameters>,
): number | undefined {
  if (validation === undefined || validation.rows === 0) return undefined;
  const batchOf = batchesOf(network, validation);
  let sum = 0;
  for (let start = 0; start < validation.rows; start += MEASURED_ROWS) {
    const count = Math.min(MEASURED_ROWS, validation.rows - start);
    const indexes = Uint32Array.from({ length: count }, (_, index) => start + index);
    sum += network.tfjs.core.tidy(() => {
      const batch = batchOf(indexes);
      const rows = network.normalization.apply(batch.features) as Tensor2D;
      return lossOf(network, scoresOf(network, rows), batch).dataSync()[0] as number;
    });
  }
  return sum / validation.rows;
}

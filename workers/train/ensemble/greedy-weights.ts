/**
 * Weights of an ensemble's members by greedy selection (R. Caruana and others, "Ensemble selection from libraries of models",
 * 2004): the member that helps most is added, again and again, also one that is in already; a weight is its share of the
 * additions. So weights are positive, sum to 1 and are simple, and members that only repeat others stay out.
 */
import { predictionWidth, type TrainingSet, type TrainingTask } from "../../../engine/core/training-set.ts";

const ADDITIONS = 100;
const PROBABILITY_MIN = 1e-15;

/** @param predictions of each member: `rows × predictionWidth(task)`, for rows that it has not learned from */
export function greedyWeights(
  predictions: readonly Float64Array[],
  set: TrainingSet,
  task: TrainingTask,
): Float64Array {
  // of a mean of members, the probability of the right class is the mean of theirs, and so is the error of a value
  const scores = predictions.map((own) => scoresOf(own, set.targets, task));
  const lossOf = task.kind === "regression" ? squaredError : logLoss;
  const counts = new Float64Array(scores.length);
  const sum = new Float64Array(set.rows);
  let best = { loss: Number.POSITIVE_INFINITY, counts, size: 1 };
  for (let size = 1; size <= ADDITIONS; size++) {
    const losses = scores.map((own) => lossOf(sum, own, size, set.weights));
    const loss = Math.min(...losses);
    const chosen = losses.indexOf(loss);
    counts[chosen] = (counts[chosen] as number) + 1;
    const own = scores[chosen] as Float64Array;
    for (let row = 0; row < sum.length; row++) sum[row] = (sum[row] as number) + (own[row] as number);
    if (loss < best.loss) best = { loss, counts: counts.slice(), size };
  }
  return best.counts.map((count) => count / best.size);
}

/** Per row the probability of its class, or the error of its value. */
function scoresOf(predictions: Float64Array, targets: Float64Array, task: TrainingTask): Float64Array {
  const width = predictionWidth(task);
  return targets.map((target, row) => {
    if (task.kind === "regression") return (predictions[row] as number) - target;
    const probability = predictions[width === 1 ? row : row * width + target] as number;
    return width === 1 && target === 0 ? 1 - probability : probability;
  });
}

type Loss = (
  sum: Float64Array,
  more: Float64Array,
  size: number,
  weights: Float64Array | undefined,
) => number;

const logLoss: Loss = (sum, more, size, weights) => {
  let total = 0;
  for (let row = 0; row < sum.length; row++) {
    const mean = ((sum[row] as number) + (more[row] as number)) / size;
    total -= Math.log(Math.max(mean, PROBABILITY_MIN)) * (weights?.[row] ?? 1);
  }
  return total;
};

const squaredError: Loss = (sum, more, size, weights) => {
  let total = 0;
  for (let row = 0; row < sum.length; row++) {
    const mean = ((sum[row] as number) + (more[row] as number)) / size;
    total += mean * mean * (weights?.[row] ?? 1);
  }
  return total;
};

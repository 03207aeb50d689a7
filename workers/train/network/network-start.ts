/**
 * What a network is before it is fitted: new, or with the weights of the model that training goes on from.
 */
import type { SeededRandom } from "../../../engine/core/seeded-random.ts";
import type { TrainingSet, TrainingTask } from "../../../engine/core/training-set.ts";
import type { Tfjs } from "../../tfjs-backend.ts";
import { scaleOf, weightOf } from "../column-scale.ts";
import type { ExportedModel, TrainerRun } from "../trainer.ts";
import { trainingInvalid } from "../training-checks.ts";
import {
  bodyOf,
  buildNetwork,
  initialize,
  type Layer,
  type Network,
  setNormalization,
  setTargetScale,
} from "./network.ts";
import { loadNetworkFiles } from "./network-files.ts";
import type { NetworkBody } from "./network-parameters.ts";

/** Its square must fit into float32. */
const DEVIATION_MAX = 1e18;

export interface NetworkStart {
  readonly network: Network;
  /** Layers whose weights are fitted. */
  readonly trained: readonly Layer[];
}

/** A network with weights from the seed, normalized by its training rows. @throws EngineError INVALID_REQUEST naming a column */
export function newNetwork(
  tfjs: Tfjs,
  { task, training }: TrainerRun<unknown>,
  body: NetworkBody,
  random: SeededRandom,
): NetworkStart {
  const scale = scaleOf(training, true);
  for (const [column, deviation] of scale.deviations.entries())
    if (deviation > DEVIATION_MAX)
      throw trainingInvalid(
        training.columns[column]?.name ?? "columns",
        `its deviation of ${deviation} is too large for float32. Clip or scale its values.`,
      );
  const network = buildNetwork(tfjs, { columns: training.columns.length, body, task });
  setNormalization(network, scale);
  scaleTargets(network, training, task);
  const trained = [...network.body.map(({ layer }) => layer), network.head];
  for (const layer of trained) initialize(network, layer, random);
  return { network, trained };
}

function scaleTargets(network: Network, { rows, targets, weights }: TrainingSet, task: TrainingTask): void {
  if (task.kind !== "regression") return;
  const total = weightOf(rows, weights);
  const meanOf = (values: Float64Array): number =>
    values.reduce((sum, value, row) => sum + value * (weights?.[row] ?? 1), 0) / total;
  const mean = meanOf(targets);
  setTargetScale(network, mean, Math.sqrt(meanOf(targets.map((target) => (target - mean) ** 2))));
}

/** @throws EngineError INVALID_REQUEST, MODEL_INVALID for files that are no network of these columns and this task */
export async function continuedNetwork(
  tfjs: Tfjs,
  { task, training, warmStart = "INCREMENTAL" }: TrainerRun<unknown>,
  initial: ExportedModel,
  bodyFor: (found: NetworkBody | undefined) => NetworkBody,
  random: SeededRandom,
): Promise<NetworkStart> {
  const model = await loadNetworkFiles(tfjs, initial);
  try {
    const body = bodyOf(model);
    const network = buildNetwork(tfjs, { columns: training.columns.length, body: bodyFor(body), task });
    const isTransfer = warmStart === "TRANSFER_LEARNING";
    const bodyLayers = network.body.map(({ layer }) => layer);
    const kept = [
      network.normalization,
      ...bodyLayers,
      ...(isTransfer ? [] : [network.head, network.output]),
    ];
    for (const layer of kept)
      if (
        !copyWeights(
          model.layers.find(({ name }) => name === layer.name),
          layer,
        )
      ) {
        network.model.dispose();
        throw trainingInvalid(
          "initial",
          `it is no such network of ${training.columns.length} columns for this task. Train with mode FULL_RETRAIN.`,
        );
      }
    if (!isTransfer) return { network, trained: [...bodyLayers, network.head] };
    scaleTargets(network, training, task);
    initialize(network, network.head, random);
    return { network, trained: [network.head] };
  } finally {
    model.dispose();
  }
}

/** Whether the layers are alike; then `to` has the weights of `from`. */
function copyWeights(from: Layer | undefined, to: Layer): boolean {
  if (from?.getClassName() !== to.getClassName()) return false;
  const weights = from.getWeights();
  const shapes = (tensors: readonly { shape: number[] }[]): string =>
    JSON.stringify(tensors.map(({ shape }) => shape));
  if (shapes(weights) !== shapes(to.getWeights())) return false;
  to.setWeights(weights);
  return true;
}

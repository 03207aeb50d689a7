/**
 * What each trainer of the engine takes, without the trainers: parameters and ways to go on from a model. So that what no job could do is
 * refused when it is asked for, by processes that train nothing.
 */
import type { z } from "zod";
import { ensembleParameters } from "./ensemble/ensemble-parameters.ts";
import { linearParameters } from "./linear/linear-parameters.ts";
import { lstmParameters, neuralNetworkParameters } from "./network/network-parameters.ts";
import type { WarmStart } from "./trainer.ts";
import { gradientBoostingParameters } from "./trees/gradient-boosting-parameters.ts";
import { randomForestParameters } from "./trees/random-forest-parameters.ts";

export interface TrainerOffer {
  readonly parameters: z.ZodType;
  readonly warmStarts: readonly WarmStart[];
}

const MEMBERS = {
  GRADIENT_BOOSTING: gradientBoostingParameters,
  RANDOM_FOREST: randomForestParameters,
  LINEAR: linearParameters,
};

/** By model type, as in trainers. */
export const TRAINER_OFFERS: ReadonlyMap<string, TrainerOffer> = new Map<string, TrainerOffer>([
  ["GRADIENT_BOOSTING", { parameters: gradientBoostingParameters, warmStarts: ["INCREMENTAL"] }],
  ["RANDOM_FOREST", { parameters: randomForestParameters, warmStarts: ["INCREMENTAL"] }],
  ["LINEAR", { parameters: linearParameters, warmStarts: ["INCREMENTAL"] }],
  [
    "NEURAL_NETWORK",
    { parameters: neuralNetworkParameters, warmStarts: ["INCREMENTAL", "TRANSFER_LEARNING"] },
  ],
  ["LSTM", { parameters: lstmParameters, warmStarts: ["INCREMENTAL", "TRANSFER_LEARNING"] }],
  ["ENSEMBLE", { parameters: ensembleParameters(MEMBERS), warmStarts: ["ENSEMBLE_UPDATE"] }],
]);

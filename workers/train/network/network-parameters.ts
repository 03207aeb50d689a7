/**
 * What is told to a network that is trained, in the names of TensorFlow.js, and the shape that follows from it.
 */
import { z } from "zod";
import type { TrainingTask } from "../../../engine/core/training-set.ts";

const unitCount = z.int().min(1).max(4096);

const fitting = {
  /** Of Adam. */
  learning_rate: z.number().positive().max(10).default(0.001),
  batch_size: z.int().min(1).max(65_536).default(128),
  epochs: z.int().min(1).max(10_000).default(50),
  /** Share of a layer's outputs that is left out of each step. */
  dropout: z.number().min(0).max(0.9).default(0),
  /** Times the sum of squared weights (without biases), added to the loss. */
  l2: z.number().min(0).max(1000).default(0),
  /** Ends after so many epochs without a lower loss on the validation rows, with the weights of the best one. */
  patience: z.int().min(1).max(10_000).optional(),
};

export const neuralNetworkParameters = z.strictObject({
  ...fitting,
  /** Of each hidden layer; 64 and 32 unless given. */
  hidden_units: z.array(unitCount).min(1).max(16).optional(),
  /** Of the hidden layers; relu unless given. */
  activation: z.enum(["relu", "tanh", "sigmoid"]).optional(),
});

export const lstmParameters = z.strictObject({
  ...fitting,
  /** The columns are so many blocks of the same width, oldest first. */
  steps: z
    .int({
      error: ({ input }) =>
        input === undefined
          ? "must be given: of how many steps a row is. Its columns are so many blocks of the same width, oldest first"
          : undefined,
    })
    .min(1)
    .max(1000),
  /** Of the LSTM layer; 32 unless given. */
  units: unitCount.optional(),
});

export type NeuralNetworkParameters = z.infer<typeof neuralNetworkParameters>;
export type LstmParameters = z.infer<typeof lstmParameters>;
export type FittingParameters = Pick<NeuralNetworkParameters, keyof typeof fitting>;

/** What lies between the normalized columns and the head. */
export type NetworkBody =
  | { readonly kind: "dense"; readonly hiddenUnits: readonly number[]; readonly activation: string }
  | { readonly kind: "lstm"; readonly steps: number; readonly units: number };

export interface NetworkShape {
  readonly columns: number;
  readonly body: NetworkBody;
  readonly task: TrainingTask;
}

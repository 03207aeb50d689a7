/**
 * The trainers by model type, and what columns each can take.
 */
import { linearTrainer } from "./linear/linear-trainer.ts";
import type { Trainer } from "./trainer.ts";

export interface RegisteredTrainer {
  readonly trainer: Trainer<unknown>;
  /** `anything`: NaN for what is missing, and codes of categories, too. */
  readonly takes: "numbers" | "anything";
}

/** The first one is taken when nobody says which. */
export const TRAINERS: ReadonlyMap<string, RegisteredTrainer> = new Map([
  ["LINEAR", { trainer: linearTrainer as Trainer<unknown>, takes: "numbers" }],
]);

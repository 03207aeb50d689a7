/**
 * Steady predictions for a hundred cards, with one feature `steps` (see slow-model), each answer noted with who made it.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Prediction } from "../../engine/core/prediction.ts";
import type { TestEngine } from "./engine.ts";

export const CLIENTS = 8;
/** Sets the pace. */
const THINK_MS = 5;

export interface Answer {
  readonly entity: string;
  readonly status: number;
  /** Of the version that answered, if one did. */
  readonly version: string | undefined;
  readonly variant: string | undefined;
}

/** Clients in closed loops, each row of another of a hundred cards. */
export class CardLoad implements AsyncDisposable {
  readonly answers: Answer[] = [];
  readonly #engine: TestEngine;
  readonly #model: string;
  readonly #clients: Promise<unknown>;
  #isStopping = false;

  constructor(engine: TestEngine, model: string) {
    this.#engine = engine;
    this.#model = model;
    this.#clients = Promise.all(Array.from({ length: CLIENTS }, async (_, index) => this.#client(index)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await this.#clients;
  }

  async #client(index: number): Promise<void> {
    for (let turn = index; !this.#isStopping; turn += CLIENTS) {
      const entity = `card-${turn % 100}`;
      const body = { model: this.#model, entity_id: entity, features: { steps: 1 } };
      const response = await this.#engine.post("/predict", body);
      const { model_version, variant } = (await response.json()) as Partial<Prediction>;
      this.answers.push({ entity, status: response.status, version: model_version, variant });
      await delay(THINK_MS);
    }
  }
}

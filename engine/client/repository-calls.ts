/** The Open Inference Protocol's extensions for those who run models, from the client. They fit other servers of the protocol, too. */
import type { ModelStatistic, RepositoryEntry } from "../contract/oip-repository.ts";
import { type Ask, get, modelPath, path, post } from "./client-call.ts";
import type { CallOptions } from "./http-caller.ts";

export class RepositoryCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** All versions in the registry, or with `ready` those that the engine serves. */
  async index(
    { ready = false }: { ready?: boolean } = {},
    options?: CallOptions,
  ): Promise<RepositoryEntry[]> {
    return this.#ask(post("/v2/repository/index", { ready }, "reads"), options);
  }

  /** Puts a model into production: that version, or the one unloaded last, else the newest. */
  async load(model: string, version?: string, options?: CallOptions): Promise<void> {
    const body = version === undefined ? {} : { parameters: { version } };
    await this.#ask(post(path`/v2/repository/models/${model}/load`, body, "repeats"), options);
  }

  /** Takes a model out of production. */
  async unload(model: string, options?: CallOptions): Promise<void> {
    await this.#ask(post(path`/v2/repository/models/${model}/unload`, {}, "changes"), options);
  }

  /** What a model, or every one, has done since it was loaded: requests, batches, and the time that they took. */
  async statistics(
    model?: string,
    version?: string,
    options?: CallOptions,
  ): Promise<readonly ModelStatistic[]> {
    const of = model === undefined ? "/v2/models" : modelPath(model, version);
    const { model_stats } = await this.#ask<{ readonly model_stats: ModelStatistic[] }>(
      get(`${of}/stats`),
      options,
    );
    return model_stats;
  }
}

/** The model registry, from the client. */
import type {
  ArtifactsAnswer,
  DeployRequest,
  ModelAnswer,
  ModelDetailsAnswer,
  ModelInfoAnswer,
  ModelsAnswer,
  PromoteRequest,
  PushRequest,
  RollbackRequest,
  VersionAnswer,
  VersionRequest,
} from "../contract/models.ts";
import { type Ask, get, path, post } from "./client-call.ts";
import type { CallOptions } from "./http-caller.ts";

export class ModelCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** All models, and which versions the engine serves. */
  async list(options?: CallOptions): Promise<ModelsAnswer> {
    return this.#ask(get("/models"), options);
  }

  /** One model with the records of its versions. */
  async show(model: string, options?: CallOptions): Promise<ModelDetailsAnswer> {
    return this.#ask(get(path`/models/${model}`), options);
  }

  /** The manifest of a version that is served: its inputs, outputs and classes. */
  async info(model: string, version?: string, options?: CallOptions): Promise<ModelInfoAnswer> {
    return this.#ask(get("/model/info", { model, version }), options);
  }

  /** The JSON Schema of prediction requests to a version, with an example. */
  async schema(model: string, version?: string, options?: CallOptions): Promise<Record<string, unknown>> {
    return this.#ask(get("/model/schema", { model, version }), options);
  }

  /** What a version consists of: files with digests, and the signature. */
  async artifacts(model: string, version: string, options?: CallOptions): Promise<ArtifactsAnswer> {
    return this.#ask(get(path`/api/v1/models/artifacts/${`${model}@${version}`}`), options);
  }

  /** Stores a version, which is checked in a worker first. */
  async push(request: PushRequest, options?: CallOptions): Promise<VersionAnswer> {
    return this.#ask(post("/models", request, "changes"), options);
  }

  /** Points an alias, production unless given, to a version. */
  async promote(model: string, request: PromoteRequest, options?: CallOptions): Promise<ModelAnswer> {
    return this.#ask(post(path`/models/${model}/promote`, request, "changes"), options);
  }

  /** Points an alias, production unless given, to the version before. */
  async rollback(model: string, request: RollbackRequest = {}, options?: CallOptions): Promise<ModelAnswer> {
    return this.#ask(post(path`/models/${model}/rollback`, request, "changes"), options);
  }

  /** Says that a version should not be used. */
  async deprecate(model: string, request: VersionRequest, options?: CallOptions): Promise<ModelAnswer> {
    return this.#ask(post(path`/models/${model}/deprecate`, request, "changes"), options);
  }

  /** Puts a version away that no alias points to. */
  async archive(model: string, request: VersionRequest, options?: CallOptions): Promise<ModelAnswer> {
    return this.#ask(post(path`/models/${model}/archive`, request, "changes"), options);
  }

  /** Brings a version live: at once, as staging, or as a canary with a growing share. */
  async deploy(
    model: string,
    version: string,
    request: DeployRequest,
    options?: CallOptions,
  ): Promise<ModelAnswer> {
    return this.#ask(post(path`/api/v1/models/deploy/${`${model}@${version}`}`, request, "changes"), options);
  }
}

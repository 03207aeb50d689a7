/** Online features, from the client. */
import type {
  EntityFeaturesAnswer,
  FeatureSetsAnswer,
  OnlineFeaturesAnswer,
  OnlineFeaturesRequest,
} from "../contract/features.ts";
import { type Ask, get, path, post } from "./client-call.ts";
import type { CallOptions } from "./http-caller.ts";

export class FeatureCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Features of many entities, now. */
  async online(request: OnlineFeaturesRequest, options?: CallOptions): Promise<OnlineFeaturesAnswer> {
    return this.#ask(post("/features/online", request, "reads"), options);
  }

  /** Features of one entity, now. @param set name, or name@version. */
  async entity(set: string, entityId: string, options?: CallOptions): Promise<EntityFeaturesAnswer> {
    return this.#ask(get(path`/features/${set}/${entityId}`), options);
  }

  /** All feature sets and their versions. */
  async sets(options?: CallOptions): Promise<FeatureSetsAnswer> {
    return this.#ask(get("/feature-sets"), options);
  }
}

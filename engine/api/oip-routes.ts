/**
 * The Open Inference Protocol over REST, all but inference: what there is, whether it is ready, and how it is configured.
 */
import type { HttpRequest } from "uWebSockets.js";
import { EngineError } from "../core/errors.ts";
import type { Models } from "../models.ts";
import { modelConfig, modelMetadata, serverMetadata } from "../oip/model-card.ts";
import type { Readiness } from "../readiness.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { textIn } from "./path-name.ts";

export interface OipRoutesOptions {
  readonly models: Models;
  readonly readiness: Readiness;
  /** Rows of one request. */
  readonly rowsMax: number;
}

const ID_LENGTH_MAX = 128;

export function oipRoutes({ models, readiness, rowsMax }: OipRoutesOptions): Route[] {
  const get = (path: string, handle: Route["handle"]): Route => ({
    method: "get",
    path,
    errors: "oip",
    handle,
  });
  const send = (exchange: Exchange, json: unknown): void => exchange.sendJson(JSON.stringify(json));
  const ofModel = (path: string, answer: (name: string, version: string | undefined) => unknown): Route[] =>
    modelPaths(path).map((full) =>
      get(full, (exchange, req) => {
        const { name, version } = modelIn(req);
        send(exchange, answer(name, version));
      }),
    );
  return [
    get("/v2", (exchange) => send(exchange, serverMetadata())),
    get("/v2/", (exchange) => send(exchange, serverMetadata())),
    get("/v2/health/live", (exchange) => send(exchange, { live: true })),
    get("/v2/health/ready", (exchange) => {
      if (!readiness.health().ready)
        throw new EngineError("NOT_READY", "the engine is not ready; GET /ready tells what is missing");
      send(exchange, { ready: true });
    }),
    ...ofModel("", (name, version) => modelMetadata(models, name, version)),
    ...ofModel("/config", (name, version) => modelConfig(models, name, version, rowsMax)),
    ...ofModel("/ready", (name, version) => {
      models.route(name, version);
      return { name, ready: true };
    }),
  ];
}

/** Both ways to name a model: with its version and without. */
export function modelPaths(path: string): string[] {
  return [`/v2/models/:name${path}`, `/v2/models/:name/versions/:version${path}`];
}

/**
 * The model and version of a path of `modelPaths`.
 * @throws EngineError MODEL_NOT_FOUND for what can be neither.
 */
export function modelIn(req: HttpRequest): { readonly name: string; readonly version: string | undefined } {
  const name = textIn(req, 0);
  const version = textIn(req, 1); // empty where the path has none
  if (name.length > ID_LENGTH_MAX || version.length > ID_LENGTH_MAX)
    throw new EngineError(
      "MODEL_NOT_FOUND",
      `names and versions of models have at most ${ID_LENGTH_MAX} characters`,
    );
  return { name, version: version === "" ? undefined : version };
}

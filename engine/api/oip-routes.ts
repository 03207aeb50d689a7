/**
 * The Open Inference Protocol over REST, all but inference: what there is, whether it is ready, and how it is configured.
 */
import type { HttpRequest } from "uWebSockets.js";
import {
  modelConfiguration,
  modelMetadata as modelMetadataSchema,
  modelReady,
  serverLive,
  serverMetadata as serverMetadataSchema,
  serverReady,
} from "../contract/open-inference.ts";
import { EngineError } from "../core/errors.ts";
import type { Models } from "../models.ts";
import { modelConfig, modelMetadata, serverMetadata } from "../oip/model-card.ts";
import type { Readiness } from "../readiness.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { textIn } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

export interface OipRoutesOptions {
  readonly models: Models;
  readonly readiness: Readiness;
  /** Rows of one request. */
  readonly rowsMax: number;
}

const ID_LENGTH_MAX = 128;

export function oipRoutes({ models, readiness, rowsMax }: OipRoutesOptions): Route[] {
  const get = (path: string, describes: Described, handle: Route["handle"]): Route => ({
    method: "get",
    path,
    errors: "oip",
    describes: { tag: "Open Inference Protocol", errors: [], ...describes },
    handle,
  });
  const send = (exchange: Exchange, json: unknown): void => exchange.sendJson(JSON.stringify(json));
  const ofModel = (
    path: string,
    describes: Described,
    answer: (name: string, version: string | undefined) => unknown,
  ): Route[] =>
    modelPaths(path).map((full) =>
      get(full, { errors: MODEL_ERRORS, ...describes }, (exchange, req) => {
        const { name, version } = modelIn(req);
        send(exchange, answer(name, version));
      }),
    );
  const server = { summary: "What this server is and can do", answers: { 200: serverMetadataSchema } };
  return [
    get("/v2", server, (exchange) => send(exchange, serverMetadata())),
    get("/v2/", server, (exchange) => send(exchange, serverMetadata())),
    get("/v2/health/live", { summary: "Whether the server runs", answers: { 200: serverLive } }, (exchange) =>
      send(exchange, { live: true }),
    ),
    get(
      "/v2/health/ready",
      {
        summary: "Whether the server answers inference",
        answers: { 200: serverReady },
        errors: ["NOT_READY"],
      },
      (exchange) => {
        if (!readiness.health().ready)
          throw new EngineError("NOT_READY", "the engine is not ready; GET /ready tells what is missing");
        send(exchange, { ready: true });
      },
    ),
    ...ofModel(
      "",
      { summary: "What a model takes and gives", answers: { 200: modelMetadataSchema } },
      (name, version) => modelMetadata(models, name, version),
    ),
    ...ofModel(
      "/config",
      { summary: "How a model is served, in Triton's form", answers: { 200: modelConfiguration } },
      (name, version) => modelConfig(models, name, version, rowsMax),
    ),
    ...ofModel(
      "/ready",
      { summary: "Whether a model answers inference", answers: { 200: modelReady } },
      (name, version) => {
        models.route(name, version);
        return { name, ready: true };
      },
    ),
  ];
}

type Described = Pick<RouteDescription, "summary" | "answers"> & Partial<Pick<RouteDescription, "errors">>;

/** What a path that names a model may be answered. */
export const MODEL_ERRORS = ["MODEL_NOT_FOUND", "NOT_READY"] as const;

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

/**
 * The Open Inference Protocol's extensions for those who run models: the repository, and statistics.
 * Bodies may be empty and need no content-type: its clients send none. Bound: a body, by bodyBytesMax.
 */
import {
  loadRequest,
  modelStatistics as modelStatisticsSchema,
  repositoryChanged,
  repositoryIndex,
  repositoryIndexRequest,
  unloadRequest,
} from "../contract/oip-repository.ts";
import type { Models } from "../models.ts";
import type { Repository, RepositoryParameters } from "../oip/repository.ts";
import { modelStatistics } from "../oip/statistics.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { MODEL_ERRORS, modelIn, modelPaths } from "./oip-routes.ts";
import { modelNameIn, namePath } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

export interface OipRepositoryRoutesOptions {
  readonly repository: Repository;
  readonly models: Models;
  /** Who sends a model's content along is told where it belongs. */
  readonly bodyBytesMax: number;
}

const TAG = "Open Inference Protocol";
const ACTIONS = {
  load: { summary: "Put a model into production", body: loadRequest },
  unload: { summary: "Take a model out of production", body: unloadRequest },
} as const;

export function oipRepositoryRoutes({
  repository,
  models,
  bodyBytesMax,
}: OipRepositoryRoutesOptions): Route[] {
  const change = (
    action: keyof typeof ACTIONS,
    work: (name: string, parameters: RepositoryParameters | undefined) => Promise<void>,
  ): Route => ({
    method: "post",
    path: `/v2/repository/models/:name/${action}`,
    errors: "oip",
    describes: {
      tag: TAG,
      ...ACTIONS[action],
      path: { name: namePath },
      answers: { 200: repositoryChanged },
      errors: [...MODEL_ERRORS, "CONFLICT", "MODEL_INVALID", "SERVICE_UNAVAILABLE"],
    },
    handle: (exchange, req) => {
      const name = modelNameIn(req);
      withBody(exchange, ACTIONS[action].body, bodyBytesMax, async ({ parameters }) => {
        await work(name, parameters);
        exchange.sendJson("{}");
      });
    },
  });
  return [
    {
      method: "post",
      path: "/v2/repository/index",
      errors: "oip",
      describes: {
        tag: TAG,
        summary: "All versions in the registry, and which of them this engine serves",
        body: repositoryIndexRequest,
        answers: { 200: repositoryIndex },
        errors: ["SERVICE_UNAVAILABLE"],
      },
      handle: (exchange) =>
        withBody(exchange, repositoryIndexRequest, SMALL_BODY_BYTES, async ({ ready = false }) =>
          send(exchange, await repository.index(ready ? "ready" : "all")),
        ),
    },
    change("load", async (name, parameters) => repository.load(name, parameters)),
    change("unload", async (name, parameters) => repository.unload(name, parameters)),
    ...statisticsRoutes(models),
  ];
}

function statisticsRoutes(models: Models): Route[] {
  const get = (
    path: string,
    { summary, errors }: Pick<RouteDescription, "summary" | "errors">,
    handle: Route["handle"],
  ): Route => ({
    method: "get",
    path,
    errors: "oip",
    describes: { tag: TAG, summary, answers: { 200: modelStatisticsSchema }, errors },
    handle,
  });
  const all = { summary: "What all served versions have done since they were loaded", errors: [] };
  const one = { summary: "What a model has done since it was loaded", errors: MODEL_ERRORS };
  return [
    get("/v2/models/stats", all, (exchange) => send(exchange, modelStatistics(models))),
    ...modelPaths("/stats").map((path) =>
      get(path, one, (exchange, req) => {
        const { name, version } = modelIn(req);
        send(exchange, modelStatistics(models, name, version));
      }),
    ),
  ];
}

function send(exchange: Exchange, json: unknown): void {
  exchange.sendJson(JSON.stringify(json));
}

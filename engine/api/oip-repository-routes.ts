/**
 * The Open Inference Protocol's extensions for those who run models: the repository, and statistics.
 * Bodies may be empty and need no content-type: its clients send none. Bound: SMALL_BODY_BYTES.
 */
import { z } from "zod";
import type { Models } from "../models.ts";
import type { Repository, RepositoryParameters } from "../oip/repository.ts";
import { modelStatistics } from "../oip/statistics.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { modelIn, modelPaths } from "./oip-routes.ts";
import { modelNameIn } from "./path-name.ts";

export interface OipRepositoryRoutesOptions {
  readonly repository: Repository;
  readonly models: Models;
}

const indexBody = z.looseObject({ ready: z.boolean().optional() });
const changeBody = z.looseObject({ parameters: z.record(z.string(), z.unknown()).optional() });

export function oipRepositoryRoutes({ repository, models }: OipRepositoryRoutesOptions): Route[] {
  const change = (
    action: "load" | "unload",
    work: (name: string, parameters: RepositoryParameters | undefined) => Promise<void>,
  ): Route => ({
    method: "post",
    path: `/v2/repository/models/:name/${action}`,
    errors: "oip",
    handle: (exchange, req) => {
      const name = modelNameIn(req);
      withBody(exchange, changeBody, SMALL_BODY_BYTES, async ({ parameters }) => {
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
      handle: (exchange) =>
        withBody(exchange, indexBody, SMALL_BODY_BYTES, async ({ ready = false }) =>
          send(exchange, await repository.index(ready ? "ready" : "all")),
        ),
    },
    change("load", async (name, parameters) => repository.load(name, parameters)),
    change("unload", async (name, parameters) => repository.unload(name, parameters)),
    statistics("/v2/models/stats", (exchange) => send(exchange, modelStatistics(models))),
    ...modelPaths("/stats").map((path) =>
      statistics(path, (exchange, req) => {
        const { name, version } = modelIn(req);
        send(exchange, modelStatistics(models, name, version));
      }),
    ),
  ];
}

function statistics(path: string, handle: Route["handle"]): Route {
  return { method: "get", path, errors: "oip", handle };
}

function send(exchange: Exchange, json: unknown): void {
  exchange.sendJson(JSON.stringify(json));
}

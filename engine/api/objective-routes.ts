/**
 * Service-level objectives over REST: what `millrace slo` does, every other program can do too.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import type { ObjectiveRegistry } from "../../storage/objective-registry.ts";
import { EngineError } from "../core/errors.ts";
import { parseServiceObjective, type ServiceObjective } from "../core/service-objective.ts";
import { checkObjective } from "../monitor/service/objective-level.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { nameIn } from "./path-name.ts";

export type Objectives = Pick<ObjectiveRegistry, "put" | "get" | "list" | "remove">;

export function objectiveRoutes(registry: Objectives): Route[] {
  return [
    {
      method: "get",
      path: "/slos",
      handle: (exchange) =>
        exchange.guardAsync(async () => {
          exchange.sendJson(JSON.stringify({ slos: await registry.list() }));
        }),
    },
    {
      method: "get",
      path: "/slos/:name",
      handle: (exchange, req) => answer(exchange, req, async (name) => registry.get(name)),
    },
    {
      method: "put",
      path: "/slos/:name",
      takes: "json",
      handle: (exchange, req) => {
        const name = nameOf(req);
        withBody(exchange, z.unknown(), SMALL_BODY_BYTES, async (body) =>
          put(exchange, registry, name, body),
        );
      },
    },
    {
      method: "delete",
      path: "/slos/:name",
      handle: (exchange, req) => answer(exchange, req, async (name) => registry.remove(name)),
    },
  ];
}

/** 201 for a new one, 200 for one that is changed or was there already. The body may leave the name to the path. */
async function put(exchange: Exchange, registry: Objectives, name: string, body: unknown): Promise<void> {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  const objective = parseServiceObjective(isObject ? { name, ...body } : body);
  if (objective.name !== name) {
    const details = [{ field: "name", message: `is "${objective.name}" here and "${name}" in the path` }];
    throw new EngineError("INVALID_REQUEST", "name differs from the path's", { details });
  }
  checkObjective(objective);
  const { isNew } = await registry.put(objective);
  exchange.send(isNew ? 201 : 200, "application/json", JSON.stringify(objective));
}

function answer(
  exchange: Exchange,
  req: HttpRequest,
  work: (name: string) => Promise<ServiceObjective>,
): void {
  const name = nameOf(req);
  exchange.guardAsync(async () => exchange.sendJson(JSON.stringify(await work(name))));
}

function nameOf(req: HttpRequest): string {
  const name = nameIn(req);
  if (name !== undefined) return name;
  throw new EngineError("SLO_NOT_FOUND", "there is no objective of that name; see GET /slos");
}

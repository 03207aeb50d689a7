/**
 * Service-level objectives over REST: what `millrace slo` does, every other program can do too.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import type { ObjectiveRegistry } from "../../storage/objective-registry.ts";
import { objectiveAnswer, objectivesAnswer } from "../contract/service.ts";
import { EngineError } from "../core/errors.ts";
import { parseServiceObjective, type ServiceObjective, serviceObjective } from "../core/service-objective.ts";
import { checkObjective } from "../monitor/service/objective-level.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { nameIn, namePath } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

export type Objectives = Pick<ObjectiveRegistry, "put" | "get" | "list" | "remove">;

/** The name stands in the path, and may stand in the body. */
const describedObjective = serviceObjective.partial({ name: true });

const DESCRIBED = {
  list: {
    tag: "Monitoring",
    summary: "Service-level objectives",
    answers: { 200: objectivesAnswer },
    errors: ["SERVICE_UNAVAILABLE"],
  },
  show: {
    tag: "Monitoring",
    summary: "One objective",
    path: { name: namePath },
    answers: { 200: objectiveAnswer },
    errors: ["SLO_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
  put: {
    tag: "Monitoring",
    summary: "Declare or change an objective",
    path: { name: namePath },
    body: describedObjective,
    answers: { 200: objectiveAnswer, 201: objectiveAnswer },
    errors: ["SLO_NOT_FOUND", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
  remove: {
    tag: "Monitoring",
    summary: "Drop an objective",
    path: { name: namePath },
    answers: { 200: objectiveAnswer },
    errors: ["SLO_NOT_FOUND", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

export function objectiveRoutes(registry: Objectives): Route[] {
  return [
    {
      method: "get",
      path: "/slos",
      describes: DESCRIBED.list,
      handle: (exchange) =>
        exchange.guardAsync(async () => {
          exchange.sendJson(JSON.stringify({ slos: await registry.list() }));
        }),
    },
    {
      method: "get",
      path: "/slos/:name",
      describes: DESCRIBED.show,
      handle: (exchange, req) => answer(exchange, req, async (name) => registry.get(name)),
    },
    {
      method: "put",
      path: "/slos/:name",
      takes: "json",
      describes: DESCRIBED.put,
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
      describes: DESCRIBED.remove,
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

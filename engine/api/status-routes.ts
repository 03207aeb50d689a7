/**
 * What people, dashboards and load balancers ask: /, /health, /ready, /metrics, /models, /model/info, /model/schema.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { modelInfoAnswer } from "../contract/models.ts";
import { cardAnswer, healthAnswer } from "../contract/status.ts";
import type { Metrics } from "../core/metrics.ts";
import { requestSchema } from "../model-schema.ts";
import type { Models } from "../models.ts";
import type { Readiness } from "../readiness.ts";
import type { ServedModel } from "../served-model.ts";
import type { Exchange } from "./exchange.ts";
import { homePage } from "./home-page.ts";
import type { Route } from "./http-server.ts";
import { endpointsOf } from "./openapi.ts";
import { queryIn } from "./query.ts";
import type { RouteDescription } from "./route-description.ts";

export interface EngineInfo {
  readonly name: "millrace";
  readonly version: string;
  /** Addresses in use, without credentials. */
  readonly addresses: Readonly<Record<string, string>>;
}

export interface StatusRoutesOptions {
  readonly info: () => EngineInfo;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly models: Models;
  /** All of the server. */
  readonly routes: () => readonly Route[];
}

const versionQuery = z.object({
  model: z.string().max(128).optional().describe("the only one in production unless it is named"),
  version: z.string().max(128).optional().describe("a version or an alias"),
});

const DESCRIBED = {
  card: {
    tag: "Status",
    summary: "What runs here; a page for browsers",
    answers: { 200: { "application/json": cardAnswer, "text/html": z.string() } },
    errors: [],
  },
  health: {
    tag: "Status",
    summary: "How each part is; always 200",
    answers: { 200: healthAnswer },
    errors: [],
  },
  ready: {
    tag: "Status",
    summary: "Whether this engine can serve",
    answers: { 200: healthAnswer, 503: healthAnswer },
    errors: [],
  },
  metrics: {
    tag: "Status",
    summary: "Metrics in Prometheus' text format",
    answers: { 200: { "text/plain": z.string() } },
    errors: [],
  },
  info: {
    tag: "Models",
    summary: "The manifest of a version that is served",
    query: versionQuery,
    answers: { 200: modelInfoAnswer },
    errors: ["MODEL_NOT_FOUND", "NOT_READY"],
  },
  schema: {
    tag: "Models",
    summary: "The JSON Schema of prediction requests to a version, with an example",
    query: versionQuery,
    answers: { 200: z.looseObject({ $schema: z.string() }) },
    errors: ["MODEL_NOT_FOUND", "NOT_READY"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

export function statusRoutes({ info, readiness, metrics, models, routes }: StatusRoutesOptions): Route[] {
  return [
    {
      method: "get",
      path: "/",
      describes: DESCRIBED.card,
      handle: (exchange, req) => {
        const card = {
          ...info(),
          ...readiness.health(),
          models: describeModels(models),
          endpoints: endpointsOf(routes()),
        };
        if (req.getHeader("accept").includes("text/html"))
          exchange.send(200, "text/html; charset=utf-8", homePage(card));
        else exchange.sendJson(JSON.stringify(card));
      },
    },
    {
      method: "get",
      path: "/health",
      describes: DESCRIBED.health,
      handle: (exchange) => exchange.sendJson(JSON.stringify(readiness.health())),
    },
    {
      method: "get",
      path: "/ready",
      describes: DESCRIBED.ready,
      handle: (exchange) => answerReady(exchange, readiness),
    },
    {
      method: "get",
      path: "/metrics",
      describes: DESCRIBED.metrics,
      handle: (exchange) => exchange.send(200, "text/plain; version=0.0.4; charset=utf-8", metrics.toText()),
    },
    {
      method: "get",
      path: "/model/info",
      describes: DESCRIBED.info,
      handle: (exchange, req) => {
        const { manifest } = queried(models, req);
        const aliases = models.served().find((served) => served.manifest === manifest)?.aliases ?? [];
        exchange.sendJson(JSON.stringify({ ...manifest, aliases }));
      },
    },
    {
      method: "get",
      path: "/model/schema",
      describes: DESCRIBED.schema,
      handle: (exchange, req) => {
        const { manifest, lookup } = queried(models, req);
        exchange.sendJson(JSON.stringify(requestSchema(manifest, lookup)));
      },
    },
  ];
}

function answerReady(exchange: Exchange, readiness: Readiness): void {
  const health = readiness.health();
  exchange.send(health.ready ? 200 : 503, "application/json", JSON.stringify(health));
}

function queried(models: Models, req: HttpRequest): ServedModel {
  const { model, version } = queryIn(req, versionQuery);
  return models.route(model || undefined, version || undefined).model;
}

function describeModels(models: Models): unknown[] {
  return models.served().map(({ manifest: { name, version, runtime, description }, aliases }) => ({
    name,
    version,
    aliases,
    runtime,
    description,
  }));
}

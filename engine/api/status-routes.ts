/**
 * What people, dashboards and load balancers ask: /, /health, /ready, /metrics, /models, /model/info, /model/schema.
 */
import type { HttpRequest } from "uWebSockets.js";
import { EngineError } from "../core/errors.ts";
import type { Metrics } from "../core/metrics.ts";
import { requestSchema } from "../model-schema.ts";
import type { Models } from "../models.ts";
import type { Readiness } from "../readiness.ts";
import type { ServedModel } from "../served-model.ts";
import type { Exchange } from "./exchange.ts";
import { homePage } from "./home-page.ts";
import type { Route } from "./http-server.ts";

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
}

export function statusRoutes({ info, readiness, metrics, models }: StatusRoutesOptions): Route[] {
  return [
    {
      method: "get",
      path: "/",
      handle: (exchange, req) => {
        const card = {
          ...info(),
          ...readiness.health(),
          models: describeModels(models),
          endpoints: ENDPOINTS,
        };
        if (req.getHeader("accept").includes("text/html"))
          exchange.send(200, "text/html; charset=utf-8", homePage(card));
        else exchange.sendJson(JSON.stringify(card));
      },
    },
    {
      method: "get",
      path: "/health",
      handle: (exchange) => exchange.sendJson(JSON.stringify(readiness.health())),
    },
    { method: "get", path: "/ready", handle: (exchange) => answerReady(exchange, readiness) },
    {
      method: "get",
      path: "/metrics",
      handle: (exchange) => exchange.send(200, "text/plain; version=0.0.4; charset=utf-8", metrics.toText()),
    },
    {
      method: "get",
      path: "/model/info",
      handle: (exchange, req) => {
        const { manifest } = queried(models, req);
        const aliases = models.served().find((served) => served.manifest === manifest)?.aliases ?? [];
        exchange.sendJson(JSON.stringify({ ...manifest, aliases }));
      },
    },
    {
      method: "get",
      path: "/model/schema",
      handle: (exchange, req) => {
        const { manifest, lookup } = queried(models, req);
        exchange.sendJson(JSON.stringify(requestSchema(manifest, lookup)));
      },
    },
  ];
}

export const ENDPOINTS: readonly string[] = [
  "POST /predict",
  "POST /predict/batch",
  "GET /ws",
  "POST /labels",
  "GET /monitoring/{model}",
  "GET /monitoring/{model}/drift?window=&from=&to=&version=&variant=",
  "GET /monitoring/{model}/settings",
  "GET /monitoring/{model}/labels?hours=",
  "GET /monitoring/{model}/performance?from=&to=&version=&variant=&metric=&slice=",
  "GET /model/info?model=&version=",
  "GET /model/schema?model=&version=",
  "GET /models",
  "GET /models/{name}",
  "POST /models/{name}/deprecate",
  "POST /api/v1/models/deploy/{name}@{version}",
  "GET /api/v1/models/artifacts/{name}@{version}?file=",
  "GET /models/{name}/versions/{version}/reference",
  "PUT /models/{name}/versions/{version}/reference",
  "POST /models/{name}/versions/{version}/reference",
  "GET /models/{name}/retrain",
  "POST /api/v1/training/start",
  "GET /api/v1/training/{job_id}/status",
  "POST /api/v1/training/{job_id}/cancel",
  "GET /api/v1/training/jobs",
  "GET /api/v1/training/jobs/active",
  "GET /feature-sets",
  "GET /feature-sets/{name}",
  "GET /feature-sets/{name}/statistics?hours=&version=",
  "POST /features/online",
  "GET /features/{set}/{entity}",
  "POST /features/historical",
  "GET /alerts?model=&state=&since=",
  "GET /alerts/{id}",
  "GET /alert-rules",
  "GET /alert-rules/{name}",
  "GET /silences",
  "GET /monitoring/{model}/latency?from=&to=&step=&version=&variant=",
  "GET /monitoring/{model}/sla",
  "GET /slos",
  "GET /slos/{name}",
  "GET /health",
  "GET /ready",
  "GET /metrics",
];

function answerReady(exchange: Exchange, readiness: Readiness): void {
  const health = readiness.health();
  exchange.send(health.ready ? 200 : 503, "application/json", JSON.stringify(health));
}

function queried(models: Models, req: HttpRequest): ServedModel {
  const query = new URLSearchParams(req.getQuery());
  const named = (key: string): string | undefined => {
    const value = query.get(key) ?? "";
    if (value.length > 128)
      throw new EngineError("INVALID_REQUEST", `${key} must have at most 128 characters`);
    return value === "" ? undefined : value;
  };
  return models.route(named("model"), named("version")).model;
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

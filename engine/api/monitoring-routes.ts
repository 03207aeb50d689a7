/**
 * How a model does, over REST: `GET /monitoring/{model}`, `GET /monitoring/{model}/drift?window=24h`, and the settings of its
 * monitoring.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { durationMs, durationText } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "../core/timestamp.ts";
import type { WatchedVersion } from "../monitor/count-keeper.ts";
import { answerDrift, type DriftPorts } from "../monitor/drift-question.ts";
import { settingsInForce } from "../monitor/monitor-settings.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { modelNameIn } from "./path-name.ts";

const MONTHS_MS_MAX = 400 * 86_400_000;

export interface MonitoringRoutesOptions extends DriftPorts {
  /** The version and its reference; by default the one in production. @throws EngineError MODEL_NOT_FOUND, CONFLICT when it has no reference. */
  readonly findWatched: (model: string, version: string | undefined) => Promise<WatchedVersion>;
  readonly putSettings: (model: string, settings: unknown) => Promise<void>;
  /** Parts of the overview by name; what cannot be had says so in its place. */
  readonly sections: Readonly<Record<string, (model: string) => Promise<unknown>>>;
  readonly checkModel: (model: string) => Promise<unknown>;
  readonly clock: () => number;
}

const question = z.strictObject({
  version: z.string().max(128).optional(),
  variant: z.string().max(128).optional(),
  window: durationText("5m", "400d").optional(),
  from: z.string().max(40).optional(),
  to: z.string().max(40).optional(),
});

export function monitoringRoutes(options: MonitoringRoutesOptions): Route[] {
  return [
    {
      method: "get",
      path: "/monitoring/:model",
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => overview(exchange, options, model));
      },
    },
    {
      method: "get",
      path: "/monitoring/:model/drift",
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        const asked = parseQuestion(req, options.clock());
        exchange.guardAsync(async () => {
          const version = await options.findWatched(model, asked.version);
          const json = await answerDrift(options, { ...asked, version, nowMs: options.clock() });
          exchange.sendJson(JSON.stringify(json));
        });
      },
    },
    {
      method: "get",
      path: "/monitoring/:model/settings",
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => {
          await options.checkModel(model);
          const settings = await options.settingsOf(model);
          exchange.sendJson(
            JSON.stringify({ settings: settings ?? {}, in_force: settingsInForce(settings) }),
          );
        });
      },
    },
    {
      method: "put",
      path: "/monitoring/:model/settings",
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        withBody(exchange, z.record(z.string(), z.unknown()), SMALL_BODY_BYTES, async (settings) => {
          await options.checkModel(model);
          const inForce = settingsInForce(settings);
          await options.putSettings(model, settings);
          exchange.sendJson(JSON.stringify({ settings, in_force: inForce }));
        });
      },
    },
  ];
}

async function overview(
  exchange: Exchange,
  { sections, checkModel }: MonitoringRoutesOptions,
  model: string,
): Promise<void> {
  await checkModel(model);
  const parts = await Promise.all(
    Object.entries(sections).map(async ([name, read]): Promise<[string, unknown]> => {
      try {
        return [name, await read(model)];
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        return [name, { error: { code: error.code, message: error.message } }];
      }
    }),
  );
  exchange.sendJson(JSON.stringify({ model_name: model, ...Object.fromEntries(parts) }));
}

/** `window` counts back from now, or from `to`; else `from` and `to` are needed. */
function parseQuestion(
  req: HttpRequest,
  nowMs: number,
): { version: string | undefined; variant: string | undefined; fromMs: number; toMs: number } {
  const result = question.safeParse(Object.fromEntries(new URLSearchParams(req.getQuery())));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw refused(issue?.path.join(".") || "query", issue?.message ?? "is wrong");
  }
  const { version, variant, window, from, to } = result.data;
  const toMs = to === undefined ? nowMs : momentOf("to", to);
  if (from !== undefined && window !== undefined) throw refused("window", "is not asked for beside from");
  const fromMs = from === undefined ? toMs - (durationMs(window ?? "24h") ?? 0) : momentOf("from", from);
  if (toMs - fromMs > MONTHS_MS_MAX) throw refused("from", "must be at most 400 days before to");
  return { version, variant, fromMs, toMs };
}

function momentOf(field: string, text: string): number {
  const ms = parseTimestamp(text);
  if (Number.isNaN(ms)) throw refused(field, `must be ${TIMESTAMP_FORM}`);
  return ms;
}

function refused(field: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `${field} ${message}`, { details: [{ field, message }] });
}

/**
 * How a model does, over REST: `GET /monitoring/{model}`, `GET /monitoring/{model}/drift?window=24h`, and the settings of its
 * monitoring. Bound: one window is measured exactly at a time.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { driftAnswer, driftQuery, settingsAnswer } from "../contract/drift.ts";
import { overviewAnswer } from "../contract/overview.ts";
import { durationMs } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import type { ModelManifest } from "../core/manifest.ts";
import type { ReferenceSource } from "../core/reference-source.ts";
import type { WatchedVersion } from "../monitor/drift/count-keeper.ts";
import { answerDrift, type DriftPorts } from "../monitor/drift/drift-question.ts";
import {
  type ExactDrift,
  type ExactDriftJob,
  referenceSpan,
  type TimeSpan,
} from "../monitor/drift/exact-drift.ts";
import { monitorSettings, settingsInForce } from "../monitor/monitor-settings.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { modelNameIn, namePath } from "./path-name.ts";
import { queryIn } from "./query.ts";
import type { RouteDescription } from "./route-description.ts";

const MONTHS_MS_MAX = 400 * 86_400_000;

/** A version that has a reference. */
export interface FoundVersion {
  readonly watched: WatchedVersion;
  readonly manifest: ModelManifest;
  /** What its reference was made from. */
  readonly source: ReferenceSource;
}

export type Sections = Readonly<Record<string, (model: string) => Promise<unknown>>>;

export interface MonitoringRoutesOptions extends DriftPorts {
  /** The version and its reference; by default the one in production. @throws EngineError MODEL_NOT_FOUND, CONFLICT when it has no reference. */
  readonly findWatched: (model: string, version: string | undefined) => Promise<FoundVersion>;
  /** @throws EngineError INVALID_REQUEST, SERVICE_UNAVAILABLE, INTERNAL. */
  readonly measureExactly: (job: ExactDriftJob) => Promise<ExactDrift>;
  readonly putSettings: (model: string, settings: unknown) => Promise<void>;
  /** Parts of the overview by name; what cannot be had says so in its place. */
  readonly sections: Sections;
  readonly checkModel: (model: string) => Promise<unknown>;
  readonly clock: () => number;
}

interface AskedDrift extends TimeSpan {
  readonly version: string | undefined;
  readonly variant: string | undefined;
  readonly isExact: boolean;
  /** Undefined for that of the reference itself. */
  readonly reference: TimeSpan | undefined;
}

const DESCRIBED = {
  overview: {
    tag: "Monitoring",
    summary: "How a model does, as a whole",
    path: { model: namePath },
    answers: { 200: overviewAnswer },
    errors: ["MODEL_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
  drift: {
    tag: "Monitoring",
    summary: "How far a window has drifted from the reference",
    path: { model: namePath },
    query: driftQuery,
    answers: { 200: driftAnswer },
    errors: ["MODEL_NOT_FOUND", "MODEL_INVALID", "CONFLICT", "BUSY", "SERVICE_UNAVAILABLE"],
  },
  settings: {
    tag: "Monitoring",
    summary: "How a model is watched",
    path: { model: namePath },
    answers: { 200: settingsAnswer },
    errors: ["MODEL_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
  putSettings: {
    tag: "Monitoring",
    summary: "Change how a model is watched",
    path: { model: namePath },
    body: monitorSettings,
    answers: { 200: settingsAnswer },
    errors: ["MODEL_NOT_FOUND", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

export function monitoringRoutes(options: MonitoringRoutesOptions): Route[] {
  const measureOne = oneAtATime(options.measureExactly);
  return [
    {
      method: "get",
      path: "/monitoring/:model",
      describes: DESCRIBED.overview,
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => overview(exchange, options, model));
      },
    },
    {
      method: "get",
      path: "/monitoring/:model/drift",
      describes: DESCRIBED.drift,
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        const asked = parseQuestion(req, options.clock());
        exchange.guardAsync(async () =>
          drift(exchange, { ...options, measureExactly: measureOne }, model, asked),
        );
      },
    },
    {
      method: "get",
      path: "/monitoring/:model/settings",
      describes: DESCRIBED.settings,
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
      takes: "json",
      path: "/monitoring/:model/settings",
      describes: DESCRIBED.putSettings,
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

function oneAtATime(
  measure: MonitoringRoutesOptions["measureExactly"],
): MonitoringRoutesOptions["measureExactly"] {
  let isBusy = false;
  return async (job) => {
    if (isBusy)
      throw new EngineError(
        "BUSY",
        "another window is measured exactly: one at a time; try again later, or leave out exact",
      );
    isBusy = true;
    try {
      return await measure(job);
    } finally {
      isBusy = false;
    }
  };
}

async function drift(
  exchange: Exchange,
  options: MonitoringRoutesOptions,
  model: string,
  { version: wanted, isExact, reference, ...asked }: AskedDrift,
): Promise<void> {
  const { watched: version, manifest, source } = await options.findWatched(model, wanted);
  const before = isExact ? referenceSpan(manifest, source, reference) : undefined;
  const { variant } = asked;
  const { bins } = version.profile;
  const measureExactly =
    before === undefined
      ? undefined
      : async (fromMs: number, toMs: number) =>
          options.measureExactly({ manifest, reference: before, current: { fromMs, toMs }, variant, bins });
  const json = await answerDrift(options, { ...asked, version, nowMs: options.clock(), measureExactly });
  exchange.sendJson(JSON.stringify(json));
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
function parseQuestion(req: HttpRequest, nowMs: number): AskedDrift {
  const asked = queryIn(req, driftQuery);
  const { version, variant, window, from, to: toMs = nowMs, exact } = asked;
  if (from !== undefined && window !== undefined) throw refused("window", "is not asked for beside from");
  const fromMs = from ?? toMs - (durationMs(window ?? "24h") ?? 0);
  if (toMs - fromMs > MONTHS_MS_MAX) throw refused("from", "must be at most 400 days before to");
  return { version, variant, fromMs, toMs, isExact: exact === "true", reference: referenceAsked(asked) };
}

function referenceAsked({
  exact,
  reference_from: fromMs,
  reference_to: toMs,
}: z.infer<typeof driftQuery>): TimeSpan | undefined {
  if (fromMs === undefined && toMs === undefined) return undefined;
  if (exact === "false") throw refused("reference_from", "is asked for beside exact=true only");
  if (fromMs === undefined) throw refused("reference_from", "is needed beside reference_to");
  if (toMs === undefined) throw refused("reference_to", "is needed beside reference_from");
  if (fromMs >= toMs) throw refused("reference_from", "must be before reference_to");
  return { fromMs, toMs };
}

function refused(field: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `${field} ${message}`, { details: [{ field, message }] });
}

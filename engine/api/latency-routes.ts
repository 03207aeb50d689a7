/**
 * `GET /monitoring/{model}/latency` and `/sla`: how a model is served.
 *
 * Bound: STEPS_MAX steps of a report.
 */
import type { HttpRequest } from "uWebSockets.js";
import type { ErrorStep, Traffic, TrafficQuestion } from "../../storage/traffic-report.ts";
import { latencyAnswer, latencyQuery, slaAnswer } from "../contract/service.ts";
import { EngineError } from "../core/errors.ts";
import type { ServiceObjective } from "../core/service-objective.ts";
import { latencyReport, STEP_MS } from "../monitor/service/latency-report.ts";
import { type ObjectiveSources, objectiveLevel } from "../monitor/service/objective-level.ts";
import type { Route } from "./http-server.ts";
import { nameIn, namePath } from "./path-name.ts";
import { queryIn } from "./query.ts";

const STEPS_MAX = 1_500;
/** Steps of a report that names no `from`. */
const STEPS_USUAL = { minute: 60, hour: 24, day: 28 } as const;

export interface LatencyRoutesOptions {
  /** @throws EngineError MODEL_NOT_FOUND when the registry has no such model. */
  readonly checkModel: (name: string) => Promise<void>;
  readonly readTraffic: (question: TrafficQuestion) => Promise<Traffic>;
  readonly readErrors: (question: TrafficQuestion) => Promise<readonly ErrorStep[]>;
  readonly listObjectives: () => Promise<readonly ServiceObjective[]>;
  readonly objectiveSources: ObjectiveSources;
}

export function latencyRoutes(options: LatencyRoutesOptions): Route[] {
  const { checkModel, readTraffic, readErrors, listObjectives, objectiveSources } = options;
  return [
    {
      method: "get",
      path: "/monitoring/:model/latency",
      describes: {
        tag: "Monitoring",
        summary: "Traffic, errors and latencies by stage, over time",
        path: { model: namePath },
        query: latencyQuery,
        answers: { 200: latencyAnswer },
        errors: ["MODEL_NOT_FOUND", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange, req) => {
        const asked = parseQuestion(req, Date.now());
        exchange.guardAsync(async () => {
          await checkModel(asked.model);
          const [traffic, errors] = await Promise.all([
            readTraffic(asked),
            asked.variant === undefined ? readErrors(asked) : undefined,
          ]);
          const { model, version, variant } = asked;
          exchange.sendJson(
            JSON.stringify({ model, version, variant, ...latencyReport({ ...asked, traffic, errors }) }),
          );
        });
      },
    },
    {
      method: "get",
      path: "/monitoring/:model/sla",
      describes: {
        tag: "Monitoring",
        summary: "How well the objectives of a model are kept",
        path: { model: namePath },
        answers: { 200: slaAnswer },
        errors: ["MODEL_NOT_FOUND", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange, req) => {
        const model = modelIn(req);
        exchange.guardAsync(async () => {
          await checkModel(model);
          const nowMs = Date.now();
          const objectives = (await listObjectives()).filter((objective) => objective.model === model);
          const slos = [];
          for (const objective of objectives)
            slos.push(await objectiveLevel(objective, objectiveSources, nowMs));
          exchange.sendJson(JSON.stringify({ model, slos }));
        });
      },
    },
  ];
}

/** Whole steps: from the start of the one that holds `from` to the end of the one that holds the last moment before `to`. */
function parseQuestion(req: HttpRequest, nowMs: number): TrafficQuestion {
  const model = modelIn(req);
  const asked = queryIn(req, latencyQuery);
  const { step, version, variant } = asked;
  const stepMs = STEP_MS[step];
  const to = Math.ceil((asked.to ?? nowMs) / stepMs) * stepMs;
  const from = Math.floor((asked.from ?? to - STEPS_USUAL[step] * stepMs) / stepMs) * stepMs;
  const steps = (to - from) / stepMs;
  if (steps >= 1 && steps <= STEPS_MAX) return { model, version, variant, from, to, step };
  const message = `must be before to, by at most ${STEPS_MAX} steps: ask for a shorter range or a longer step`;
  throw new EngineError("INVALID_REQUEST", `from ${message}`, { details: [{ field: "from", message }] });
}

function modelIn(req: HttpRequest): string {
  const name = nameIn(req);
  if (name !== undefined) return name;
  throw new EngineError("MODEL_NOT_FOUND", "there is no model of that name; see GET /models");
}

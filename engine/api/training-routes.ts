/**
 * Training jobs over REST: start one, see what it does, call it off, list those in flight and those that ended; and the specification
 * by which a model is trained when nobody gives one.
 *
 * Bounds: bodies by SPEC_BYTES, lists by LIMIT_MAX.
 */
import { z } from "zod";
import { EngineError } from "../core/errors.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import type { Triggers } from "../retraining/triggers.ts";
import type { TrainingJobs } from "../train/training-jobs.ts";
import { byOf, changedBy } from "./changed-by.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { modelNameIn, textIn } from "./path-name.ts";

export interface TrainingRoutesOptions {
  readonly jobs: Pick<TrainingJobs, "start" | "status" | "cancel" | "active" | "ended">;
  readonly triggers: Pick<Triggers, "applyTraining" | "status">;
  /** @throws EngineError INVALID_REQUEST with one detail per wrong field. */
  readonly parseSpec: (json: unknown) => TrainingSpec;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

const SPEC_BYTES = 64 * 1024;
const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;
const PATH = "/api/v1/training";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const reasonBody = z.strictObject({ reason: z.string().min(1).max(1000).optional() });
const startBody = z.looseObject({ ...changedBy, reason: reasonBody.shape.reason });

export function trainingRoutes(options: TrainingRoutesOptions): Route[] {
  const { jobs, clock } = options;
  const send = (value: unknown): string => JSON.stringify(value);
  return [
    {
      method: "post",
      path: `${PATH}/start`,
      takes: "json",
      handle: (exchange) =>
        withBody(exchange, startBody, SPEC_BYTES, async ({ reason, requested_by, ...json }) => {
          const training = options.parseSpec(json);
          const { requestedBy } = byOf({ requested_by });
          const wish = { model: training.model_name, training: json, reason, requestedBy };
          exchange.send(202, "application/json", send(await jobs.start(wish, clock())));
        }),
    },
    {
      method: "get",
      path: `${PATH}/jobs/active`,
      handle: (exchange) =>
        exchange.guardAsync(async () => exchange.sendJson(send({ jobs: await jobs.active(clock()) }))),
    },
    {
      method: "get",
      path: `${PATH}/jobs`,
      handle: (exchange, req) => {
        const model = req.getQuery("model");
        const limit = limitIn(req.getQuery("limit"));
        exchange.guardAsync(async () => exchange.sendJson(send({ jobs: await jobs.ended(model, limit) })));
      },
    },
    {
      method: "get",
      path: `${PATH}/:job_id/status`,
      handle: (exchange, req) => {
        const jobId = jobIdIn(textIn(req, 0));
        exchange.guardAsync(async () => exchange.sendJson(send(await jobs.status(jobId))));
      },
    },
    {
      method: "post",
      path: `${PATH}/:job_id/cancel`,
      takes: "json",
      handle: (exchange, req) => {
        const jobId = jobIdIn(textIn(req, 0));
        withBody(exchange, reasonBody, SMALL_BODY_BYTES, async ({ reason }) =>
          exchange.sendJson(send(await jobs.cancel(jobId, reason, clock()))),
        );
      },
    },
    ...specRoutes(options),
  ];
}

function specRoutes({ triggers, parseSpec, clock }: TrainingRoutesOptions): Route[] {
  const path = "/models/:name/training";
  return [
    {
      method: "get",
      path,
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => {
          const { record } = await triggers.status(model, clock());
          exchange.sendJson(JSON.stringify({ model_name: model, spec: record.training ?? null }));
        });
      },
    },
    {
      method: "put",
      path,
      takes: "json",
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        withBody(exchange, z.looseObject({}), SPEC_BYTES, async (json) => {
          const spec = parseSpec({ model_name: model, ...json });
          if (spec.model_name !== model) throw otherModel(model);
          await triggers.applyTraining(model, json);
          exchange.sendJson(JSON.stringify({ model_name: model, spec }));
        });
      },
    },
  ];
}

function otherModel(model: string): EngineError {
  const message = `must be ${model}, the model that it is applied to`;
  return new EngineError("INVALID_REQUEST", `model_name ${message}`, {
    details: [{ field: "model_name", message }],
  });
}

/** @throws EngineError JOB_NOT_FOUND for what can be no job's id. */
function jobIdIn(text: string): string {
  if (UUID.test(text)) return text;
  throw new EngineError(
    "JOB_NOT_FOUND",
    "there is no training job of that id; see GET /api/v1/training/jobs",
  );
}

/** @throws EngineError INVALID_REQUEST */
function limitIn(text: string | undefined): number {
  if (text === undefined) return LIMIT_DEFAULT;
  const limit = Number(text);
  if (/^\d{1,6}$/.test(text) && limit >= 1 && limit <= LIMIT_MAX) return limit;
  const message = `must be a whole number from 1 to ${LIMIT_MAX}`;
  throw new EngineError("INVALID_REQUEST", `limit ${message}`, { details: [{ field: "limit", message }] });
}

/**
 * Training jobs over REST: start one, see what it does, call it off, list those in flight and those that ended; and the specification
 * by which a model is trained when nobody gives one.
 *
 * Bounds: bodies by SPEC_BYTES, lists by jobsQuery.
 */
import { z } from "zod";
import { byOf } from "../contract/changed-by.ts";
import {
  cancelTrainingRequest,
  checkedSpecAnswer,
  jobAnswer,
  jobsAnswer,
  jobsQuery,
  startTrainingRequest,
  trainingAsker,
  trainingSpecAnswer,
} from "../contract/training.ts";
import { EngineError } from "../core/errors.ts";
import { type TrainingSpec, trainingSpec } from "../core/training-spec.ts";
import type { Triggers } from "../retraining/triggers.ts";
import type { TrainingJobs } from "../train/training-jobs.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { modelNameIn, namePath, textIn, uuidPath } from "./path-name.ts";
import { queryIn } from "./query.ts";
import type { RouteDescription } from "./route-description.ts";

export interface TrainingRoutesOptions {
  readonly jobs: Pick<TrainingJobs, "start" | "status" | "cancel" | "active" | "ended">;
  readonly triggers: Pick<Triggers, "applyTraining" | "status">;
  /** @throws EngineError INVALID_REQUEST with one detail per wrong field. */
  readonly parseSpec: (json: unknown) => TrainingSpec;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

const SPEC_BYTES = 64 * 1024;
const PATH = "/api/v1/training";

/** The rest is checked by parseSpec. */
const startBody = z.looseObject(trainingAsker);
const describedSpec = trainingSpec.partial({ model_name: true });

const DESCRIBED = {
  start: {
    tag: "Training",
    summary: "Start a training job",
    body: startTrainingRequest,
    answers: { 202: jobAnswer },
    errors: ["MODEL_NOT_FOUND", "CONFLICT", "BUSY", "SERVICE_UNAVAILABLE"],
  },
  active: {
    tag: "Training",
    summary: "Jobs in flight",
    answers: { 200: jobsAnswer },
    errors: ["SERVICE_UNAVAILABLE"],
  },
  ended: {
    tag: "Training",
    summary: "Jobs that have ended, the newest first",
    query: jobsQuery,
    answers: { 200: jobsAnswer },
    errors: ["SERVICE_UNAVAILABLE"],
  },
  status: {
    tag: "Training",
    summary: "What a job does",
    path: { job_id: uuidPath },
    answers: { 200: jobAnswer },
    errors: ["JOB_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
  cancel: {
    tag: "Training",
    summary: "Call a job off",
    path: { job_id: uuidPath },
    body: cancelTrainingRequest,
    answers: { 200: jobAnswer },
    errors: ["JOB_NOT_FOUND", "CONFLICT", "BUSY", "SERVICE_UNAVAILABLE"],
  },
  spec: {
    tag: "Training",
    summary: "How a model is trained when nobody says how",
    path: { name: namePath },
    answers: { 200: trainingSpecAnswer },
    errors: ["MODEL_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
  putSpec: {
    tag: "Training",
    summary: "Say how a model is trained",
    path: { name: namePath },
    body: describedSpec,
    answers: { 200: checkedSpecAnswer },
    errors: ["MODEL_NOT_FOUND", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

export function trainingRoutes(options: TrainingRoutesOptions): Route[] {
  const { jobs, clock } = options;
  const send = (value: unknown): string => JSON.stringify(value);
  return [
    {
      method: "post",
      path: `${PATH}/start`,
      takes: "json",
      describes: DESCRIBED.start,
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
      describes: DESCRIBED.active,
      handle: (exchange) =>
        exchange.guardAsync(async () => exchange.sendJson(send({ jobs: await jobs.active(clock()) }))),
    },
    {
      method: "get",
      path: `${PATH}/jobs`,
      describes: DESCRIBED.ended,
      handle: (exchange, req) => {
        const { model, limit } = queryIn(req, jobsQuery);
        exchange.guardAsync(async () => exchange.sendJson(send({ jobs: await jobs.ended(model, limit) })));
      },
    },
    {
      method: "get",
      path: `${PATH}/:job_id/status`,
      describes: DESCRIBED.status,
      handle: (exchange, req) => {
        const jobId = jobIdIn(textIn(req, 0));
        exchange.guardAsync(async () => exchange.sendJson(send(await jobs.status(jobId))));
      },
    },
    {
      method: "post",
      path: `${PATH}/:job_id/cancel`,
      takes: "json",
      describes: DESCRIBED.cancel,
      handle: (exchange, req) => {
        const jobId = jobIdIn(textIn(req, 0));
        withBody(exchange, cancelTrainingRequest, SMALL_BODY_BYTES, async ({ reason }) =>
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
      describes: DESCRIBED.spec,
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
      describes: DESCRIBED.putSpec,
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
  if (uuidPath.safeParse(text).success) return text;
  throw new EngineError(
    "JOB_NOT_FOUND",
    "there is no training job of that id; see GET /api/v1/training/jobs",
  );
}

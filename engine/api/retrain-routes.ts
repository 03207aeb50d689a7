/**
 * Retraining over REST: ask for it, call it off, see what it stands at, and set a model's policy.
 *
 * Bounds: bodies by SMALL_BODY_BYTES, policies by POLICY_BYTES.
 */
import { z } from "zod";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import { retrainAnswer, retrainPolicyAnswer } from "../contract/training.ts";
import { jobInFlight } from "../core/retrain-job.ts";
import { retrainPolicy } from "../retraining/retrain-policy.ts";
import { jobsOn } from "../retraining/retrain-trigger.ts";
import type { RetrainStatus, Triggers } from "../retraining/triggers.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { modelNameIn, namePath } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

export interface RetrainRoutesOptions {
  readonly triggers: Pick<Triggers, "request" | "cancel" | "applyPolicy" | "status">;
  readonly registry: Pick<ModelRegistry, "stateOf">;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

const POLICY_BYTES = 16 * 1024;
const REQUESTED_BY = "rest";

const reasonBody = z.strictObject({ reason: z.string().min(1).max(1000).optional() });

const CHANGE = {
  tag: "Training",
  path: { name: namePath },
  errors: ["MODEL_NOT_FOUND", "CONFLICT", "BUSY", "SERVICE_UNAVAILABLE"],
} as const;

const DESCRIBED = {
  show: {
    tag: "Training",
    summary: "What the retraining of a model stands at",
    path: { name: namePath },
    answers: { 200: retrainAnswer },
    errors: ["MODEL_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
  request: { ...CHANGE, summary: "Ask for a retraining", body: reasonBody, answers: { 202: retrainAnswer } },
  cancel: { ...CHANGE, summary: "Call a retraining off", body: reasonBody, answers: { 200: retrainAnswer } },
  policy: {
    ...CHANGE,
    summary: "Set when a model is retrained",
    body: retrainPolicy,
    answers: { 200: retrainPolicyAnswer },
  },
} satisfies Readonly<Record<string, RouteDescription>>;

const PATH = "/models/:name/retrain";

export function retrainRoutes(options: RetrainRoutesOptions): Route[] {
  const { triggers, registry, clock } = options;
  return [
    {
      method: "get",
      path: PATH,
      describes: DESCRIBED.show,
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => {
          await registry.stateOf(model);
          const nowMs = clock();
          exchange.sendJson(JSON.stringify(describe(model, await triggers.status(model, nowMs), nowMs)));
        });
      },
    },
    ...changeRoutes(options),
  ];
}

function changeRoutes({ triggers, registry, clock }: RetrainRoutesOptions): Route[] {
  /** Takes the body once the model is known to exist, and answers `status` with what `work` returns. */
  const taking = <T>(
    route: Omit<Route, "takes" | "handle"> & { readonly status: number; readonly bytesMax: number },
    schema: z.ZodType<T>,
    work: (model: string, body: T, nowMs: number) => Promise<unknown>,
  ): Route => ({
    ...route,
    takes: "json",
    handle: (exchange, req) => {
      const model = modelNameIn(req);
      withBody(exchange, schema, route.bytesMax, async (body) => {
        await registry.stateOf(model);
        const answer = await work(model, body, clock());
        exchange.send(route.status, "application/json", JSON.stringify(answer));
      });
    },
  });
  const { request, cancel, policy } = DESCRIBED;
  const small = { method: "post", bytesMax: SMALL_BODY_BYTES } as const;
  const large = { method: "put", bytesMax: POLICY_BYTES } as const;
  return [
    taking(
      { ...small, describes: request, path: PATH, status: 202 },
      reasonBody,
      async (model, { reason }, nowMs) =>
        describe(model, await triggers.request(model, { reason, requestedBy: REQUESTED_BY }, nowMs), nowMs),
    ),
    taking(
      { ...small, describes: cancel, path: `${PATH}/cancel`, status: 200 },
      reasonBody,
      async (model, { reason }, nowMs) => describe(model, await triggers.cancel(model, reason, nowMs), nowMs),
    ),
    taking(
      { ...large, describes: policy, path: `${PATH}-policy`, status: 200 },
      z.unknown(),
      async (model, body, nowMs) => ({ policy: await triggers.applyPolicy(model, body, nowMs) }),
    ),
  ];
}

function describe(
  model: string,
  { policy, job, record }: RetrainStatus,
  nowMs: number,
): Record<string, unknown> {
  return {
    model_name: model,
    is_in_flight: jobInFlight(record, nowMs) !== undefined,
    job,
    last_ended: record.last_ended,
    jobs_today: jobsOn(record, nowMs),
    next_scheduled_at: record.schedule?.next_at ?? null,
    quality_incidents: record.quality_incidents,
    policy,
    decisions: record.decisions,
  };
}

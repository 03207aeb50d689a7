/**
 * Retraining over REST: ask for it, call it off, see what it stands at, and set a model's policy.
 *
 * Bounds: bodies by SMALL_BODY_BYTES, policies by POLICY_BYTES.
 */
import { z } from "zod";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import { jobInFlight } from "../core/retrain-job.ts";
import { jobsOn } from "../monitor/retrain-trigger.ts";
import type { RetrainStatus, Triggers } from "../monitor/triggers.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { modelNameIn } from "./path-name.ts";

export interface RetrainRoutesOptions {
  readonly triggers: Pick<Triggers, "request" | "cancel" | "applyPolicy" | "status">;
  readonly registry: Pick<ModelRegistry, "stateOf">;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

const POLICY_BYTES = 16 * 1024;
const REQUESTED_BY = "rest";

const reasonBody = z.strictObject({ reason: z.string().min(1).max(1000).optional() });

export function retrainRoutes({ triggers, registry, clock }: RetrainRoutesOptions): Route[] {
  /** The body, once the model is known to exist. */
  const taking = <T>(
    method: "post" | "put",
    path: string,
    schema: z.ZodType<T>,
    bytesMax: number,
    work: (exchange: Exchange, model: string, body: T) => Promise<void>,
  ): Route => ({
    method,
    path,
    takes: "json",
    handle: (exchange, req) => {
      const model = modelNameIn(req);
      withBody(exchange, schema, bytesMax, async (body) => {
        await registry.stateOf(model);
        await work(exchange, model, body);
      });
    },
  });
  const send = (exchange: Exchange, status: number, model: string, stands: RetrainStatus): void =>
    exchange.send(status, "application/json", JSON.stringify(describe(model, stands, clock())));
  return [
    {
      method: "get",
      path: "/models/:name/retrain",
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => {
          await registry.stateOf(model);
          send(exchange, 200, model, await triggers.status(model, clock()));
        });
      },
    },
    taking("post", "/models/:name/retrain", reasonBody, SMALL_BODY_BYTES, async (exchange, model, body) => {
      const requested = await triggers.request(
        model,
        { reason: body.reason, requestedBy: REQUESTED_BY },
        clock(),
      );
      send(exchange, 202, model, requested);
    }),
    taking(
      "post",
      "/models/:name/retrain/cancel",
      reasonBody,
      SMALL_BODY_BYTES,
      async (exchange, model, body) =>
        send(exchange, 200, model, await triggers.cancel(model, body.reason, clock())),
    ),
    taking(
      "put",
      "/models/:name/retrain-policy",
      z.unknown(),
      POLICY_BYTES,
      async (exchange, model, body) => {
        const policy = await triggers.applyPolicy(model, body, clock());
        exchange.sendJson(JSON.stringify({ policy }));
      },
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

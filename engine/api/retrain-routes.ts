/**
 * Retraining over REST: ask for it, call it off, see what it stands at, and set a model's policy.
 *
 * Bounds: bodies by SMALL_BODY_BYTES, policies by POLICY_BYTES.
 */
import { z } from "zod";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import { jobInFlight } from "../core/retrain-job.ts";
import { jobsOn } from "../retraining/retrain-trigger.ts";
import type { RetrainStatus, Triggers } from "../retraining/triggers.ts";
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
  const path = "/models/:name/retrain";
  /** Takes the body once the model is known to exist, and answers `status` with what `work` returns. */
  const taking = <T>(
    route: Pick<Route, "method" | "path"> & { readonly status: number; readonly bytesMax: number },
    schema: z.ZodType<T>,
    work: (model: string, body: T) => Promise<unknown>,
  ): Route => ({
    ...route,
    takes: "json",
    handle: (exchange, req) => {
      const model = modelNameIn(req);
      withBody(exchange, schema, route.bytesMax, async (body) => {
        await registry.stateOf(model);
        exchange.send(route.status, "application/json", JSON.stringify(await work(model, body)));
      });
    },
  });
  const small = { method: "post", bytesMax: SMALL_BODY_BYTES } as const;
  const policy = { method: "put", bytesMax: POLICY_BYTES } as const;
  return [
    {
      method: "get",
      path,
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        exchange.guardAsync(async () => {
          await registry.stateOf(model);
          const nowMs = clock();
          exchange.sendJson(JSON.stringify(describe(model, await triggers.status(model, nowMs), nowMs)));
        });
      },
    },
    taking({ ...small, path, status: 202 }, reasonBody, async (model, { reason }) => {
      const nowMs = clock();
      return describe(
        model,
        await triggers.request(model, { reason, requestedBy: REQUESTED_BY }, nowMs),
        nowMs,
      );
    }),
    taking({ ...small, path: `${path}/cancel`, status: 200 }, reasonBody, async (model, { reason }) => {
      const nowMs = clock();
      return describe(model, await triggers.cancel(model, reason, nowMs), nowMs);
    }),
    taking({ ...policy, path: `${path}-policy`, status: 200 }, z.unknown(), async (model, body) => ({
      policy: await triggers.applyPolicy(model, body, clock()),
    })),
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

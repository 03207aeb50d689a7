/**
 * Alerts over REST: what is open and what was, acknowledged and resolved by hand, and a test of the channels.
 *
 * Bound: one test at a time, others are answered BUSY.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { ALERT_STATES } from "../alerts/alert.ts";
import type { Channel } from "../alerts/alert-delivery.ts";
import type { AlertDesk } from "../alerts/alert-desk.ts";
import { ruleName } from "../alerts/alert-rule.ts";
import { testChannels } from "../alerts/test-notification.ts";
import { EngineError } from "../core/errors.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "../core/timestamp.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { textIn } from "./path-name.ts";

export interface AlertRoutesOptions {
  readonly desk: Pick<AlertDesk, "list" | "changes" | "acknowledge" | "resolve">;
  readonly channels: readonly Channel[];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const filterQuery = z.strictObject({
  model: ruleName.optional(),
  state: z.enum(ALERT_STATES).optional(),
  since: z
    .string()
    .transform((text) => parseTimestamp(/^\d+$/.test(text) ? Number(text) : text))
    .refine((ms) => !Number.isNaN(ms), TIMESTAMP_FORM)
    .optional(),
});

const handlingBody = z.strictObject({
  by: z.string().max(128).optional(),
  note: z.string().max(1000).optional(),
});

export function alertRoutes({ desk, channels }: AlertRoutesOptions): Route[] {
  let isTesting = false;
  return [
    {
      method: "get",
      path: "/alerts",
      handle: (exchange, req) => {
        const { model, state, since } = filterOf(req);
        exchange.guardAsync(async () =>
          exchange.sendJson(JSON.stringify({ alerts: await desk.list({ model, state, sinceMs: since }) })),
        );
      },
    },
    {
      method: "get",
      path: "/alerts/:id",
      handle: (exchange, req) => {
        const id = alertIdIn(req);
        exchange.guardAsync(async () =>
          exchange.sendJson(JSON.stringify({ changes: await desk.changes(id) })),
        );
      },
    },
    ...(["acknowledge", "resolve"] as const).map(
      (action): Route => ({
        method: "post",
        path: `/alerts/:id/${action}`,
        takes: "json",
        handle: (exchange, req) => {
          const id = alertIdIn(req);
          withBody(exchange, handlingBody, SMALL_BODY_BYTES, async (words) =>
            exchange.sendJson(JSON.stringify(await desk[action](id, words, Date.now()))),
          );
        },
      }),
    ),
    {
      method: "post",
      path: "/alerts/test",
      takes: "json",
      handle: (exchange: Exchange) =>
        withBody(exchange, z.strictObject({}), SMALL_BODY_BYTES, async () => {
          if (isTesting)
            throw new EngineError("BUSY", "a test of the channels is under way: wait for it to end");
          isTesting = true;
          try {
            exchange.sendJson(JSON.stringify({ channels: await testChannels(channels, Date.now()) }));
          } finally {
            isTesting = false;
          }
        }),
    },
  ];
}

function filterOf(req: HttpRequest): z.infer<typeof filterQuery> {
  const given = [...new URLSearchParams(req.getQuery())].filter(([, value]) => value !== "");
  const result = filterQuery.safeParse(Object.fromEntries(given));
  if (result.success) return result.data;
  const details = result.error.issues.map(({ path, message }) => ({
    field: path.join(".") || "query",
    message,
  }));
  throw new EngineError("INVALID_REQUEST", `${details[0]?.field}: ${details[0]?.message}`, { details });
}

function alertIdIn(req: HttpRequest): string {
  const id = textIn(req, 0);
  if (UUID.test(id)) return id;
  throw new EngineError("ALERT_NOT_FOUND", "there is no alert of that id; see GET /alerts");
}

/**
 * Alerts over REST: what is open and what was, acknowledged and resolved by hand, and a test of the channels.
 *
 * Bound: one test at a time, others are answered BUSY.
 */
import type { HttpRequest } from "uWebSockets.js";
import type { Channel } from "../alerts/alert-delivery.ts";
import type { AlertDesk } from "../alerts/alert-desk.ts";
import { testChannels } from "../alerts/test-notification.ts";
import {
  alertAnswer,
  alertChangesAnswer,
  alertsAnswer,
  alertsQuery,
  handlingRequest,
  testedChannelsAnswer,
} from "../contract/alerts.ts";
import { EngineError } from "../core/errors.ts";
import type { Route } from "./http-server.ts";
import { checkBody, emptyBody, SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { textIn, uuidPath } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

export interface AlertRoutesOptions {
  readonly desk: Pick<AlertDesk, "list" | "changes" | "acknowledge" | "resolve">;
  readonly channels: readonly Channel[];
}

const HANDLING = {
  tag: "Alerts",
  path: { id: uuidPath },
  body: handlingRequest,
  answers: { 200: alertAnswer },
  errors: ["ALERT_NOT_FOUND", "CONFLICT", "BUSY", "SERVICE_UNAVAILABLE"],
} as const;

const DESCRIBED = {
  list: {
    tag: "Alerts",
    summary: "Alerts, the newest change first",
    query: alertsQuery,
    answers: { 200: alertsAnswer },
    errors: ["SERVICE_UNAVAILABLE"],
  },
  changes: {
    tag: "Alerts",
    summary: "All changes of one alert",
    path: { id: uuidPath },
    answers: { 200: alertChangesAnswer },
    errors: ["ALERT_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
  acknowledge: {
    ...HANDLING,
    summary: "Say that somebody looks after an alert",
  },
  resolve: {
    ...HANDLING,
    summary: "End an alert by hand",
  },
  test: {
    tag: "Alerts",
    summary: "Try all channels with a made-up alert",
    body: emptyBody,
    answers: { 200: testedChannelsAnswer },
    errors: ["BUSY"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

export function alertRoutes({ desk, channels }: AlertRoutesOptions): Route[] {
  let isTesting = false;
  return [
    {
      method: "get",
      path: "/alerts",
      describes: DESCRIBED.list,
      handle: (exchange, req) => {
        const asked = Object.fromEntries(new URLSearchParams(req.getQuery()));
        const { model, state, since } = checkBody(alertsQuery, asked);
        exchange.guardAsync(async () =>
          exchange.sendJson(JSON.stringify({ alerts: await desk.list({ model, state, sinceMs: since }) })),
        );
      },
    },
    {
      method: "get",
      path: "/alerts/:id",
      describes: DESCRIBED.changes,
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
        describes: DESCRIBED[action],
        handle: (exchange, req) => {
          const id = alertIdIn(req);
          withBody(exchange, handlingRequest, SMALL_BODY_BYTES, async (words) =>
            exchange.sendJson(JSON.stringify(await desk[action](id, words, Date.now()))),
          );
        },
      }),
    ),
    {
      method: "post",
      path: "/alerts/test",
      takes: "json",
      describes: DESCRIBED.test,
      handle: (exchange) =>
        withBody(exchange, emptyBody, SMALL_BODY_BYTES, async () => {
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

function alertIdIn(req: HttpRequest): string {
  const id = textIn(req, 0);
  if (uuidPath.safeParse(id).success) return id;
  throw new EngineError("ALERT_NOT_FOUND", "there is no alert of that id; see GET /alerts");
}

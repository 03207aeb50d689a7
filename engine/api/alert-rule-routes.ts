/**
 * Alert rules and silences over REST.
 *
 * Bound: a file of rules by FILE_BYTES_MAX.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import type { AlertRules } from "../alerts/alert-rules.ts";
import { silenceRequest } from "../alerts/alert-silence.ts";
import { EngineError } from "../core/errors.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { nameIn, textIn } from "./path-name.ts";

const FILE_BYTES_MAX = 1024 * 1024;
const RULE_BYTES_MAX = 16 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const ruleBody = z.record(z.string(), z.unknown());

export function alertRuleRoutes(rules: AlertRules): Route[] {
  return [
    {
      method: "get",
      path: "/alert-rules",
      handle: (exchange) =>
        exchange.guardAsync(async () => {
          const all = await rules.list();
          const builtIn = all.filter((rule) => rules.isBuiltIn(rule)).map(({ name }) => name);
          exchange.sendJson(JSON.stringify({ rules: all, built_in: builtIn }));
        }),
    },
    {
      method: "post",
      path: "/alert-rules",
      takes: "json",
      handle: (exchange) =>
        withBody(exchange, z.unknown(), FILE_BYTES_MAX, async (body) =>
          exchange.sendJson(JSON.stringify({ rules: await rules.apply(body) })),
        ),
    },
    {
      method: "get",
      path: "/alert-rules/:name",
      handle: (exchange, req) => {
        const name = ruleNameIn(req);
        exchange.guardAsync(async () => exchange.sendJson(JSON.stringify(await rules.show(name))));
      },
    },
    {
      method: "put",
      path: "/alert-rules/:name",
      takes: "json",
      handle: (exchange, req) => {
        const name = ruleNameIn(req);
        withBody(exchange, ruleBody, RULE_BYTES_MAX, async (body) => {
          const rule = checkedName(name, body);
          exchange.sendJson(JSON.stringify(await rules.put(rule)));
        });
      },
    },
    {
      method: "delete",
      path: "/alert-rules/:name",
      handle: (exchange, req) => {
        const name = ruleNameIn(req);
        exchange.guardAsync(async () => {
          await rules.remove(name);
          exchange.sendJson(JSON.stringify({ removed: name }));
        });
      },
    },
    ...silenceRoutes(rules),
  ];
}

function silenceRoutes(rules: AlertRules): Route[] {
  return [
    {
      method: "get",
      path: "/silences",
      handle: (exchange) =>
        exchange.guardAsync(async () =>
          exchange.sendJson(JSON.stringify({ silences: await rules.silences() })),
        ),
    },
    {
      method: "post",
      path: "/silences",
      takes: "json",
      handle: (exchange) =>
        withBody(exchange, silenceRequest, SMALL_BODY_BYTES, async (body) => {
          const silence = await rules.addSilence(body, Date.now());
          exchange.send(201, "application/json", JSON.stringify(silence));
        }),
    },
    {
      method: "delete",
      path: "/silences/:id",
      handle: (exchange, req) => {
        const id = textIn(req, 0);
        if (!UUID.test(id))
          throw new EngineError("SILENCE_NOT_FOUND", "there is no such silence; see GET /silences");
        exchange.guardAsync(async () => {
          await rules.removeSilence(id);
          exchange.sendJson(JSON.stringify({ removed: id }));
        });
      },
    },
  ];
}

/** The name stands in the path; in the body it may stand too. */
function checkedName(name: string, body: Readonly<Record<string, unknown>>): unknown {
  if ("name" in body && body["name"] !== name) {
    const details = [{ field: "name", message: `must be ${name}, as in the path` }];
    throw new EngineError("ALERT_RULE_INVALID", `name: ${details[0]?.message}`, { details });
  }
  return { ...body, name };
}

function ruleNameIn(req: HttpRequest): string {
  const name = nameIn(req);
  if (name !== undefined) return name;
  throw new EngineError("ALERT_RULE_NOT_FOUND", "there is no alert rule of that name; see GET /alert-rules");
}

/**
 * Alert rules and silences over REST.
 *
 * Bound: a file of rules by FILE_BYTES_MAX.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { alertRule } from "../alerts/alert-rule.ts";
import type { AlertRules } from "../alerts/alert-rules.ts";
import { silenceRequest } from "../alerts/alert-silence.ts";
import {
  alertRuleAnswer,
  alertRulesAnswer,
  alertRulesAppliedAnswer,
  removedAnswer,
  silenceAnswer,
  silencesAnswer,
} from "../contract/alerts.ts";
import { EngineError } from "../core/errors.ts";
import type { Route } from "./http-server.ts";
import { SMALL_BODY_BYTES, withBody } from "./json-body.ts";
import { nameIn, namePath, textIn, uuidPath } from "./path-name.ts";
import type { RouteDescription } from "./route-description.ts";

const FILE_BYTES_MAX = 1024 * 1024;
const RULE_BYTES_MAX = 16 * 1024;

const ruleBody = z.record(z.string(), z.unknown());
/** What a rule and a file are checked by, once what a built-in rule has is filled in: of those only differences are needed. */
const describedRule = z.strictObject(alertRule.shape).partial();
const describedFile = z.strictObject({ rules: z.array(describedRule.required({ name: true })).min(1) });

const DESCRIBED = {
  list: {
    tag: "Alerts",
    summary: "Rules in force, the built-in ones too",
    answers: { 200: alertRulesAnswer },
    errors: ["SERVICE_UNAVAILABLE"],
  },
  apply: {
    tag: "Alerts",
    summary: "Add or replace the rules of a file, all or none",
    body: describedFile,
    answers: { 200: alertRulesAppliedAnswer },
    errors: ["ALERT_RULE_INVALID", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
  show: {
    tag: "Alerts",
    summary: "One rule",
    path: { name: namePath },
    answers: { 200: alertRuleAnswer },
    errors: ["ALERT_RULE_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
  put: {
    tag: "Alerts",
    summary: "Add or replace one rule",
    path: { name: namePath },
    body: describedRule,
    answers: { 200: alertRuleAnswer },
    errors: ["ALERT_RULE_NOT_FOUND", "ALERT_RULE_INVALID", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
  remove: {
    tag: "Alerts",
    summary: "Remove a rule; a built-in one is as it was again",
    path: { name: namePath },
    answers: { 200: removedAnswer },
    errors: ["ALERT_RULE_NOT_FOUND", "CONFLICT", "SERVICE_UNAVAILABLE"],
  },
  silences: {
    tag: "Alerts",
    summary: "Silences that are not forgotten",
    answers: { 200: silencesAnswer },
    errors: ["SERVICE_UNAVAILABLE"],
  },
  silence: {
    tag: "Alerts",
    summary: "Tell nobody of alerts that fit, for a while",
    body: silenceRequest,
    answers: { 201: silenceAnswer },
    errors: ["CONFLICT", "SERVICE_UNAVAILABLE"],
  },
  unsilence: {
    tag: "Alerts",
    summary: "End a silence",
    path: { id: uuidPath },
    answers: { 200: removedAnswer },
    errors: ["SILENCE_NOT_FOUND", "SERVICE_UNAVAILABLE"],
  },
} satisfies Readonly<Record<string, RouteDescription>>;

export function alertRuleRoutes(rules: AlertRules): Route[] {
  return [
    {
      method: "get",
      path: "/alert-rules",
      describes: DESCRIBED.list,
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
      describes: DESCRIBED.apply,
      handle: (exchange) =>
        withBody(exchange, z.unknown(), FILE_BYTES_MAX, async (body) =>
          exchange.sendJson(JSON.stringify({ rules: await rules.apply(body) })),
        ),
    },
    {
      method: "get",
      path: "/alert-rules/:name",
      describes: DESCRIBED.show,
      handle: (exchange, req) => {
        const name = ruleNameIn(req);
        exchange.guardAsync(async () => exchange.sendJson(JSON.stringify(await rules.show(name))));
      },
    },
    {
      method: "put",
      path: "/alert-rules/:name",
      takes: "json",
      describes: DESCRIBED.put,
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
      describes: DESCRIBED.remove,
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
      describes: DESCRIBED.silences,
      handle: (exchange) =>
        exchange.guardAsync(async () =>
          exchange.sendJson(JSON.stringify({ silences: await rules.silences() })),
        ),
    },
    {
      method: "post",
      path: "/silences",
      takes: "json",
      describes: DESCRIBED.silence,
      handle: (exchange) =>
        withBody(exchange, silenceRequest, SMALL_BODY_BYTES, async (body) => {
          const silence = await rules.addSilence(body, Date.now());
          exchange.send(201, "application/json", JSON.stringify(silence));
        }),
    },
    {
      method: "delete",
      path: "/silences/:id",
      describes: DESCRIBED.unsilence,
      handle: (exchange, req) => {
        const id = textIn(req, 0);
        if (!uuidPath.safeParse(id).success)
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

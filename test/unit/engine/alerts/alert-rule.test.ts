/** Rules of alerts: what is wrong with one is said with the field's name. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { builtInRules } from "../../../../engine/alerts/alert-built-in.ts";
import { alertRule, holds, parseAlertRule, parseAlertRules } from "../../../../engine/alerts/alert-rule.ts";
import { silenceProblem, silenceRequest } from "../../../../engine/alerts/alert-silence.ts";
import { readConfig } from "../../../../engine/core/config.ts";
import { EngineError } from "../../../../engine/core/errors.ts";

const BUILT_IN = builtInRules({ latencyP99Ms: 500, errorRate: 0.01, performanceDrop: 0.05 });
const GOOD = { name: "auc", metric: "performance.roc_auc", condition: { op: "<", threshold: 0.8 } };

function problemOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, "ALERT_RULE_INVALID");
    return `${error.details[0]?.field}: ${error.details[0]?.message}`;
  }
  return "";
}

describe("a rule", () => {
  it("has defaults for all but its name, metric and condition", () => {
    assert.deepEqual(parseAlertRule(GOOD, []), {
      ...GOOD,
      model: "*",
      persistence: { needed: 1, considered: 1 },
      severity: "warning",
      cooldown: "1h",
      group_by: ["model", "version", "variant"],
      enabled: true,
    });
  });

  const wrong: readonly (readonly [field: RegExp, part: object])[] = [
    [/^name: a lower-case letter/, { name: "No good" }],
    [/^metric: is no metric: one of drift\.incident, .*performance\.roc_auc/, { metric: "performance.auk" }],
    [/^model: a model's name/, { model: "a b" }],
    [/^condition\.op: /, { condition: { op: "==", threshold: 1 } }],
    [/^condition\.threshold: /, { condition: { op: "<", threshold: "low" } }],
    [/^window: must be a duration from 10s/, { window: "soon" }],
    [/^window: not allowed with incidents/, { metric: "drift.incident", window: "1h" }],
    [/^persistence\.needed: is more than "considered" \(3\)/, { persistence: { needed: 4, considered: 3 } }],
    [/^persistence\.considered: /, { persistence: { needed: 1, considered: 21 } }],
    [/^severity: /, { severity: "bad" }],
    [/^cooldown: must be a duration/, { cooldown: "0s" }],
    [/^group_by\.0: /, { group_by: ["metric"] }],
    [/^group_by: a field is listed twice/, { group_by: ["model", "model"] }],
    [/^channels\.0: /, { channels: ["pager"] }],
    [/^channels: a channel is listed twice/, { channels: ["nats", "nats"] }],
    [/^rule: .*"serverity"/, { serverity: "info" }],
  ];
  for (const [problem, part] of wrong)
    it(`with ${JSON.stringify(part)} is refused by the field's name`, () => {
      assert.match(
        problemOf(() => parseAlertRule({ ...GOOD, ...part }, [])),
        problem,
      );
    });

  it("in a file is named by its place, and none may be there twice", () => {
    const file =
      (...rules: unknown[]) =>
      () =>
        parseAlertRules({ rules }, BUILT_IN);
    assert.equal(file(GOOD, { ...GOOD, name: "other" })().length, 2);
    assert.match(
      problemOf(file(GOOD, { ...GOOD, name: "other", cooldown: "x" })),
      /^rules\.1\.cooldown: must be/,
    );
    assert.match(problemOf(file(GOOD, 3)), /^rules\.1: /);
    assert.match(problemOf(file(GOOD, GOOD)), /^rules\.1\.name: "auc" is used twice/);
    assert.match(problemOf(file()), /^rules: .*a file of alert rules is \{"rules"/);
    assert.match(
      problemOf(() => parseAlertRules([GOOD], [])),
      /^rules: /,
    );
  });

  it("that is built in is a rule, and is changed by what is different", () => {
    for (const rule of BUILT_IN) assert.deepEqual(alertRule.parse(rule), rule);
    const off = parseAlertRule({ name: "high-latency", enabled: false }, BUILT_IN);
    assert.deepEqual(off, { ...BUILT_IN.find(({ name }) => name === "high-latency"), enabled: false });
  });

  it("holds by its operator", () => {
    const of = (op: ">" | ">=" | "<" | "<=") =>
      [1, 2, 3].map((value) => holds({ condition: { op, threshold: 2 } }, value));
    assert.deepEqual(
      [of(">"), of(">="), of("<"), of("<=")],
      [
        [false, false, true],
        [false, true, true],
        [true, false, false],
        [true, true, false],
      ],
    );
  });
});

describe("a silence", () => {
  const good = { matcher: { model: "fraud" }, until: "2026-11-21T12:00:00Z", reason: "load test" };

  it("needs something to fit, an end and a reason", () => {
    const fieldOf = (part: object) =>
      silenceRequest.safeParse({ ...good, ...part }).error?.issues[0]?.path.join(".");
    assert.equal(fieldOf({}), undefined);
    assert.equal(fieldOf({ matcher: {} }), "matcher");
    assert.equal(fieldOf({ matcher: { metric: "x" } }), "matcher.metric");
    assert.equal(fieldOf({ until: "tomorrow" }), "until");
    assert.equal(fieldOf({ reason: "" }), "reason");
  });

  it("ends in the future, and after its beginning", () => {
    const nowMs = Date.parse("2026-11-21T10:00:00Z");
    const problem = (from: string, until: string) =>
      silenceProblem({ ...silenceRequest.parse({ ...good, from, until }), id: "s", from }, nowMs)?.join(" ");
    assert.equal(problem("2026-11-21T10:00:00Z", "2026-11-21T10:00:01Z"), undefined);
    assert.equal(problem("2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"), "until is over already");
    assert.equal(problem("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"), "until must be after from");
    assert.equal(
      problem("2026-11-22T10:00:00Z", "2027-12-22T10:00:00Z"),
      "until must be within 366 days of from",
    );
  });
});

describe("the settings of alerts", () => {
  const problem = (env: Record<string, string>): string => {
    try {
      readConfig(env);
      return "";
    } catch (error) {
      return (error as EngineError).message;
    }
  };

  it("are refused by name, and what is secret is not repeated", () => {
    assert.equal(
      problem({ MILLRACE_ALERT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}` }),
      "",
    );
    const short = problem({ MILLRACE_ALERT_WEBHOOK_SECRET: "whsec_c2hvcnQ=" });
    assert.match(short, /MILLRACE_ALERT_WEBHOOK_SECRET: must be whsec_ and base64/);
    assert.doesNotMatch(short, /c2hvcnQ/);
    assert.match(problem({ MILLRACE_ALERT_WEBHOOK_URL: "file:///etc/passwd" }), /must be an http/);
    assert.match(problem({ MILLRACE_SMTP_URL: "http://mail" }), /must be an smtp/);
    assert.match(problem({ MILLRACE_ALERT_EMAIL_TO: "a@b.example, c" }), /must be e-mail addresses/);
    assert.equal(problem({ MILLRACE_ALERT_EMAIL_TO: "a@b.example, c@d.example" }), "");
    assert.match(problem({ MILLRACE_ALERT_ERROR_RATE: "2" }), /MILLRACE_ALERT_ERROR_RATE/);
  });
});

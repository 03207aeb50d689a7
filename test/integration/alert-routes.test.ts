/**
 * Alerts, rules and silences over REST, on a real NATS server and ClickHouse.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import type { AlertJson } from "../../engine/alerts/alert-json.ts";
import { alertRoutes } from "../../engine/api/alert-routes.ts";
import { alertRuleRoutes } from "../../engine/api/alert-rule-routes.ts";
import { HttpServer } from "../../engine/api/http-server.ts";
import { createSenderCheck } from "../../engine/api/sender-check.ts";
import type { AlertRow } from "../../storage/alert-history.ts";
import { migrate } from "../../storage/migrate.ts";
import { AlertPlane, RULE, slow } from "../support/alert-plane.ts";
import { START } from "../support/alerts.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { type DescribedApi, describedApi } from "../support/described-api.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const logger = pino({ level: "silent" });

describe("alerts over REST", () => {
  let nats: TestNats;
  let clickhouse: TestClickhouse;
  let plane: AlertPlane;
  let http: HttpServer;
  let base: string;
  let api: DescribedApi;
  before(async () => {
    [nats, clickhouse] = await Promise.all([startTestNats(), startTestClickhouse()]);
    await migrate(clickhouse.client, "millrace", logger);
    plane = await new AlertPlane({ nats, clickhouse }).start();
    const { alerts } = plane;
    const routes = [...alertRoutes(alerts), ...alertRuleRoutes(alerts.rules)];
    api = describedApi(routes);
    http = new HttpServer(routes, plane.metrics, logger, createSenderCheck("127.0.0.1", []));
    base = `http://127.0.0.1:${await http.listen("127.0.0.1", 0)}`;
  });
  after(async () => {
    http?.stopListening();
    http?.close();
    await plane?.stop();
    await nats?.stop();
    await clickhouse?.remove();
  });

  /** Every answer is held against the routes' description. */
  const call = async (method: string, path: string, body?: unknown, headers = {}): Promise<Response> => {
    const response = await fetch(`${base}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { "content-type": "application/json", ...headers },
    });
    await api.check(method, path, response.clone());
    return response;
  };

  it("rules are added, changed, listed and removed", async () => {
    const all = await jsonOf<{ rules: { name: string }[]; built_in: string[] }>(
      await call("GET", "/alert-rules"),
    );
    assert.deepEqual(all.built_in, [
      "data-quality-incident",
      "drift-incident",
      "high-error-rate",
      "high-latency",
      "performance-below-reference",
    ]);
    assert.equal((await call("POST", "/alert-rules", { rules: [RULE, { ...RULE, name: "b" }] })).status, 200);
    const bad = await errorOf(
      await call("POST", "/alert-rules", { rules: [{ ...RULE, name: "c" }, {}] }),
      422,
      "ALERT_RULE_INVALID",
    );
    assert.match(bad.details[0]?.field ?? "", /^rules\.1\./);
    await errorOf(await call("GET", "/alert-rules/c"), 404, "ALERT_RULE_NOT_FOUND");
    const changed = await call("PUT", "/alert-rules/slow", { ...RULE, severity: "critical" });
    assert.equal((await jsonOf<{ severity: string }>(changed)).severity, "critical");
    await errorOf(await call("PUT", "/alert-rules/other", RULE), 422, "ALERT_RULE_INVALID");
    assert.equal((await call("PUT", "/alert-rules/high-latency", { enabled: false })).status, 200);
    assert.equal(
      (await jsonOf<{ enabled: boolean }>(await call("GET", "/alert-rules/high-latency"))).enabled,
      false,
    );
    assert.equal((await call("DELETE", "/alert-rules/high-latency")).status, 200);
    assert.equal(
      (await jsonOf<{ enabled: boolean }>(await call("GET", "/alert-rules/high-latency"))).enabled,
      true,
    );
    await errorOf(await call("DELETE", "/alert-rules/high-latency"), 409, "CONFLICT");
    assert.equal((await call("DELETE", "/alert-rules/b")).status, 200);
    await errorOf(await call("DELETE", "/alert-rules/b"), 404, "ALERT_RULE_NOT_FOUND");
  });

  it("nothing is changed by other sites' pages, or by what is no JSON", async () => {
    const evil = { origin: "https://evil.example" };
    await errorOf(await call("PUT", "/alert-rules/slow", RULE, evil), 403, "FORBIDDEN");
    await errorOf(await call("DELETE", "/alert-rules/slow", undefined, evil), 403, "FORBIDDEN");
    await errorOf(await call("POST", "/alerts/test", {}, evil), 403, "FORBIDDEN");
    const text = { "content-type": "text/plain" };
    for (const path of ["/alert-rules", "/silences", "/alerts/test"])
      await errorOf(await call("POST", path, {}, text), 415, "UNSUPPORTED_MEDIA_TYPE");
  });

  it("alerts are listed by model, state and time, acknowledged and resolved", async () => {
    await plane.observe(slow(1, 250), slow(1, 250, { model: "churn" }));
    const list = async (query: string): Promise<AlertJson[]> =>
      (await jsonOf<{ alerts: AlertJson[] }>(await call("GET", `/alerts${query}`))).alerts;
    assert.equal((await list(`?model=${plane.model}`)).length, 1);
    const [alert] = await list("?model=churn&state=raised");
    assert.equal(alert?.model_name, "churn");
    assert.ok((await list(`?since=${START}`)).length >= 2);
    assert.equal((await list("?since=2299-01-01T00:00:00Z")).length, 0);
    for (const query of ["?state=open", "?since=then", "?model=A!", "?page=2"])
      await errorOf(await call("GET", `/alerts${query}`), 400, "INVALID_REQUEST");
    const path = `/alerts/${alert?.alert_id}`;
    assert.equal(
      (await jsonOf<AlertJson>(await call("POST", `${path}/acknowledge`, { by: "eve" }))).changed_by,
      "eve",
    );
    assert.equal((await jsonOf<AlertJson>(await call("POST", `${path}/resolve`, {}))).state, "resolved");
    assert.deepEqual(
      (await list("?model=churn&state=resolved")).map(({ alert_id: id }) => id),
      [alert?.alert_id],
    );
    await errorOf(await call("POST", `${path}/acknowledge`, { who: "eve" }), 400, "INVALID_REQUEST");
    const changes = await eventually("the history has it", async () => {
      const answer = await jsonOf<{ changes: AlertRow[] }>(await call("GET", path));
      return answer.changes.length >= 6 ? answer.changes : undefined;
    });
    assert.deepEqual(
      changes.map(({ change_number: number }) => number),
      [1, 2, 3, 4, 5, 6],
    );
    for (const id of ["nonsense", "01a1fbfd-0000-8000-8000-000000000000"]) {
      await errorOf(await call("GET", `/alerts/${id}`), 404, "ALERT_NOT_FOUND");
      await errorOf(await call("POST", `/alerts/${id}/resolve`, {}), 404, "ALERT_NOT_FOUND");
    }
  });

  it("silences are added, listed and ended", async () => {
    const body = {
      matcher: { model: plane.model },
      until: new Date(Date.now() + 3_600_000).toISOString(),
      reason: "test",
    };
    const added = await call("POST", "/silences", body);
    assert.equal(added.status, 201);
    const { id } = await jsonOf<{ id: string }>(added);
    const { silences } = await jsonOf<{ silences: { id: string }[] }>(await call("GET", "/silences"));
    assert.deepEqual(
      silences.map((one) => one.id),
      [id],
    );
    await errorOf(
      await call("POST", "/silences", { ...body, until: "2020-01-01T00:00:00Z" }),
      400,
      "INVALID_REQUEST",
    );
    await errorOf(await call("POST", "/silences", { ...body, matcher: {} }), 400, "INVALID_REQUEST");
    assert.equal((await call("DELETE", `/silences/${id}`)).status, 200);
    for (const gone of [id, "nonsense"])
      await errorOf(await call("DELETE", `/silences/${gone}`), 404, "SILENCE_NOT_FOUND");
  });

  it("the channels are tested", async () => {
    const { channels } = await jsonOf<{
      channels: { channel: string; is_delivered: boolean; detail: string }[];
    }>(await call("POST", "/alerts/test", {}));
    assert.deepEqual(
      channels.map(({ channel, is_delivered, detail }) => [channel, is_delivered, detail]),
      [["nats", true, `${plane.prefix}.events.alert_test`]],
    );
  });
});

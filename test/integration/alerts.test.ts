/**
 * Alerts from observation to everybody who is told, on real servers: NATS, ClickHouse, a webhook and a mail server.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { pino } from "pino";
import { webhookSignature } from "../../engine/alerts/webhook-channel.ts";
import { alertRoutes } from "../../engine/api/alert-routes.ts";
import { alertRuleRoutes } from "../../engine/api/alert-rule-routes.ts";
import { HttpServer } from "../../engine/api/http-server.ts";
import { createSenderCheck } from "../../engine/api/sender-check.ts";
import { type RunningAlerts, startAlerts } from "../../engine/app-alerts.ts";
import { readConfig } from "../../engine/core/config.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import type { AlertJson } from "../../engine/monitor/alert-json.ts";
import type { Observation } from "../../engine/monitor/observation.ts";
import type { AlertRow } from "../../storage/alert-history.ts";
import { type ClickHouse, openClickHouse, selectRows } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { openStreams, type StreamsConnection } from "../../streams/connection.ts";
import { Publisher } from "../../streams/publisher.ts";
import { createTopology, ensureStreams } from "../../streams/topology.ts";
import { observed, START } from "../support/alerts.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { PASSWORD, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { type SmtpServer, startSmtpServer } from "../support/smtp-server.ts";
import { startWebhook, type WebhookServer } from "../support/webhook-server.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const WAIT_MS = 20_000;
const PAUSE_MS = 20;
const logger = pino({ level: "silent" });

let nats: TestNats;
let clickhouse: TestClickhouse;
let prefixes = 0;

before(async () => {
  [nats, clickhouse] = await Promise.all([startTestNats(), startTestClickhouse()]);
  await migrate(clickhouse.client, "millrace", logger);
});

after(async () => {
  await nats?.stop();
  await clickhouse?.remove();
});

type Seen = Omit<Observation, "model"> & { readonly model?: string };

/** One control plane's alerts, with a connection of its own. */
class Plane {
  readonly prefix: string;
  /** Of its own: all planes share the tables. */
  readonly model: string;
  readonly metrics = new Metrics();
  readonly #env: Readonly<Record<string, string>>;
  #connection: StreamsConnection | undefined;
  #publisher: Publisher | undefined;
  #clickhouse: ClickHouse | undefined;
  #alerts: RunningAlerts | undefined;
  /** In front of ClickHouse; "" for the real one. */
  clickhouseUrl = "";

  constructor(env: Readonly<Record<string, string>> = {}, prefix = `alerts${++prefixes}`) {
    this.prefix = prefix;
    this.model = `fraud-${this.prefix}`;
    this.#env = {
      MILLRACE_PREFIX: this.prefix,
      MILLRACE_ALERT_ATTEMPTS_MAX: "4",
      MILLRACE_STREAM_BYTES_MAX: String(4 * 1024 * 1024),
      ...env,
    };
  }

  get alerts(): RunningAlerts {
    assert.ok(this.#alerts, "the plane is not started");
    return this.#alerts;
  }

  async start(): Promise<this> {
    const config = readConfig(this.#env);
    const connection = await openStreams(nats.url, "test", logger);
    const topology = createTopology(this.prefix);
    await ensureStreams(await jetstreamManager(connection.nats), topology, config.streamBytesMax);
    const publisher = new Publisher(connection.nats);
    const url = new URL(this.clickhouseUrl === "" ? clickhouse.url : this.clickhouseUrl);
    url.username = "millrace";
    url.password = PASSWORD;
    const client = openClickHouse(url.href);
    const { metrics } = this;
    const parts = { config, nats: connection.nats, publisher, topology, clickhouse: client, metrics, logger };
    this.#alerts = await startAlerts({ ...parts, pauseMs: PAUSE_MS });
    this.#connection = connection;
    this.#publisher = publisher;
    this.#clickhouse = client;
    return this;
  }

  /** As kill -9 does: the connection is gone, whatever was under way. */
  async kill(): Promise<void> {
    void this.#alerts?.stop(); // it can do nothing any more
    await this.#close();
  }

  async stop(): Promise<void> {
    await this.#alerts?.stop();
    await this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #close(): Promise<void> {
    this.#alerts = undefined;
    this.#publisher?.close();
    await this.#connection?.nats.close();
    await this.#clickhouse?.close();
  }

  async observe(...observations: Seen[]): Promise<string[]> {
    const own = observations.map((one) => ({ model: this.model, ...one }));
    const changes = await this.alerts.desk.observe(own, START);
    return changes.map(({ change }) => change);
  }

  async only(): Promise<AlertJson> {
    const [alert, ...more] = await this.alerts.desk.list({ model: this.model });
    assert.ok(alert !== undefined && more.length === 0);
    return alert;
  }

  /** Rows of the only alert, once `count` are stored. */
  async rows(count: number): Promise<AlertRow[]> {
    const { alert_id: id } = await this.only();
    return eventually(
      `${count} rows of the history`,
      async () => {
        const rows = await this.alerts.desk.changes(id);
        return rows.length >= count ? [...rows] : undefined;
      },
      WAIT_MS,
    );
  }
}

const told = (rows: readonly AlertRow[]): string[] =>
  rows.map(({ change, channel, detail }) =>
    [change, channel, detail].filter((part) => part !== "").join(" "),
  );
/** Of the plane's model unless it names one. */
const slow = (n: number, value: number, part: Partial<Observation> = {}): Seen => {
  const { model: _model, ...rest } = observed(n, value);
  return { ...rest, ...part };
};
const RULE = {
  name: "slow",
  metric: "latency.p99_ms",
  condition: { op: ">", threshold: 100 },
  cooldown: "1s",
};

describe("an alert", () => {
  let webhook: WebhookServer;
  let smtp: SmtpServer;
  let env: Record<string, string>;
  before(async () => {
    [webhook, smtp] = await Promise.all([startWebhook(), startSmtpServer()]);
    env = {
      MILLRACE_ALERT_WEBHOOK_URL: webhook.url,
      MILLRACE_ALERT_WEBHOOK_SECRET: SECRET,
      MILLRACE_SMTP_URL: smtp.url,
      MILLRACE_ALERT_EMAIL_FROM: "millrace@example.org",
      MILLRACE_ALERT_EMAIL_TO: "ops@example.org",
    };
  });
  after(async () => {
    await webhook[Symbol.asyncDispose]();
    await smtp[Symbol.asyncDispose]();
  });

  it("goes to NATS, to the webhook, signed, and by e-mail, and into the history", async () => {
    await using plane = await new Plane(env).start();
    await plane.alerts.rules.put(RULE);
    assert.deepEqual(await plane.observe(slow(1, 250)), ["raised"]);
    assert.deepEqual(await plane.observe(slow(1, 250)), []);
    const { alert_id: id, state } = await plane.only();
    assert.equal(state, "raised");
    const rows = await plane.rows(4);
    assert.deepEqual(told(rows).sort(), [
      "delivered email accepted for 1 of 1",
      `delivered nats ${plane.prefix}.events.alert_raised`,
      "delivered webhook HTTP 200",
      "raised",
    ]);
    const post = webhook.received.find(({ headers }) => headers["webhook-id"] === `${id}.raised`);
    assert.ok(post);
    const timestamp = String(post.headers["webhook-timestamp"]);
    assert.equal(
      post.headers["webhook-signature"],
      webhookSignature(Buffer.alloc(32, 7), `${id}.raised`, timestamp, post.body),
    );
    assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60);
    assert.match(smtp.mails[0]?.data ?? "", new RegExp(id));
    const streams = await openStreams(nats.url, "test", logger);
    const manager = await jetstreamManager(streams.nats);
    const event = await manager.streams.getMessage(`${plane.prefix.toUpperCase()}_EVENTS`, { seq: 1 });
    assert.equal(event?.subject, `${plane.prefix}.events.alert_raised`);
    assert.equal(event?.header.get("Nats-Msg-Id"), `${id}.raised`);
    assert.equal(event?.json<{ alert_id: string; value: number }>().value, 250);
    await streams.nats.close();
  });

  it("is acknowledged and resolved by hand, once each, and those who heard of it hear of its end", async () => {
    await using plane = await new Plane(env).start();
    await plane.alerts.rules.put(RULE);
    await plane.observe(slow(1, 250));
    const { alert_id: id } = await plane.only();
    const { desk } = plane.alerts;
    assert.equal((await desk.acknowledge(id, { by: "eve" }, START)).state, "acknowledged");
    assert.equal((await desk.acknowledge(id, { by: "adam" }, START)).changed_by, "eve");
    assert.equal((await desk.list({ state: "acknowledged" })).length, 1);
    assert.deepEqual(await plane.observe(slow(2, 300)), []);
    assert.equal((await desk.resolve(id, { by: "eve", note: "fixed" }, START)).state, "resolved");
    assert.equal((await desk.resolve(id, {}, START)).state, "resolved");
    await assert.rejects(desk.acknowledge(id, {}, START), /is resolved already/);
    const rows = await plane.rows(10);
    const states = rows.filter(({ channel }) => channel === "");
    assert.deepEqual(
      states.map(({ change, state, changed_by: by, detail, value }) => [change, state, by, detail, value]),
      [
        ["raised", "raised", "", "", 250],
        ["acknowledged", "acknowledged", "eve", "", 250],
        ["resolved", "resolved", "eve", "fixed", 300],
      ],
    );
    const ids = webhook.received
      .map(({ headers }) => headers["webhook-id"])
      .filter((one) => one?.includes(id));
    assert.deepEqual(ids, [`${id}.raised`, `${id}.resolved`]);
    const [current] = await eventually("the view is up to date", async () => {
      const found = await selectRows<{ state: string; raised: number }>(
        clickhouse.client,
        `SELECT state, (SELECT count() FROM millrace.alerts_current WHERE alert_id = {id:UUID}) AS raised
         FROM millrace.alerts_current WHERE alert_id = {id:UUID}`,
        { id },
      );
      return found[0]?.state === "resolved" ? found : undefined;
    });
    assert.equal(Number(current?.raised), 1);
  });

  it("is tried again while the webhook fails, and the others do not wait for it", async () => {
    await using plane = await new Plane(env).start();
    await plane.alerts.rules.put(RULE);
    const mails = smtp.mails.length;
    let attempts = 0;
    webhook.answer = (response) => {
      attempts++;
      if (attempts === 1) response.destroy();
      else response.writeHead(attempts < 4 ? 500 : 200).end();
    };
    await plane.observe(slow(1, 250));
    const rows = await plane.rows(4);
    assert.equal(attempts, 4);
    assert.ok(told(rows).includes("delivered webhook HTTP 200"));
    assert.equal(smtp.mails.length, mails + 1);
    const text = plane.metrics.toText();
    assert.match(text, /engine_alert_deliveries_total\{channel="webhook",outcome="failed"\} 3/);
    assert.match(text, /engine_alert_deliveries_total\{channel="webhook",outcome="delivered"\} 1/);
    webhook.answer = (response) => void response.writeHead(200).end();
  });

  it("is recorded as undelivered when the attempts are used up, or there is no use in another", async () => {
    const down = await startWebhook();
    await down[Symbol.asyncDispose]();
    await using plane = await new Plane({ ...env, MILLRACE_ALERT_WEBHOOK_URL: down.url }).start();
    await plane.alerts.rules.put({ ...RULE, channels: ["webhook"] });
    await plane.observe(slow(1, 250));
    assert.deepEqual(told(await plane.rows(2)), ["raised", "undelivered webhook ECONNREFUSED, 4 attempts"]);
    assert.match(
      plane.metrics.toText(),
      /engine_alert_deliveries_total\{channel="webhook",outcome="undelivered"\} 1/,
    );

    await using other = await new Plane(env).start();
    webhook.answer = (response) => void response.writeHead(301, { location: smtp.url }).end();
    await other.alerts.rules.put({ ...RULE, channels: ["webhook"] });
    await other.observe(slow(1, 250));
    const detail = "undelivered webhook HTTP 301: redirects are not followed, 1 attempts";
    assert.deepEqual(told(await other.rows(2)), ["raised", detail]);
    webhook.answer = (response) => void response.writeHead(200).end();
  });

  it("whose webhook hangs holds up neither rounds nor the other channels", async () => {
    await using plane = await new Plane({ ...env, MILLRACE_ALERT_TIMEOUT_MS: "60000" }).start();
    await plane.alerts.rules.put({ ...RULE, group_by: ["column"] });
    let waiting = 0;
    const held: (() => void)[] = [];
    webhook.answer = (response) => {
      waiting++;
      held.push(() => response.writeHead(200).end());
    };
    const columns = Array.from({ length: 30 }, (_, index) => `c${index}`);
    const mails = smtp.mails.length;
    await plane.observe(...columns.map((column) => slow(1, 250, { column })));
    assert.equal((await plane.observe(...columns.map((column) => slow(2, 0, { column })))).length, 30);
    await eventually("all e-mails are there", () => smtp.mails.length === mails + 60, WAIT_MS);
    assert.equal(waiting, 4, "sends at once");
    webhook.answer = (response) => void response.writeHead(200).end();
    for (const release of held) release();
    await eventually("the webhook caught up", () => webhook.received.length >= 60, WAIT_MS);
  });

  it("that was not delivered when the process died is delivered after the restart, within the same bound", async () => {
    await using plane = new Plane({ ...env, MILLRACE_ALERT_TIMEOUT_MS: "2000" });
    await plane.start();
    await plane.alerts.rules.put({ ...RULE, channels: ["webhook"] });
    const seen = webhook.received.length;
    webhook.answer = () => undefined; // it hangs, and the process dies meanwhile
    await plane.observe(slow(1, 250));
    await eventually("the first attempt is under way", () => webhook.received.length > seen, WAIT_MS);
    await plane.kill();
    webhook.answer = (response) => void response.writeHead(200).end();
    await plane.start();
    assert.deepEqual(await plane.observe(slow(1, 250)), []);
    assert.deepEqual(told(await plane.rows(2)), ["raised", "delivered webhook HTTP 200"]);
    assert.equal(webhook.received.length, seen + 2);
    const ids = webhook.received.slice(seen).map(({ headers }) => headers["webhook-id"]);
    assert.equal(new Set(ids).size, 1);
  });

  it("is written once by two planes that fold the same rounds at once", async () => {
    await using one = await new Plane(env).start();
    await one.alerts.rules.put({ ...RULE, group_by: ["column"], channels: ["webhook"] });
    await using other = await new Plane(env, one.prefix).start();
    const seen = webhook.received.length;
    const columns = Array.from({ length: 10 }, (_, index) => `c${index}`);
    const round = columns.map((column) => slow(1, 250, { column }));
    await Promise.all([one.observe(...round), other.observe(...round), one.observe(...round)]);
    const alerts = await one.alerts.desk.list({ model: one.model });
    assert.equal(alerts.length, 10);
    for (const { alert_id: id } of alerts) {
      const rows = await eventually(
        "the alert is delivered",
        async () => {
          const found = await one.alerts.desk.changes(id);
          return found.length >= 2 ? found : undefined;
        },
        WAIT_MS,
      );
      assert.deepEqual(told(rows), ["raised", "delivered webhook HTTP 200"]);
    }
    assert.equal(webhook.received.length, seen + 10);
  });

  it("waits for ClickHouse, with its rows; who is open is known without it", async () => {
    const away = await startWebhook();
    await away[Symbol.asyncDispose]();
    const { port } = new URL(away.url);
    await using plane = new Plane(env);
    plane.clickhouseUrl = `http://127.0.0.1:${port}`;
    await plane.start();
    await plane.alerts.rules.put({ ...RULE, channels: ["nats"] });
    await plane.observe(slow(1, 250));
    const [alert] = await plane.alerts.desk.list({ state: "raised" });
    assert.ok(alert);
    await assert.rejects(plane.alerts.desk.list({}), /ClickHouse/);
    await plane.observe(slow(2, 0));
    plane.clickhouseUrl = "";
    await plane.stop();
    await plane.start();
    const rows = await plane.rows(4);
    assert.deepEqual(
      rows.filter(({ channel }) => channel === "").map(({ change }) => change),
      ["raised", "resolved"],
    );
  });

  it("outlives a NATS server that is killed in between", async () => {
    await using plane = await new Plane(env).start();
    await plane.alerts.rules.put(RULE);
    await plane.observe(slow(1, 250));
    await nats.kill9();
    assert.deepEqual(await plane.observe(slow(1, 250)), []);
    assert.deepEqual(await plane.observe(slow(2, 0)), ["resolved"]);
    const rows = await plane.rows(8);
    assert.equal(rows.filter(({ change }) => change === "delivered").length, 6);
  });
});

describe("over REST", () => {
  let plane: Plane;
  let http: HttpServer;
  let base: string;
  before(async () => {
    plane = await new Plane().start();
    const { alerts } = plane;
    const routes = [...alertRoutes(alerts), ...alertRuleRoutes(alerts.rules)];
    http = new HttpServer(routes, plane.metrics, logger, createSenderCheck("127.0.0.1", []));
    base = `http://127.0.0.1:${await http.listen("127.0.0.1", 0)}`;
  });
  after(async () => {
    http?.stopListening();
    http?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  const call = async (method: string, path: string, body?: unknown, headers = {}): Promise<Response> =>
    fetch(`${base}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { "content-type": "application/json", ...headers },
    });

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

/**
 * Alerts from observation to everybody who is told, on real servers: NATS, ClickHouse, a webhook and a mail server.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { pino } from "pino";
import { webhookSignature } from "../../engine/alerts/webhook-channel.ts";
import type { AlertRow } from "../../storage/alert-history.ts";
import { selectRows } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { openStreams } from "../../streams/connection.ts";
import { AlertPlane, RULE, slow, WAIT_MS } from "../support/alert-plane.ts";
import { START } from "../support/alerts.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { type SmtpServer, startSmtpServer } from "../support/smtp-server.ts";
import { startWebhook, type WebhookServer } from "../support/webhook-server.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const logger = pino({ level: "silent" });

let nats: TestNats;
let clickhouse: TestClickhouse;

before(async () => {
  [nats, clickhouse] = await Promise.all([startTestNats(), startTestClickhouse()]);
  await migrate(clickhouse.client, "millrace", logger);
});

after(async () => {
  await nats?.stop();
  await clickhouse?.remove();
});

const newPlane = (env: Readonly<Record<string, string>>, prefix?: string): AlertPlane =>
  new AlertPlane({ nats, clickhouse }, env, prefix);
const told = (rows: readonly AlertRow[]): string[] =>
  rows.map(({ change, channel, detail }) =>
    [change, channel, detail].filter((part) => part !== "").join(" "),
  );

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
    await using plane = await newPlane(env).start();
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
    await using plane = await newPlane(env).start();
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
    await using plane = await newPlane(env).start();
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
    await using plane = await newPlane({ ...env, MILLRACE_ALERT_WEBHOOK_URL: down.url }).start();
    await plane.alerts.rules.put({ ...RULE, channels: ["webhook"] });
    await plane.observe(slow(1, 250));
    assert.deepEqual(told(await plane.rows(2)), ["raised", "undelivered webhook ECONNREFUSED, 4 attempts"]);
    assert.match(
      plane.metrics.toText(),
      /engine_alert_deliveries_total\{channel="webhook",outcome="undelivered"\} 1/,
    );

    await using other = await newPlane(env).start();
    webhook.answer = (response) => void response.writeHead(301, { location: smtp.url }).end();
    await other.alerts.rules.put({ ...RULE, channels: ["webhook"] });
    await other.observe(slow(1, 250));
    const detail = "undelivered webhook HTTP 301: redirects are not followed, 1 attempts";
    assert.deepEqual(told(await other.rows(2)), ["raised", detail]);
    webhook.answer = (response) => void response.writeHead(200).end();
  });

  it("whose webhook hangs holds up neither rounds nor the other channels", async () => {
    await using plane = await newPlane({ ...env, MILLRACE_ALERT_TIMEOUT_MS: "60000" }).start();
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
    await using plane = newPlane({ ...env, MILLRACE_ALERT_TIMEOUT_MS: "2000" });
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
    await using one = await newPlane(env).start();
    await one.alerts.rules.put({ ...RULE, group_by: ["model", "column"], channels: ["webhook"] });
    await using other = await newPlane(env, one.prefix).start();
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
    await using plane = newPlane(env);
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
    await using plane = await newPlane(env).start();
    await plane.alerts.rules.put(RULE);
    await plane.observe(slow(1, 250));
    await nats.kill9();
    assert.deepEqual(await plane.observe(slow(1, 250)), []);
    assert.deepEqual(await plane.observe(slow(2, 0)), ["resolved"]);
    const rows = await plane.rows(8);
    assert.equal(rows.filter(({ change }) => change === "delivered").length, 6);
  });
});

/** What channels send, and what they make of answers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Notification } from "../../../../engine/alerts/alert-json.ts";
import { createEmailChannel } from "../../../../engine/alerts/email-channel.ts";
import {
  createWebhookChannel,
  webhookBody,
  webhookSignature,
} from "../../../../engine/alerts/webhook-channel.ts";
import { Book, observed, rule, START } from "../../../support/alerts.ts";
import { startSmtpServer } from "../../../support/smtp-server.ts";
import { startWebhook } from "../../../support/webhook-server.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

function notification(about = "", description = ""): Notification {
  const book = new Book({ rules: [rule({ severity: "critical", description })] });
  book.round([observed(1, 812.5, { about, column: "amount" })]);
  const [delivery] = book.only().deliveries;
  assert.ok(delivery);
  return delivery;
}

describe("the webhook", () => {
  it("signs as the specification's example does", () => {
    const key = Buffer.from("plJ3nmyCDGBKInavdOK15jsl", "base64");
    const body = '{"event_type":"ping","data":{"success":true}}';
    assert.equal(
      webhookSignature(key, "msg_loFOjxBNrRLzqYUf", "1731705121", body),
      "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    );
  });

  it("posts a signed body, with the same id and another time for each attempt", async () => {
    await using server = await startWebhook();
    let nowMs = START;
    const channel = createWebhookChannel({
      url: server.url,
      secret: SECRET,
      timeoutMs: 5_000,
      now: () => nowMs,
    });
    const one = notification();
    assert.deepEqual(await channel.send(one), { isDelivered: true, detail: "HTTP 200" });
    nowMs += 60_000;
    await channel.send(one);
    for (const [index, { headers, body }] of server.received.entries()) {
      assert.equal(headers["webhook-id"], one.id);
      assert.equal(headers["webhook-timestamp"], String(START / 1000 + index * 60));
      const key = Buffer.alloc(32, 7);
      const signature = webhookSignature(key, one.id, headers["webhook-timestamp"], body);
      assert.equal(headers["webhook-signature"], signature);
      assert.equal(headers["content-type"], "application/json");
    }
    assert.equal(server.received.length, 2);
  });

  it("says what Slack shows, escaped and not too long, with the alert's fields beside", () => {
    const body = JSON.parse(webhookBody(notification("<!channel> & more", "x".repeat(1000)))) as {
      type: string;
      timestamp: string;
      text: string;
      blocks: { type: string; text: { text: string } }[];
      data: Record<string, unknown>;
    };
    assert.equal(body.type, "alert.raised");
    assert.equal(body.timestamp, new Date(START + 300_000).toISOString());
    assert.equal(
      body.text,
      "[critical] slow raised: fraud 1.0.0, latency.p99_ms of amount is 812.5, limit &gt; 100",
    );
    assert.deepEqual(
      body.blocks.map(({ type }) => type),
      ["header", "section"],
    );
    assert.match(body.blocks[1]?.text.text ?? "", /\*About\* &lt;!channel&gt; &amp; more/);
    assert.ok(
      (body.blocks[0]?.text.text.length ?? 0) <= 150 && (body.blocks[1]?.text.text.length ?? 0) <= 3000,
    );
    const { event, state, severity, model_name, value, threshold, columns } = body.data;
    assert.deepEqual(
      [event, state, severity, model_name, value, threshold, columns],
      ["alert_raised", "raised", "critical", "fraud", 812.5, 100, ["amount"]],
    );
  });

  it("tells what may be tried again, follows no redirect, and never tells its address", async () => {
    await using server = await startWebhook();
    await using other = await startWebhook();
    const channel = createWebhookChannel({ url: server.url, secret: undefined, timeoutMs: 300 });
    const sent = async (status: number, headers: Record<string, string> = {}) => {
      server.answer = (response) => void response.writeHead(status, headers).end("secret answer");
      const result = await channel.send(notification());
      return result.isDelivered ? "delivered" : [result.isFinal, result.detail, result.retryAfterMs];
    };
    assert.equal(await sent(204), "delivered");
    assert.deepEqual(await sent(500), [false, "HTTP 500", 0]);
    assert.deepEqual(await sent(429, { "retry-after": "7" }), [false, "HTTP 429", 7000]);
    assert.deepEqual(await sent(404), [true, "HTTP 404", 0]);
    assert.deepEqual(await sent(302, { location: other.url }), [
      true,
      "HTTP 302: redirects are not followed",
      undefined,
    ]);
    assert.equal(other.received.length, 0);
    assert.equal(server.received.at(-1)?.headers["webhook-signature"], undefined);
    server.answer = () => undefined;
    assert.deepEqual(await channel.send(notification()), {
      isDelivered: false,
      isFinal: false,
      detail: "no answer within 300 ms",
    });
    const gone = await startWebhook();
    await gone[Symbol.asyncDispose]();
    const down = createWebhookChannel({ url: gone.url, secret: undefined, timeoutMs: 5_000 });
    assert.deepEqual(await down.send(notification()), {
      isDelivered: false,
      isFinal: false,
      detail: "ECONNREFUSED",
    });
  });
});

describe("e-mail", () => {
  const options = { from: "millrace@example.org", to: "ops@example.org,eve@example.org", timeoutMs: 5_000 };

  it("has a subject of one line, plain text and escaped HTML, for everybody", async () => {
    await using server = await startSmtpServer();
    const channel = createEmailChannel({ ...options, smtpUrl: server.url });
    const one = notification("<script>alert(1)</script>");
    const evil = { ...one, alert: { ...one.alert, version: "1\r\nBcc: thief@example.org" } };
    assert.deepEqual(await channel.send(evil), { isDelivered: true, detail: "accepted for 2 of 2" });
    const [mail] = server.mails;
    assert.equal(mail?.from, "millrace@example.org");
    assert.deepEqual(mail?.to, ["ops@example.org", "eve@example.org"]);
    const head = mail?.data.split("\r\n\r\n")[0] ?? "";
    assert.match(head.replaceAll(/\r\n\s+/g, " "), /^Subject: \[critical\] slow raised: fraud 1 Bcc: thief/m);
    assert.doesNotMatch(head, /^Bcc:/m);
    assert.ok(head.includes(`Message-ID: <${one.id}@millrace>`));
    const body = (mail?.data ?? "").replaceAll("=\r\n", "");
    assert.match(body, /About: +<script>/);
    assert.match(body, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  });

  it("is tried again unless the server refuses for good, and no secret is told", async () => {
    await using server = await startSmtpServer();
    const channel = createEmailChannel({ ...options, smtpUrl: server.url });
    server.answer = "451 later\u0007";
    const later = await channel.send(notification());
    assert.ok(!later.isDelivered && !later.isFinal);
    assert.match(later.detail, /451 later/);
    server.answer = "554 never";
    const never = await channel.send(notification());
    assert.ok(!never.isDelivered && never.isFinal);
    server.answer = "";
    const slow = createEmailChannel({ ...options, smtpUrl: server.url, timeoutMs: 300 });
    const result = await slow.send(notification());
    assert.ok(!result.isDelivered && !result.isFinal, result.detail);
    const down = createEmailChannel({ ...options, smtpUrl: "smtp://user:hunter2@127.0.0.1:1" });
    const refused = await down.send(notification());
    assert.ok(!refused.isDelivered && !refused.isFinal);
    assert.doesNotMatch(refused.detail, /hunter2/);
  });
});

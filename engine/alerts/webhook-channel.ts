/**
 * Alerts to a webhook: one POST, signed as Standard Webhooks has it, whose body Slack's incoming webhooks take too.
 *
 *     webhook-id: the notification's, the same for every attempt, so that a receiver knows a repeat
 *     webhook-timestamp: seconds since 1970, of the attempt
 *     webhook-signature: v1,base64(HMAC-SHA256(key, "<id>.<timestamp>.<body>"))
 *
 * Redirects are not followed: the body would go where nobody said it may. Neither address nor key is in what is returned.
 * Bound: the time-out; of an answer nothing but its head is read.
 */
import { createHmac } from "node:crypto";
import { messageOf } from "../core/errors.ts";
import type { Channel, SendResult } from "./alert-delivery.ts";
import { facts, headline, type Notification, notificationJson } from "./alert-json.ts";

export interface WebhookOptions {
  readonly url: string;
  /** `whsec_` and base64; without one nothing is signed. */
  readonly secret: string | undefined;
  readonly timeoutMs: number;
  readonly now?: () => number;
}

const SECRET_PREFIX = "whsec_";
/** Slack takes at most this many characters. */
const SLACK_HEADER_MAX = 150;
const SLACK_TEXT_MAX = 2_900;

export function createWebhookChannel({ url, secret, timeoutMs, now = Date.now }: WebhookOptions): Channel {
  const key = secret === undefined ? undefined : Buffer.from(secret.slice(SECRET_PREFIX.length), "base64");
  return {
    name: "webhook",
    send: async (notification) => {
      const body = webhookBody(notification);
      const timestamp = String(Math.floor(now() / 1000));
      const headers: Record<string, string> = {
        "content-type": "application/json",
        "user-agent": "millrace",
        "webhook-id": notification.id,
        "webhook-timestamp": timestamp,
      };
      if (key !== undefined)
        headers["webhook-signature"] = webhookSignature(key, notification.id, timestamp, body);
      return post(url, { headers, body }, timeoutMs);
    },
  };
}

export function webhookSignature(key: Uint8Array, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

/** `type`, `timestamp` and `data` as Standard Webhooks has them; `text` and `blocks` are what Slack shows. */
export function webhookBody(notification: Notification): string {
  const { change, atMs } = notification;
  const title = headline(notification);
  const lines = facts(notification).map(([name, value]) => `*${name}* ${slackText(value)}`);
  return JSON.stringify({
    type: `alert.${change}`,
    timestamp: new Date(atMs).toISOString(),
    data: notificationJson(notification),
    text: slackText(title),
    blocks: [
      { type: "header", text: { type: "plain_text", text: title.slice(0, SLACK_HEADER_MAX) } },
      { type: "section", text: { type: "mrkdwn", text: lines.join("\n").slice(0, SLACK_TEXT_MAX) } },
    ],
  });
}

/** As Slack asks for it: its three control characters escaped. */
function slackText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

async function post(
  url: string,
  { headers, body }: { headers: Record<string, string>; body: string },
  timeoutMs: number,
): Promise<SendResult> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
    await response.body?.cancel();
    return outcomeOf(response.status, response.headers.get("retry-after"));
  } catch (error) {
    return { isDelivered: false, isFinal: false, detail: reasonOf(error, timeoutMs) };
  }
}

function outcomeOf(status: number, retryAfter: string | null): SendResult {
  const detail = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { isDelivered: true, detail };
  if (status >= 300 && status < 400)
    return { isDelivered: false, isFinal: true, detail: `${detail}: redirects are not followed` };
  const isFinal = status < 500 && status !== 408 && status !== 425 && status !== 429;
  const seconds = Number(retryAfter ?? 0);
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
  return { isDelivered: false, isFinal, detail, retryAfterMs };
}

/** Codes such as ECONNREFUSED, never an address. */
function reasonOf(error: unknown, timeoutMs: number): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  if (name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  if (typeof cause?.code === "string") return cause.code;
  return cause === undefined
    ? "the request failed"
    : messageOf(cause)
        .slice(0, 60)
        .replaceAll(/\S+:\/\/\S+/g, "…");
}

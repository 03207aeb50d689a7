/**
 * Alerts by e-mail, over SMTP: plain text, and the same as a small HTML table.
 *
 * Bound: the time-out, for the whole attempt. Repeats of a notification have one Message-ID.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createTransport } from "nodemailer";
import { htmlText } from "../core/html-text.ts";
import type { Channel, SendResult } from "./alert-delivery.ts";
import { facts, headline, type Notification } from "./alert-json.ts";

export interface EmailOptions {
  /** smtp:// or smtps:// */
  readonly smtpUrl: string;
  readonly from: string;
  /** With commas between. */
  readonly to: string;
  readonly timeoutMs: number;
}

const SUBJECT_MAX = 200;
const DETAIL_MAX = 200;

export function createEmailChannel({ smtpUrl, from, to, timeoutMs }: EmailOptions): Channel {
  const transport = createTransport({
    url: smtpUrl,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    name: "email",
    send: async (notification) => {
      const timer = new AbortController();
      const tooLate = sleep(timeoutMs, undefined, { signal: timer.signal }).then(
        (): SendResult => ({ isDelivered: false, isFinal: false, detail: `not sent within ${timeoutMs} ms` }),
      );
      tooLate.catch(() => undefined);
      const sent = transport.sendMail(emailOf(notification, from, to)).then(
        ({ accepted, rejected }): SendResult => ({
          isDelivered: true,
          detail: acceptance(accepted, rejected),
        }),
        (error: unknown) => failure(error),
      );
      const result = await Promise.race([sent, tooLate]);
      timer.abort();
      return result;
    },
  };
}

export function emailOf(notification: Notification, from: string, to: string) {
  const title = oneLine(headline(notification));
  const pairs = facts(notification);
  const rows = pairs.map(
    ([name, value]) =>
      `<tr><th align="left" valign="top">${htmlText(name)}</th><td>${htmlText(value)}</td></tr>`,
  );
  return {
    from,
    to,
    subject: title.slice(0, SUBJECT_MAX),
    messageId: `<${notification.id}@millrace>`,
    text: [title, "", ...pairs.map(([name, value]) => `${`${name}:`.padEnd(9)} ${value}`), ""].join("\n"),
    html: `<!doctype html><html lang="en"><body><p><b>${htmlText(title)}</b></p><table cellpadding="4">${rows.join("")}</table></body></html>`,
  };
}

function acceptance(accepted: readonly unknown[], rejected: readonly unknown[]): string {
  const taken = `accepted for ${accepted.length} of ${accepted.length + rejected.length}`;
  return rejected.length === 0 ? taken : `${taken} recipients`;
}

/** An answer of 5xx stays one. */
function failure(error: unknown): SendResult {
  const { code, responseCode, response } = error as {
    code?: string;
    responseCode?: number;
    response?: string;
  };
  const isFinal = responseCode !== undefined && responseCode >= 500;
  const words = [code, response].filter((part) => part !== undefined).map(oneLine);
  const detail = words.join(": ").slice(0, DETAIL_MAX) || "the message could not be sent";
  return { isDelivered: false, isFinal, detail };
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

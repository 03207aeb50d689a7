/**
 * Structured logs: one pino logger per process, a child per component.
 *
 * Levels: error = a human should look, warn = degraded but coping, info = lifecycle, debug = the rest.
 * Messages are constant, variables are fields, and what must never be logged stands in one list.
 */
import { type Logger as PinoLogger, pino } from "pino";

export type Logger = PinoLogger;

/** Names of fields whose values are secrets; a webhook's address is one by itself. */
const SECRETS = [
  "password",
  "token",
  "authorization",
  "alertWebhookUrl",
  "alertWebhookSecret",
  "smtpUrl",
  "webhook-signature",
];
/** At the top and one level down. */
export const REDACTED = SECRETS.flatMap((name) =>
  name.includes("-") ? [`["${name}"]`, `*["${name}"]`] : [name, `*.${name}`],
);

/** The root logger: JSON lines on stderr, so that stdout stays free for what a command answers. */
export function createLogger(level: string): Logger {
  return pino(
    { level, redact: REDACTED, base: { pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** A URL fit for logs and pages: without user and password. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}

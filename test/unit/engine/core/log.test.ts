/** What must never be logged, is not. */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { it } from "node:test";
import { pino } from "pino";
import { readConfig } from "../../../../engine/core/config.ts";
import { REDACTED, withoutCredentials } from "../../../../engine/core/log.ts";

it("secrets of the settings are not logged, at the top or one level down", () => {
  let logged = "";
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      logged += chunk.toString();
      done();
    },
  });
  const logger = pino({ redact: [...REDACTED] }, sink);
  const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  const config = readConfig({
    MILLRACE_ALERT_WEBHOOK_URL: "https://hooks.example/T0/B0/hush",
    MILLRACE_ALERT_WEBHOOK_SECRET: secret,
    MILLRACE_SMTP_URL: "smtp://eve:hunter2@mail.example",
  });
  const headers = { "webhook-signature": "v1,signed", password: "hunter2", token: "hunter2" };
  logger.info(config, "top");
  logger.info({ config, headers }, "below");
  logger.info({ ...headers }, "headers");
  assert.equal(logged.split("\n").length, 4);
  for (const text of ["hush", secret, "hunter2", "v1,signed"]) assert.ok(!logged.includes(text), text);
});

it("addresses are shown without user and password", () => {
  assert.equal(withoutCredentials("smtp://eve:hunter2@mail.example:587"), "smtp://mail.example:587");
});

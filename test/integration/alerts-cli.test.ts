/**
 * Alerts in a whole engine, by the command line: rules from a file, silences, and a test of the channels.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect } from "@nats-io/transport-node";
import { AlertDesk } from "../../engine/alerts/alert-desk.ts";
import { AlertRules } from "../../engine/alerts/alert-rules.ts";
import { createLogger } from "../../engine/core/log.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import { openDocumentBucket } from "../../storage/document-bucket.ts";
import { observed } from "../support/alerts.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";
import { startWebhook, type WebhookServer } from "../support/webhook-server.ts";

const RULES = {
  rules: [
    { name: "slow", metric: "latency.p99_ms", condition: { op: ">", threshold: 100 }, severity: "critical" },
    { name: "high-error-rate", enabled: false },
  ],
};

describe("millrace alerts", () => {
  let engine: TestEngine;
  let folder: TempFolder;
  let webhook: WebhookServer;
  before(async () => {
    [folder, webhook] = await Promise.all([createTempFolder(), startWebhook()]);
    engine = await startTestEngine({ sample: false, env: { MILLRACE_ALERT_WEBHOOK_URL: webhook.url } });
  });
  after(async () => {
    await engine?.[Symbol.asyncDispose]();
    await webhook[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const cli = async (...args: string[]): Promise<CliResult> =>
    runCli(["alerts", ...args, "--url", engine.httpUrl]);
  const file = async (content: unknown): Promise<string> => {
    const path = join(folder.path, "rules.json");
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };

  it("rules applies, lists, shows and removes rules", async () => {
    const applied = await cli("rules", "apply", await file(RULES));
    assert.deepEqual([applied.code, applied.stderr], [0, ""]);
    assert.equal(applied.stdout, "applied slow\napplied high-error-rate\n");
    const listed = (await cli("rules", "list")).stdout;
    assert.match(listed, /^slow +critical +\*: latency\.p99_ms > 100$/m);
    assert.match(listed, /^high-error-rate .*\(off\)$/m);
    assert.match(listed, /^drift-incident .*\(built in\)$/m);
    const shown = JSON.parse((await cli("rules", "show", "slow")).stdout) as { severity: string };
    assert.equal(shown.severity, "critical");
    assert.equal((await cli("rules", "remove", "high-error-rate")).stdout, "removed high-error-rate\n");
    assert.match(
      (await cli("rules", "remove", "high-error-rate")).stderr,
      /is built in and cannot be removed/,
    );
  });

  it("rules names the field of a bad rule, and applies nothing of the file", async () => {
    const bad = {
      rules: [
        { ...RULES.rules[0], name: "early" },
        { ...RULES.rules[0], name: "late", cooldown: "x" },
      ],
    };
    const applied = await cli("rules", "apply", await file(bad));
    assert.equal(applied.code, 1);
    assert.match(applied.stderr, /^millrace: rules\.1\.cooldown: must be a duration/);
    assert.match((await cli("rules", "show", "early")).stderr, /there is no alert rule early/);
    assert.match((await cli("rules", "apply", await file("{"))).stderr, /rules\.json cannot be read: .*JSON/);
  });

  it("lists, acknowledges and resolves what the monitor raised", async () => {
    assert.equal((await cli("list", "--state", "raised")).stdout, "no alerts\n");
    const nats = await connect({ servers: engine.natsUrl });
    const logger = createLogger("silent");
    const rules = new AlertRules({
      bucket: await openDocumentBucket(nats, "millrace_alert_rules"),
      builtIn: [],
      logger,
    });
    const desk = new AlertDesk({
      rules,
      groups: await openDocumentBucket(nats, "millrace_alerts"),
      history: { list: async () => [], changes: async () => [] },
      channels: ["nats"],
      metrics: new Metrics(),
      logger,
      onWork: () => undefined,
    });
    const [change] = await desk.observe([observed(1, 250)], Date.now());
    await nats.close();
    const id = change?.alert.id ?? "";
    const raised = (await cli("list", "--state", "raised")).stdout;
    assert.match(
      raised,
      new RegExp(`^${id} +raised +critical .* slow\n +fraud 1\\.0\\.0: latency\\.p99_ms 250 \\(> 100\\)\n$`),
    );
    assert.match((await cli("ack", id, "--by", "eve")).stdout, /acknowledged/);
    assert.match((await cli("resolve", id, "--note", "fixed")).stdout, /resolved/);
    assert.match((await cli("ack", id)).stderr, /is resolved already/);
    assert.match((await cli("list", "--state", "open")).stderr, /state: /);
  });

  it("silence, silences and unsilence", async () => {
    assert.equal((await cli("silences")).stdout, "no silences\n");
    const made = await cli("silence", "--model", "fraud", "--for", "2h", "--reason", "load test");
    assert.match(made.stdout, /model fraud: load test\n$/);
    const id = made.stdout.split(" ")[0] ?? "";
    assert.equal((await cli("silences")).stdout, made.stdout);
    assert.equal((await cli("unsilence", id)).stdout, `silence ${id} is over\n`);
    assert.match((await cli("silence", "--for", "2h", "--reason", "x")).stderr, /matcher: must name a rule/);
    assert.match(
      (await cli("silence", "--model", "a", "--for", "2", "--reason", "x")).stderr,
      /is no duration/,
    );
  });

  it("test says what became of each channel, and keeps the webhook's address to itself", async () => {
    const good = await cli("test");
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /^nats +delivered .*\nwebhook +delivered +HTTP 200 /);
    webhook.answer = (response) => void response.writeHead(500).end();
    const bad = await cli("test");
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /^webhook +not delivered +HTTP 500 /m);
    assert.equal(webhook.received.length, 2);
    assert.ok(!`${engine.stderr}${bad.stdout}`.includes("secret-path"));
  });
});

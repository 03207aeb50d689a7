/**
 * `millrace simulate` against a whole engine: payments arrive, the watched card's features change, and it ends as asked.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { jsonOf } from "../support/answers.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";

const CLI = fileURLToPath(new URL("../../engine/cli.js", import.meta.url));

interface OneEntity {
  readonly last_event_seq: number;
  readonly features: Readonly<Record<string, number | string | null>>;
}

describe("millrace simulate", () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startTestEngine();
  });
  after(async () => engine?.[Symbol.asyncDispose]());

  const featuresOf = async (set: string, id: string): Promise<OneEntity> =>
    jsonOf<OneEntity>(await engine.get(`/features/${set}/${id}`));
  const addresses = (): string[] => ["--url", engine.httpUrl, "--nats", engine.natsUrl];
  const simulate = async (...args: string[]): Promise<CliResult> =>
    runCli(["simulate", ...addresses(), ...args]);

  it("changes the features of the watched card and of merchants, and shows it", async () => {
    const before = await featuresOf("card", "mine");
    assert.equal(before.last_event_seq, 0);
    const { code, stdout, stderr } = await simulate("--card", "mine", "--rate", "50", "--seconds", "2");
    assert.equal(code, 0, stderr);
    const lines = stdout.trim().split("\n");
    const [first = ""] = lines;
    assert.match(first, / mine pays [0-9.]+ fraud=[01]\.[0-9]{3} (legitimate|fraud) transactions_1h=0 /);
    const seen = lines.slice(0, -1).map((line) => Number(/transactions_1h=([0-9]+)/.exec(line)?.[1]));
    assert.ok(Math.max(...seen) > 0, `counts ${seen.join(", ")}`);
    assert.equal(stdout.includes("\x1b"), false);
    const payments = Number(/^published ([0-9]+) payments/.exec(lines.at(-1) ?? "")?.[1]);
    assert.ok(payments >= 10 && payments <= 101, `${payments} payments in 2 s at 50 a second`);
    const own = await eventually("all payments of the card are known", async () => {
      const one = await featuresOf("card", "mine");
      return one.features["transactions_1h"] === seen.length ? one : undefined;
    });
    assert.notDeepEqual(own.features, before.features);
    await eventually(
      "all events of both kinds are stored",
      async () => {
        const rows = await engine.sql<{ type: string; events: string }>(
          "SELECT entity_type AS type, toString(count()) AS events FROM millrace.feature_values GROUP BY type ORDER BY type",
        );
        const all = String(payments);
        return (
          JSON.stringify(rows.map(({ type, events }) => [type, events])) ===
          JSON.stringify([
            ["card", all],
            ["merchant", all],
          ])
        );
      },
      10_000,
    );
    const [busiest] = await engine.sql<{ id: string }>(
      "SELECT entity_id AS id FROM millrace.feature_values WHERE entity_type = 'merchant' GROUP BY id ORDER BY count() DESC LIMIT 1",
    );
    assert.ok(Number((await featuresOf("merchant", busiest?.id ?? "")).features["transactions_10m"]) > 0);
  });

  it("ends at once, with its summary, on Ctrl-C", async () => {
    const child: ChildProcess = spawn(
      process.execPath,
      [CLI, "simulate", ...addresses(), "--seconds", "600"],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let stdout = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    await eventually("a payment is shown", () => stdout.includes("card-0001 pays"), 20_000);
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 0);
    assert.match(stdout, /^published [0-9]+ payments/m);
  });

  it("says what to do when an address, an option or the sample is wrong", async () => {
    const away = await simulate("--url", "http://127.0.0.1:65000");
    assert.equal(away.code, 1);
    assert.match(away.stderr, /no engine answers at .* "npm start"/);
    const elsewhere = await simulate("--nats", "nats://127.0.0.1:65000");
    assert.match(elsewhere.stderr, /NATS at .* cannot be reached .*NATS_URL/);
    const prefixed = await simulate("--prefix", "nobody");
    assert.match(prefixed.stderr, /feature events cannot be published .*MILLRACE_PREFIX/);
    for (const args of [
      ["--rate", "0"],
      ["--rate", "1e9"],
      ["--seconds", "x"],
    ])
      assert.match((await simulate(...args)).stderr, /must be above 0/);
    await using bare = await startTestEngine({ sample: false });
    const without = await runCli([
      "simulate",
      "--seconds",
      "0.1",
      "--url",
      bare.httpUrl,
      "--nats",
      bare.natsUrl,
    ]);
    assert.equal(without.code, 1);
    assert.match(without.stderr, /millrace features apply/);
  });
});

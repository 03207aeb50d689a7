/**
 * Two engines on one registry: the one that serves a canary judges it, and both do what comes of it.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { jsonOf } from "../support/answers.ts";
import { CardLoad } from "../support/card-load.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { pushBody, untilServed } from "../support/model-requests.ts";
import { type SlowModelOptions, slowModel } from "../support/slow-model.ts";

const NAME = "slow";
const LONG_MS = 20_000;

describe("a canary on two engines", () => {
  let idle: TestEngine;
  let busy: TestEngine;
  before(async () => {
    idle = await startTestEngine({ sample: false, env: { MILLRACE_WORKERS: "1" } });
    const clickhouse = new URL(idle.clickhouseUrl);
    clickhouse.username = "millrace";
    clickhouse.password = readFileSync(join(idle.dataDir, "clickhouse.password"), "utf8").trim();
    const env = { MILLRACE_WORKERS: "1", NATS_URL: idle.natsUrl, CLICKHOUSE_URL: clickhouse.href };
    busy = await startTestEngine({ sample: false, args: ["--roles", "data"], env });
    await push({}, "production");
    for (const engine of [idle, busy]) await untilServed(engine, NAME, "1.0.0");
  });
  after(async () => {
    await busy?.[Symbol.asyncDispose]();
    await idle?.[Symbol.asyncDispose]();
  });

  const push = async (options: SlowModelOptions, alias?: string): Promise<void> => {
    const response = await idle.post("/models", pushBody(slowModel(NAME, options), alias));
    assert.equal(response.status, 201, await response.text());
  };
  const deploy = async (version: string, body: Record<string, unknown>): Promise<void> => {
    const path = `/api/v1/models/deploy/${NAME}@${version}`;
    const response = await idle.post(path, { strategy: "canary", ...body });
    assert.equal(response.status, 200, await response.clone().text());
  };
  const untilServedOnly = async (version: string): Promise<void> => {
    for (const engine of [idle, busy]) {
      await eventually(
        "one version is left",
        async () => {
          const { models } = await jsonOf<{ models: { served: string[] }[] }>(await engine.get("/models"));
          return models[0]?.served.join() === version;
        },
        LONG_MS,
      );
    }
  };

  it("is withdrawn on both when one finds a breach", async () => {
    await push({ version: "2.0.0", nanAbove: 0.5 });
    await using load = new CardLoad(busy, NAME);
    await deploy("2.0.0", { steps: [{ share: 0.5, duration: "10m" }] });
    await eventually("it fails", () => load.answers.some(({ status }) => status !== 200), LONG_MS);
    await untilServedOnly("1.0.0");
  });

  it("is promoted on both when one has seen enough", async () => {
    await push({ version: "3.0.0" });
    await using load = new CardLoad(busy, NAME);
    const limits = { error_rate: 0.2, latency_p99_ratio: 1_000, rows_min: 20 };
    await deploy("3.0.0", { steps: [{ share: 0.5, duration: "1s" }], limits });
    for (const engine of [idle, busy]) await untilServed(engine, NAME, "3.0.0");
    assert.ok(load.answers.every(({ status }) => status === 200));
  });
});

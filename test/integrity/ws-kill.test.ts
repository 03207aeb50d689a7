/**
 * A subscriber on one engine sees each prediction of another one once, whatever is killed beneath: nats-server, and the engine that predicts.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPorts } from "../support/fixed-ports.ts";
import { HttpLoad } from "../support/http-load.ts";
import { pidOf } from "../support/processes.ts";
import { WsClient } from "../support/ws-client.ts";

const KILLS = 3;
const LOAD_MS = 700;
const WAIT_MS = 60_000;

test("a subscriber sees each prediction of other engines once, over kills of nats-server and of an engine", async (t) => {
  await using host = await startTestEngine({ env: await fixedPorts() });
  const clickhouse = new URL(host.clickhouseUrl);
  clickhouse.username = "millrace";
  clickhouse.password = readFileSync(join(host.dataDir, "clickhouse.password"), "utf8").trim();
  const env = { NATS_URL: host.natsUrl, CLICKHOUSE_URL: clickhouse.href };
  const roles = ["--roles", "data"];
  await using worker = await startTestEngine({ sample: false, args: roles, env });
  const isAnswered = async (): Promise<boolean> =>
    (await worker.post("/predict", { model: "card-fraud", features: PAYMENT })).status === 200;
  await eventually("the other engine serves", isAnswered, WAIT_MS);

  using client = await WsClient.open(host.httpUrl);
  client.send({ type: "subscribe", id: "s", model: "card-fraud", predictions: true });
  assert.equal((await client.answerTo("s")).type, "subscribed");
  const observed = (): string[] => client.of("observed").map(({ prediction }) => prediction.prediction_id);

  const answered: string[] = [];
  const underLoad = async (kill: () => void | Promise<void>): Promise<void> => {
    await using load = new HttpLoad({ url: () => worker.httpUrl, clients: 4, thinkMs: 2 });
    load.start();
    await delay(LOAD_MS);
    await kill();
    const before = load.answered.length;
    await eventually("it answers again", () => load.answered.length > before + 100, WAIT_MS);
    await load.stop();
    assert.deepEqual(load.surprises, []);
    answered.push(...load.answered);
  };
  for (let kill = 0; kill < KILLS; kill++) {
    await underLoad(() => {
      process.kill(pidOf(host, "nats") ?? assert.fail("there is no nats-server"), "SIGKILL");
    });
  }
  await underLoad(async () => {
    await worker.kill9();
    await worker.start();
  });
  await eventually(
    "all that was answered is observed",
    () => {
      const seen = new Set(observed());
      return answered.every((id) => seen.has(id));
    },
    WAIT_MS,
  );
  assert.deepEqual(client.of("dropped"), []);
  const ids = observed();
  assert.equal(new Set(ids).size, ids.length, "predictions that were observed twice");
  t.diagnostic(`${answered.length} answered, ${ids.length} observed`);
});

/**
 * Statistics of a set's features, over REST and as the command prints them.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import type { FeatureEvent } from "../../engine/core/feature-event.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { storeEvents } from "../support/feature-values.ts";

const SET = {
  name: "account",
  version: "1.0.0",
  entity: { type: "account", key: "account_id" },
  features: [
    { name: "country", kind: "online", type: "category", categories: ["DE", "FR"], null_rate_max: 0.1 },
    { name: "limit", kind: "online", max: 1000, null_rate_max: 0.9 },
    { name: "sum_1h", kind: "window", aggregation: "sum", field: "amount", window: "1h" },
    { name: "amount", kind: "request" },
    { name: "share", kind: "derived", function: "ratio", inputs: ["amount", "sum_1h"] },
  ],
};

let engine: TestEngine;
before(async () => {
  engine = await startTestEngine({ sample: false });
  assert.equal((await engine.post("/feature-sets", SET)).status, 201);
  const nowMs = Date.now();
  let seq = 0;
  const event = (hoursAgo: number, fields: FeatureEvent["fields"]) => ({
    epoch: 1,
    entityType: "account",
    event: {
      eventId: `e${++seq}`,
      entityId: "x",
      eventMs: nowMs - hoursAgo * 3_600_000,
      arrivalMs: nowMs - hoursAgo * 3_600_000,
      seq,
      isEvent: true,
      fields,
    },
  });
  await storeEvents({ client: engine.clickhouse() }, "millrace", [
    event(30, { amount: 1_000_000 }),
    event(2, { amount: 1, country: "DE" }),
    event(2, { amount: 2, country: "FR" }),
    event(0, { amount: 3, country: "DE" }),
    event(0, { amount: 6, country: null }),
    event(0, { amount: 7, limit: 5000 }), // breaks a rule
  ]);
});
after(async () => engine?.[Symbol.asyncDispose]());

interface Answer {
  readonly features: readonly Record<string, unknown>[];
}

it("statistics tell counts, nulls, numbers and texts of the hours asked for", async () => {
  const ask = async (query: string): Promise<Answer> =>
    (await (await engine.get(`/feature-sets/account/statistics${query}`)).json()) as Answer;
  const { features } = await eventually("the set is active", async () => {
    const answer = await ask("");
    return answer.features !== undefined && answer;
  });
  assert.deepEqual(
    features.map(({ name }) => name),
    ["country", "limit", "sum_1h"],
  );
  const [country, limit, amount] = features;
  assert.deepEqual([country?.["events"], country?.["values"], country?.["null_rate"]], [4, 3, 0.25]);
  assert.deepEqual(country?.["top"], [
    { value: "DE", count: 2 },
    { value: "FR", count: 1 },
  ]);
  assert.match(String(country?.["problem"]), /^25\.0 % of events have no value/);
  assert.deepEqual([limit?.["values"], limit?.["null_rate"], limit?.["min"]], [0, 1, undefined]);
  const { min, max, mean, stddev, quantiles, problem } = amount ?? {};
  assert.deepEqual([min, max, mean, stddev, problem], [1, 6, 3, Math.sqrt(3.5), undefined]);
  assert.ok(Math.abs((quantiles as Record<string, number>)["0.5"] as number) <= 3);
  const all = (await ask("?hours=48&version=1.0.0")).features;
  assert.equal(all[2]?.["max"], 1_000_000);
});

it("statistics refuse hours and sets that there are not", async () => {
  assert.equal((await engine.get("/feature-sets/account/statistics?hours=0")).status, 400);
  assert.equal((await engine.get("/feature-sets/nothing/statistics")).status, 404);
});

it("millrace features statistics prints a table, and what is above its bound", async () => {
  const { code, stdout, stderr } = await runCli([
    "features",
    "statistics",
    "account",
    "--url",
    engine.httpUrl,
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^feature +values +null +min +median +mean +max +stddev +most frequent$/m);
  assert.match(stdout, /^country +3 +25\.0 % +DE \(2\), FR \(1\)$/m);
  assert.match(stdout, /^country: 25\.0 % of events have no value; at most 10 % may$/m);
});

/** Retraining as people use it: over REST and the command line, with a real registry and a real stream. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { HttpServer } from "../../engine/api/http-server.ts";
import { retrainRoutes } from "../../engine/api/retrain-routes.ts";
import { createSenderCheck } from "../../engine/api/sender-check.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import { openModelRegistry } from "../../storage/model-registry.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { runCli } from "../support/cli.ts";
import { type DescribedApi, describedApi } from "../support/described-api.ts";
import { modelContent } from "../support/model-content.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { MODEL, NOON_MS, QUALITY_INCIDENT, RetrainEngine } from "../support/retrain.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const PREFIX = "retrain";

interface Status {
  readonly is_in_flight: boolean;
  readonly job: { readonly job_id: string; readonly state: string; readonly note?: string } | null;
  readonly jobs_today: number;
  readonly next_scheduled_at: string | null;
  readonly policy: { readonly cooldown: string };
  readonly decisions: readonly { readonly outcome: string }[];
}

let nats: TestNats;
let engine: RetrainEngine;
let server: HttpServer;
let url = "";
let api: DescribedApi;
before(async () => {
  nats = await startTestNats();
  engine = await RetrainEngine.open(nats.url, PREFIX);
  const registry = await openModelRegistry(engine.nats, { prefix: PREFIX });
  for (const name of [MODEL, "churn"]) await registry.push(modelContent({ name }));
  const routes = retrainRoutes({ triggers: engine.triggers, registry, clock: () => NOON_MS });
  api = describedApi(routes);
  const logger = pino({ level: "silent" });
  server = new HttpServer(routes, new Metrics(), logger, createSenderCheck("127.0.0.1", []));
  url = `http://127.0.0.1:${await server.listen("127.0.0.1", 0)}`;
});
after(async () => {
  server.stopListening();
  server.close();
  await engine.close();
  await nats[Symbol.asyncDispose]();
});

/** Every answer is held against the routes' description. */
async function call(
  method: string,
  path: string,
  body?: unknown,
  type = "application/json",
): Promise<Response> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": type } };
  const response = await fetch(`${url}${path}`, { method, ...sent });
  await api.check(method, path, response.clone());
  return response;
}

describe("retraining over REST", () => {
  it("is requested with a reason, seen, refused while it is in flight, and called off", async () => {
    const path = `/models/${MODEL}/retrain`;
    const before = await jsonOf<Status>(await call("GET", path));
    assert.deepEqual([before.job, before.is_in_flight, before.jobs_today], [null, false, 0]);
    assert.equal(before.policy.cooldown, "24h");

    const answer = await call("POST", path, { reason: "new labels from the call centre" });
    assert.equal(answer.status, 202);
    const requested = await jsonOf<Status>(answer);
    assert.deepEqual([requested.job?.state, requested.is_in_flight], ["requested", true]);
    const [taken] = await engine.take(MODEL);
    assert.equal(taken?.request.job_id, requested.job?.job_id);
    assert.deepEqual(taken?.request.evidence[0]?.numbers, { reason: "new labels from the call centre" });
    assert.equal(taken?.request.requested_by, "rest");

    const { message } = await errorOf(await call("POST", path, {}), 409, "CONFLICT");
    assert.match(message, new RegExp(`${requested.job?.job_id} is requested.*cancel it`));

    const off = await jsonOf<Status>(await call("POST", `${path}/cancel`, { reason: "too soon" }));
    assert.deepEqual([off.job?.state, off.job?.note, off.is_in_flight], ["cancelled", "too soon", false]);
    assert.equal(off.jobs_today, 1);
    assert.deepEqual(
      off.decisions.map(({ outcome }) => outcome),
      ["in_flight", "requested"],
    );
    await errorOf(await call("POST", `${path}/cancel`, {}), 409, "CONFLICT");
  });

  it("follows a policy, which is checked whole", async () => {
    const path = "/models/churn/retrain-policy";
    const policy = { model_name: "churn", schedule: { expression: "@quarterly" }, cooldown: "7d" };
    await jsonOf(await call("PUT", path, policy));
    const status = await jsonOf<Status>(await call("GET", "/models/churn/retrain"));
    assert.equal(status.next_scheduled_at, "2026-04-01T00:00:00.000Z");
    assert.equal(status.policy.cooldown, "7d");
    const { details } = await errorOf(await call("PUT", path, { model_name: MODEL }), 400, "INVALID_REQUEST");
    assert.equal(details[0]?.field, "model_name");
    const wrong = { ...policy, cooldown: "soon", labels: { count_min: -1 } };
    const refused = await errorOf(await call("PUT", path, wrong), 400, "INVALID_REQUEST");
    assert.deepEqual(refused.details.map(({ field }) => field).toSorted(), ["cooldown", "labels.count_min"]);
    assert.equal((await jsonOf<Status>(await call("GET", "/models/churn/retrain"))).policy.cooldown, "7d");
  });

  it("is held back by bad data, with the incident's name", async () => {
    await engine.triggers.propose("churn", [], [QUALITY_INCIDENT], NOON_MS);
    const { message } = await errorOf(await call("POST", "/models/churn/retrain", {}), 409, "CONFLICT");
    assert.match(message, /quality-1/);
    await engine.triggers.propose("churn", [], [], NOON_MS);
  });

  it("takes JSON of the right shape for models that exist, from programs and its own pages", async () => {
    for (const [method, path] of [
      ["POST", "/models/nobody/retrain"],
      ["POST", "/models/nobody/retrain/cancel"],
      ["PUT", "/models/nobody/retrain-policy"],
      ["GET", "/models/nobody/retrain"],
      ["GET", "/models/No%20body/retrain"],
    ] as const)
      await errorOf(await call(method, path, method === "GET" ? undefined : {}), 404, "MODEL_NOT_FOUND");
    const path = `/models/${MODEL}/retrain`;
    const { details } = await errorOf(await call("POST", path, { reason: "" }), 400, "INVALID_REQUEST");
    assert.equal(details[0]?.field, "reason");
    await errorOf(await call("POST", path, { why: "x" }), 400, "INVALID_REQUEST");
    await errorOf(await call("POST", path, {}, "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE");
    await errorOf(await call("PUT", `${path}-policy`, {}, "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE");
    const foreign = { origin: "https://evil.example", "content-type": "application/json" };
    for (const [method, to] of [
      ["POST", path],
      ["POST", `${path}/cancel`],
      ["PUT", `${path}-policy`],
    ] as const)
      await errorOf(await fetch(`${url}${to}`, { method, headers: foreign, body: "{}" }), 403, "FORBIDDEN");
  });
});

describe("millrace retrain", () => {
  const run = (...args: string[]) => runCli(["retrain", ...args, "--url", url]);

  it("applies a policy, starts, shows and cancels a job", async () => {
    await using folder = await createTempFolder("millrace-policy-");
    const file = join(folder.path, "churn.json");
    await writeFile(file, JSON.stringify({ model_name: "churn", schedule: { expression: "@weekly" } }));
    const applied = await run("policy", "apply", file);
    assert.equal(applied.stdout, "applied the retraining policy of churn\n", applied.stderr);
    const start = await run("start", "churn", "--reason", "by hand");
    assert.match(start.stdout, /job \S+: requested, for manual, .* at the latest/, start.stderr);
    assert.match((await run("start", "churn")).stderr, /churn is not retrained now: .*cancel it/);
    assert.match((await run("cancel", "churn", "--reason", "changed my mind")).stdout, /changed my mind/);
    const { stdout } = await run("status", "churn");
    assert.match(stdout, /: cancelled, for manual/);
    assert.match(stdout, /1 requested today \(UTC\), next scheduled 2026-03-08T00:00:00.000Z/);
    const { job } = JSON.parse((await run("status", "churn", "--json")).stdout) as Status;
    assert.equal(job?.state, "cancelled");
  });

  it("says what is wrong with a file", async () => {
    await using folder = await createTempFolder("millrace-policy-");
    const file = join(folder.path, "policy.json");
    const refusal = async (text: string): Promise<string> => {
      await writeFile(file, text);
      const { code, stderr } = await run("policy", "apply", file);
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(await refusal("{"), /policy\.json cannot be read as JSON/);
    assert.match(await refusal("null"), /model_name: must be the name of a model/);
    assert.match(await refusal('{"model_name":"churn","cooldown":"1x"}'), /cooldown: must be a duration/);
    assert.match((await run("policy", "apply", join(folder.path, "none.json"))).stderr, /none\.json/);
  });
});

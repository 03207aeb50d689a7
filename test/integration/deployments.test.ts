/**
 * What becomes of versions in the registry, on a real nats-server: their states, the life of a canary, and that every change is
 * told with who and why, once, whoever else is at it.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import {
  type CanaryDeployment,
  type CanaryRecord,
  deployment,
  WARM_MS,
} from "../../engine/core/deployment.ts";
import { versionState } from "../../engine/core/version-state.ts";
import { type ModelRegistry, openModelRegistry } from "../../storage/model-registry.ts";
import type { ModelState } from "../../storage/model-state.ts";
import { hasCode } from "../support/error-code.ts";
import { modelContent } from "../support/model-content.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const BY = { requestedBy: "ada", reason: "better on May" };
const CANARY = deployment.parse({
  strategy: "canary",
  steps: [
    { share: 0.1, duration: "1m" },
    { share: 0.5, duration: "5m" },
  ],
}) as CanaryDeployment;

describe("deployments", () => {
  let nats: TestNats;
  let connection: NatsConnection;
  let prefixes = 0;
  before(async () => {
    nats = await startTestNats();
    connection = await connect({ servers: nats.url, noAsyncTraces: true });
  });
  after(async () => {
    await connection?.close();
    await nats?.stop();
  });

  /** Versions 1.0.0, which is in production, 2.0.0 and 3.0.0. */
  const fresh = async (): Promise<ModelRegistry> => {
    const registry = await openModelRegistry(connection, { prefix: `test${++prefixes}` });
    for (const version of ["1.0.0", "2.0.0", "3.0.0"]) await registry.push(modelContent({ version }));
    await registry.promote("fraud", "1.0.0");
    return registry;
  };
  const statesOf = (model: ModelState): string[] =>
    model.versions.map((version) => versionState(model, version));
  const actions = async (registry: ModelRegistry): Promise<string[]> =>
    (await registry.untold.read("fraud")).map(({ action, model_version }) => `${action} ${model_version}`);
  const canaryOf = (model: ModelState): CanaryRecord => {
    assert.ok(model.canary !== undefined);
    return model.canary;
  };

  it("follow from the aliases, the most exposed first", async () => {
    const registry = await fresh();
    await registry.deploy("fraud", "2.0.0", { strategy: "staging" }, BY);
    assert.deepEqual(statesOf(await registry.stateOf("fraud")), ["PRODUCTION", "STAGING", "REGISTERED"]);
    await registry.deploy("fraud", "2.0.0", { strategy: "direct" }, BY);
    assert.deepEqual(statesOf(await registry.stateOf("fraud")), ["REGISTERED", "PRODUCTION", "REGISTERED"]);
    await registry.deploy("fraud", "3.0.0", { strategy: "none" }, BY);
    await registry.archive("fraud", "1.0.0", BY);
    await registry.deprecate("fraud", "3.0.0", BY);
    assert.deepEqual(statesOf(await registry.stateOf("fraud")), ["ARCHIVED", "PRODUCTION", "DEPRECATED"]);
    const last = (await registry.untold.read("fraud")).at(-1);
    assert.deepEqual(
      [last?.action, last?.state_before, last?.state_after, last?.requested_by, last?.reason],
      ["deprecated", "REGISTERED", "DEPRECATED", "ada", "better on May"],
    );
  });

  it("keep a deprecated version from being deployed or gone back to, while it may be served by other aliases", async () => {
    const registry = await fresh();
    await registry.promote("fraud", "2.0.0");
    await registry.promote("fraud", "3.0.0");
    await assert.rejects(
      registry.deprecate("fraud", "3.0.0"),
      hasCode("CONFLICT", /alias production points/),
    );
    await registry.promote("fraud", "2.0.0", "partner");
    await registry.deprecate("fraud", "2.0.0");
    for (const strategy of [{ strategy: "direct" } as const, CANARY])
      await assert.rejects(
        registry.deploy("fraud", "2.0.0", strategy, BY),
        hasCode("CONFLICT", /is deprecated/),
      );
    const state = await registry.rollback("fraud");
    assert.equal(state.aliases["production"]?.version, "1.0.0");
    assert.equal(state.aliases["partner"]?.version, "2.0.0");
  });

  it("take a canary by its steps into production, and keep the version before warm", async () => {
    const registry = await fresh();
    const begun = await registry.deploy("fraud", "2.0.0", CANARY, BY);
    assert.deepEqual(statesOf(begun), ["PRODUCTION", "CANARY", "REGISTERED"]);
    const first = canaryOf(begun);
    assert.deepEqual([first.champion, first.step, first.reason], ["1.0.0", 0, "better on May"]);
    await registry.advanceCanary("fraud", first, { rows: 120 }, BY);
    await registry.advanceCanary("fraud", first, { rows: 120 }, BY); // another engine, a moment later
    const second = canaryOf(await registry.stateOf("fraud"));
    assert.equal(second.step, 1);
    await registry.advanceCanary("fraud", second, { rows: 400 }, BY);
    const ended = await registry.stateOf("fraud");
    assert.deepEqual(statesOf(ended), ["REGISTERED", "PRODUCTION", "REGISTERED"]);
    assert.deepEqual(Object.keys(ended.aliases), ["production"]);
    assert.equal(ended.warm?.version, "1.0.0");
    const leftMs = Date.parse(ended.warm?.until ?? "") - Date.now();
    assert.ok(leftMs > WARM_MS / 2 && leftMs <= WARM_MS);
    const told = await registry.untold.read("fraud");
    assert.deepEqual(
      told.slice(-3).map(({ action, replaced_version, details }) => [action, replaced_version, details]),
      [
        ["canary_started", "", { share: 0.1, champion: "1.0.0" }],
        ["canary_advanced", "", { rows: 120, share: 0.5 }],
        ["promoted", "1.0.0", { rows: 400 }],
      ],
    );
    const back = await registry.rollback("fraud");
    assert.deepEqual([back.aliases["production"]?.version, back.warm], ["1.0.0", undefined]);
  });

  it("withdraw a canary once, however many engines find the breach, and never the next one of the same version", async () => {
    const registry = await fresh();
    const canary = canaryOf(await registry.deploy("fraud", "2.0.0", CANARY, BY));
    const engine = { requestedBy: "engine", reason: "error rate 40.0 %" };
    const withdraw = async () => registry.withdrawCanary("fraud", canary, { error_rate: 0.4 }, engine);
    await Promise.all(Array.from({ length: 10 }, withdraw));
    assert.deepEqual(statesOf(await registry.stateOf("fraud")), ["PRODUCTION", "REGISTERED", "REGISTERED"]);
    assert.deepEqual((await actions(registry)).slice(-2), [
      "canary_started 2.0.0",
      "canary_rolled_back 2.0.0",
    ]);
    await registry.deploy("fraud", "2.0.0", CANARY, BY);
    await withdraw();
    assert.equal(canaryOf(await registry.stateOf("fraud")).version, "2.0.0");
    await registry.rollback("fraud", "production", BY);
    assert.equal((await registry.stateOf("fraud")).canary, undefined);
    assert.equal((await actions(registry)).at(-1), "canary_rolled_back 2.0.0");
  });

  it("are done once for a job that asks again, whatever has become of them since", async () => {
    for (const strategy of [{ strategy: "direct" } as const, CANARY]) {
      const registry = await fresh();
      await registry.deploy("fraud", "2.0.0", strategy, BY, "job-1");
      await registry.rollback("fraud", "production", BY);
      const before = await actions(registry);
      const again = await registry.deploy("fraud", "2.0.0", strategy, BY, "job-1");
      assert.deepEqual(statesOf(again), ["PRODUCTION", "REGISTERED", "REGISTERED"]);
      assert.deepEqual(await actions(registry), before);
      const other = await registry.deploy("fraud", "2.0.0", strategy, BY, "job-2");
      assert.notDeepEqual(statesOf(other), statesOf(again));
    }
  });

  it("refuse a canary that cannot be one, and what would end one unasked", async () => {
    const registry = await fresh();
    await assert.rejects(registry.deploy("fraud", "9.0.0", CANARY, BY), hasCode("MODEL_NOT_FOUND"));
    await assert.rejects(
      registry.deploy("fraud", "1.0.0", CANARY, BY),
      hasCode("CONFLICT", /in production already/),
    );
    await registry.deploy("fraud", "2.0.0", CANARY, BY);
    await assert.rejects(
      registry.deploy("fraud", "3.0.0", CANARY, BY),
      hasCode("CONFLICT", /canary of version 2\.0\.0/),
    );
    await assert.rejects(
      registry.promote("fraud", "3.0.0"),
      hasCode("CONFLICT", /canary of version 2\.0\.0/),
    );
    await assert.rejects(registry.promote("fraud", "3.0.0", "canary"), hasCode("CONFLICT"));
    await registry.promote("fraud", "3.0.0", "staging");
    const state = await registry.promote("fraud", "2.0.0");
    assert.deepEqual([state.canary, state.aliases["production"]?.version], [undefined, "2.0.0"]);
    await registry.push(modelContent({ name: "churn" }));
    await assert.rejects(
      registry.deploy("churn", "1.0.0", CANARY, BY),
      hasCode("CONFLICT", /deploy it directly/),
    );
  });

  it("tell of a push once, however often it is repeated, and of nothing that was refused or changed nothing", async () => {
    const registry = await fresh();
    await registry.push(modelContent());
    await registry.promote("fraud", "1.0.0");
    await assert.rejects(registry.promote("fraud", "9.9.9"), hasCode("MODEL_NOT_FOUND"));
    assert.deepEqual(await actions(registry), [
      "registered 1.0.0",
      "registered 2.0.0",
      "registered 3.0.0",
      "promoted 1.0.0",
    ]);
    await registry.untold.markTold("fraud", await registry.untold.read("fraud"));
    assert.deepEqual(await actions(registry), []);
  });
});

/**
 * Canaries under load, in a whole engine: one that fails or is slow is gone within five seconds and harms nobody but its own share;
 * one that does well is in production, and the version before is a moment away.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Prediction } from "../../engine/core/prediction.ts";
import { murmurHash32 } from "../../engine/features/murmur-hash.ts";
import { openModelRegistry } from "../../storage/model-registry.ts";
import { jsonOf } from "../support/answers.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { pushBody, untilServed } from "../support/model-requests.ts";
import { type SlowModelOptions, slowModel } from "../support/slow-model.ts";

const NAME = "slow";
const CLIENTS = 8;
/** Sets the pace. */
const THINK_MS = 5;
const ROLLBACK_MS = 5_000;
const LONG_MS = 20_000;

interface Shown {
  readonly aliases: Record<string, string>;
  readonly states: Record<string, string>;
  readonly canary: { readonly step: number } | null;
}

interface Answer {
  readonly entity: string;
  readonly status: number;
  /** Of the version that answered, if one did. */
  readonly version: string | undefined;
  readonly variant: string | undefined;
}

/** Clients in closed loops, each row of another of a hundred cards. */
class CardLoad implements AsyncDisposable {
  readonly answers: Answer[] = [];
  readonly #engine: TestEngine;
  readonly #clients: Promise<unknown>;
  #isStopping = false;

  constructor(engine: TestEngine) {
    this.#engine = engine;
    this.#clients = Promise.all(Array.from({ length: CLIENTS }, async (_, index) => this.#client(index)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await this.#clients;
  }

  async #client(index: number): Promise<void> {
    for (let turn = index; !this.#isStopping; turn += CLIENTS) {
      const entity = `card-${turn % 100}`;
      const body = { model: NAME, entity_id: entity, features: { steps: 1 } };
      const response = await this.#engine.post("/predict", body);
      const { model_version, variant } = (await response.json()) as Partial<Prediction>;
      this.answers.push({ entity, status: response.status, version: model_version, variant });
      await delay(THINK_MS);
    }
  }
}

/** Whether an entity's rows are the canary's. */
function isOfCanary(version: string, share: number, entity: string): boolean {
  return murmurHash32(`${version} ${entity}`) < share * 2 ** 32;
}

/** From answer `from` on the champion answers all; what was under way when the canary ended is one request a client. */
function checkChampionAgain({ answers }: CardLoad, from: number): void {
  const others = answers.slice(from).filter(({ status, version }) => status !== 200 || version !== "1.0.0");
  assert.ok(others.length <= CLIENTS, `${others.length} are not the champion's`);
}

describe("a canary", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  before(async () => {
    engine = await startTestEngine({ sample: false, env: { MILLRACE_WORKERS: "2" } });
    nats = await connect({ servers: engine.natsUrl });
    await push({}, "production");
    await untilServed(engine, NAME, "1.0.0");
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  const push = async (options: SlowModelOptions, alias?: string): Promise<void> => {
    const response = await engine.post("/models", pushBody(slowModel(NAME, options), alias));
    assert.equal(response.status, 201, await response.text());
  };
  const deploy = async (version: string, body: Record<string, unknown>): Promise<Shown> => {
    const path = `/api/v1/models/deploy/${NAME}@${version}`;
    const response = await engine.post(path, { strategy: "canary", requested_by: "ada", ...body });
    assert.equal(response.status, 200, await response.clone().text());
    return jsonOf<Shown>(response);
  };
  const shown = async (): Promise<Shown> => jsonOf<Shown>(await engine.get(`/models/${NAME}`));
  const untilOver = async (timeoutMs: number): Promise<Shown> =>
    eventually(
      "the canary has ended",
      async () => {
        const model = await shown();
        return model.canary === null && model;
      },
      timeoutMs,
    );
  const lastAudit = async (action: string, version: string): Promise<Record<string, string>> =>
    eventually(
      "it is in the audit log",
      async () => {
        const rows = await engine.sql<Record<string, string>>(
          "SELECT model_version, requested_by, reason, details FROM millrace.audit_log WHERE action = {action:String} AND model_version = {version:String} ORDER BY changed_date DESC LIMIT 1",
          { action, version },
        );
        return rows[0];
      },
      LONG_MS,
    );

  it("that fails is withdrawn within 5 s of its first failures, and no request of the champion fails", async () => {
    await push({ version: "2.0.0", nanAbove: 0.5 });
    await using load = new CardLoad(engine);
    const steps = [{ share: 0.3, duration: "10m" }];
    assert.equal((await deploy("2.0.0", { steps, reason: "looks good" })).states["2.0.0"], "CANARY");
    await eventually("it fails", () => load.answers.some(({ status }) => status !== 200), LONG_MS);
    const ended = await untilOver(ROLLBACK_MS);
    assert.deepEqual(ended.states, { "1.0.0": "PRODUCTION", "2.0.0": "REGISTERED" });
    const before = load.answers.length;
    await eventually("more is answered", () => load.answers.length > before + 300, LONG_MS);
    const failed = load.answers.filter(({ status }) => status !== 200);
    assert.ok(failed.every(({ entity }) => isOfCanary("2.0.0", 0.3, entity)));
    const champions = load.answers.filter(({ entity }) => !isOfCanary("2.0.0", 0.3, entity));
    assert.ok(champions.length > 100);
    assert.ok(
      champions.every(
        ({ status, version, variant }) => status === 200 && version === "1.0.0" && variant === undefined,
      ),
    );
    checkChampionAgain(load, before);
    const row = await lastAudit("canary_rolled_back", "2.0.0");
    assert.deepEqual([row["model_version"], row["requested_by"]], ["2.0.0", "engine"]);
    assert.match(row["reason"] ?? "", /^error rate \d/);
    const details = JSON.parse(row["details"] ?? "") as Record<string, unknown>;
    assert.deepEqual([details["limit"], details["step"]], ["error_rate", 0]);
    const manager = await jetstreamManager(nats);
    const last_by_subj = "millrace.events.model_canary_rolled_back";
    const event = await manager.streams.getMessage("MILLRACE_EVENTS", { last_by_subj });
    assert.equal(event?.json<{ reason: string }>().reason, row["reason"]);
  });

  it("that is slow is withdrawn within 5 s, though its champion's rows wait for the same workers", async () => {
    await push({ version: "3.0.0", slowness: 50_000 });
    await using load = new CardLoad(engine);
    await eventually("the champion is sampled", () => load.answers.length > 300, LONG_MS);
    await deploy("3.0.0", { steps: [{ share: 0.2, duration: "10m" }] });
    await eventually("it answers", () => load.answers.some(({ version }) => version === "3.0.0"), LONG_MS);
    const ended = await untilOver(ROLLBACK_MS);
    assert.equal(ended.aliases["production"], "1.0.0");
    const before = load.answers.length;
    await eventually("more is answered", () => load.answers.length > before + 300, LONG_MS);
    assert.ok(load.answers.every(({ status }) => status === 200));
    checkChampionAgain(load, before);
    const { reason, details } = await lastAudit("canary_rolled_back", "3.0.0");
    assert.match(reason ?? "", /^p99 of service time .* ms, the champion's .* ms, 2 times as much allowed$/);
    assert.equal((JSON.parse(details ?? "") as Record<string, unknown>)["limit"], "latency_p99_ratio");
  });

  it("that cannot be loaded never gets a row, and is withdrawn", async () => {
    const registry = await openModelRegistry(nats); // past the engine's own checks
    const { manifest } = slowModel(NAME, { version: "4.0.0" });
    await registry.push({ manifest, files: new Map([["model.onnx", new Uint8Array(100)]]) });
    await using load = new CardLoad(engine);
    await deploy("4.0.0", { steps: [{ share: 1, duration: "1s" }] });
    assert.equal((await untilOver(LONG_MS)).aliases["production"], "1.0.0");
    assert.match(
      (await lastAudit("canary_rolled_back", "4.0.0"))["reason"] ?? "",
      /^it cannot be loaded: .*model\.onnx/,
    );
    assert.ok(load.answers.every(({ status, version }) => status === 200 && version === "1.0.0"));
  });

  const LENIENT = { error_rate: 0.2, latency_p99_ratio: 1_000, rows_min: 20 };

  it("that does well is promoted by its steps without a failed request, and is a moment away from the version before", async () => {
    await push({ version: "5.0.0" });
    await using load = new CardLoad(engine);
    const steps = [
      { share: 0.2, duration: "1s" },
      { share: 0.6, duration: "1s" },
    ];
    await deploy("5.0.0", { steps, limits: LENIENT, reason: "better on May" });
    const ended = await untilOver(LONG_MS);
    assert.deepEqual([ended.states["1.0.0"], ended.states["5.0.0"]], ["REGISTERED", "PRODUCTION"]);
    await untilServed(engine, NAME, "5.0.0");
    const before = load.answers.length;
    await eventually("more is answered", () => load.answers.length > before + 100, LONG_MS);
    assert.deepEqual(
      load.answers.filter(({ status }) => status !== 200),
      [],
    );
    const last = load.answers.at(-1);
    assert.deepEqual([last?.version, last?.variant], ["5.0.0", undefined]);
    const { models } = await jsonOf<{ models: { name: string; served: string[] }[] }>(
      await engine.get("/models"),
    );
    assert.deepEqual(models.find(({ name }) => name === NAME)?.served, ["1.0.0", "5.0.0"]);
    assert.equal((await lastAudit("promoted", "5.0.0"))["reason"], "better on May");
    const back = await runCli(["models", "rollback", NAME, "--by", "eve", "--url", engine.httpUrl]);
    assert.match(back.stdout, /1\.0\.0 +production/, back.stderr);
    await untilServed(engine, NAME, "1.0.0");
    assert.equal((await lastAudit("rolled_back", "1.0.0"))["requested_by"], "eve");
  });

  it("is told apart by its variant in the prediction log, while the champion's rows stay as they are", async () => {
    await eventually(
      "the log is stored",
      async () => {
        const rows = await engine.sql<{ version: string; variant: string }>(
          "SELECT DISTINCT model_version AS version, variant FROM millrace.predictions ORDER BY version, variant",
        );
        assert.deepEqual(
          rows.map(({ version, variant }) => `${version} ${variant}`.trim()),
          ["1.0.0", "3.0.0 canary", "5.0.0", "5.0.0 canary"],
        );
        return true;
      },
      LONG_MS,
    );
  });

  it("goes on after kill -9 of everything, from the step that it had reached", async () => {
    const args = [
      "--steps",
      "20%:1s,60%:4s",
      "--error-rate",
      "0.2",
      "--latency-ratio",
      "1000",
      "--rows-min",
      "20",
    ];
    const begun = await runCli(["models", "deploy", NAME, "5.0.0", ...args, "--url", engine.httpUrl]);
    assert.match(begun.stdout, /canary 5\.0\.0: step 1 of 2, 20 % for 1s/, begun.stderr);
    {
      await using load = new CardLoad(engine);
      assert.ok(load);
      await eventually("the second step", async () => (await shown()).canary?.step === 1, LONG_MS);
    }
    await engine.kill9();
    await engine.start();
    assert.equal((await shown()).canary?.step, 1);
    await using load = new CardLoad(engine);
    assert.equal((await untilOver(LONG_MS)).aliases["production"], "5.0.0");
    assert.ok(load.answers.every(({ status }) => status === 200));
    assert.ok(load.answers.some(({ variant }) => variant === "canary"));
  });
});

/** An engine over a Redis of its own that knows the feature sets of the benchmarks, and ways to fill and watch it. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Redis } from "ioredis";
import { fromPositionJson } from "../storage/ingest-position.ts";
import type { TestEngine } from "../test/support/engine.ts";
import { REDIS_MISSING, startTestRedis, type TestRedis } from "../test/support/redis.ts";
import type { Published, PublishJob } from "./event-publisher.ts";
import { SETS } from "./feature-sets.ts";
import { startBenchEngine } from "./setup.ts";

const POLL_MS = 2;
const STREAM = "MILLRACE_FEATURES";

export class FeatureEngine implements AsyncDisposable {
  readonly engine: TestEngine;
  readonly nats: NatsConnection;
  /** A plain connection to the engine's Redis. */
  readonly redis: Redis;
  readonly #server: TestRedis;

  private constructor(server: TestRedis, engine: TestEngine, nats: NatsConnection) {
    this.#server = server;
    this.engine = engine;
    this.nats = nats;
    this.redis = new Redis(server.url);
  }

  /** @throws Error when there is no redis-server, or a set is refused. */
  static async start(): Promise<FeatureEngine> {
    if (REDIS_MISSING !== false) throw new Error(`${REDIS_MISSING}: install it first`);
    const server = await startTestRedis();
    const engine = await startBenchEngine({ REDIS_URL: server.url });
    const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
    for (const set of SETS) {
      const response = await engine.post("/feature-sets", set);
      if (!response.ok) throw new Error(`set ${set.name} was refused: ${await response.text()}`);
    }
    return new FeatureEngine(server, engine, nats);
  }

  /** Publishes events from another process; resolves when the stream has all. */
  async publish(job: Omit<PublishJob, "natsUrl">): Promise<Published> {
    const child = fork(fileURLToPath(new URL("event-publisher.js", import.meta.url)));
    child.send({ ...job, natsUrl: this.engine.natsUrl });
    const [published] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(([code]) => {
        throw new Error(`the producer ended with ${code}`);
      }),
    ])) as [Published];
    child.disconnect();
    return published;
  }

  async streamSeq(): Promise<number> {
    const manager = await jetstream(this.nats).jetstreamManager();
    return (await manager.streams.info(STREAM)).state.last_seq;
  }

  /** Sequence up to which events can be read, as the ingester keeps it in Redis; undefined when it is not there. */
  async ingestedSeq(): Promise<number | undefined> {
    return fromPositionJson((await this.redis.getBuffer("millrace:f-position")) ?? undefined)?.seq;
  }

  /** When all events that are in the stream now can be read. */
  async untilIngested(): Promise<void> {
    const last = await this.streamSeq();
    await this.until(async () => ((await this.ingestedSeq()) ?? 0) >= last);
  }

  /** When ClickHouse has them too: what comes next is not measured beside the sink. */
  async untilStored(): Promise<void> {
    const last = await this.streamSeq();
    await this.until(async () => {
      const [row] = await this.engine.sql<{ seq: string }>(
        "SELECT max(log_seq) AS seq FROM millrace.feature_values",
      );
      return Number(row?.seq ?? 0) >= last;
    }, 200);
  }

  async until(probe: () => Promise<boolean>, pollMs = POLL_MS): Promise<void> {
    const deadline = performance.now() + 300_000;
    while (!(await probe())) {
      if (performance.now() > deadline) throw new Error("the engine did not get there within 5 minutes");
      await delay(pollMs);
    }
  }

  /** Entities so far whose features fell back to defaults, since Redis did not answer in time. */
  async unavailable(): Promise<number> {
    const text = await (await this.engine.get("/metrics")).text();
    return Number(/^engine_feature_unavailable_total (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.redis.disconnect();
    await this.nats.close();
    await this.engine[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

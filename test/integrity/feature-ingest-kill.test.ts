/**
 * Under a steady stream of events, some of them doubled, the ingester and Redis are killed with SIGKILL again and again,
 * Redis with its data on disk and without. In the end every event counts exactly once.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import type { EntityStore } from "../../engine/core/entity-store.ts";
import { openRedisEntityStore } from "../../storage/entity-store-redis.ts";
import { eventually } from "../support/eventually.ts";
import { type CardEvent, cardEvent, storedTotals, totalsOf } from "../support/feature-events.ts";
import { FeaturePlane } from "../support/feature-plane.ts";
import { IngestProcess } from "../support/ingest-process.ts";
import { startTestNats } from "../support/nats.ts";
import { createRandom, type Random } from "../support/random.ts";
import { REDIS_MISSING, startTestRedis, startTestRedisCluster, type TestRedis } from "../support/redis.ts";

const LOGGER = pino({ level: "silent" });
const CARDS = 500;
const BURST = 100;
const ROUNDS = 12;
const LOAD_MS = { low: 30, high: 600 } as const;
const SETTLED_MS = 60_000;
/** Between bursts over a cluster: a killed master takes seconds to come back, in which the load would pile up without end. */
const CLUSTER_PAUSE_MS = 20;

/** Publishes bursts of events, every tenth event twice, until it is stopped. */
class Producer {
  readonly published: CardEvent[] = [];
  readonly #running: Promise<void>;
  #isStopping = false;

  constructor(plane: FeaturePlane, random: Random, pauseMs: number) {
    this.#running = this.#produce(plane, random, pauseMs);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #produce(plane: FeaturePlane, random: Random, pauseMs: number): Promise<void> {
    while (!this.#isStopping) {
      const first = this.published.length;
      const burst = Array.from({ length: BURST }, (_, index) => cardEvent(first + index, CARDS, Date.now()));
      const again = burst.filter(() => random.between(1, 10) === 1);
      await plane.publish([...burst, ...again]);
      this.published.push(...burst);
      if (pauseMs > 0) await delay(pauseMs);
    }
  }
}

async function untilApplied(plane: FeaturePlane, store: EntityStore): Promise<number> {
  const lastSeq = await plane.lastSeq();
  await eventually(
    `all up to ${lastSeq} is applied`,
    async () => (await store.position())?.seq === lastSeq,
    SETTLED_MS,
  );
  return lastSeq;
}

async function killAgainAndAgain(
  t: TestContext,
  redis: TestRedis,
  victims: readonly ("ingester" | "redis")[],
): Promise<void> {
  const random = createRandom();
  await using nats = await startTestNats();
  await using plane = await FeaturePlane.open(nats.url, "kill");
  const store = openRedisEntityStore({ url: redis.url, prefix: "kill", use: "ingest", logger: LOGGER });
  const ingester = new IngestProcess([nats.url, "kill", redis.url]);
  await ingester.start();
  const producer = new Producer(plane, random, redis.servers.length > 1 ? CLUSTER_PAUSE_MS : 0);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await delay(random.between(LOAD_MS.low, LOAD_MS.high));
      const victim = victims[random.between(0, victims.length - 1)];
      if (victim === "redis") {
        await redis.servers[random.between(0, redis.servers.length - 1)]?.kill();
        await redis.restore();
      } else {
        await ingester.kill9();
        await ingester.start();
      }
    }
    await producer.stop();
    const lastSeq = await untilApplied(plane, store);
    const expected = totalsOf(producer.published);
    t.diagnostic(
      `TEST_SEED=${random.seed}: ${ROUNDS} kills, ${producer.published.length} events in ${lastSeq} messages`,
    );
    assert.ok(producer.published.length > 1_000, "there was load");
    assert.deepEqual(await storedTotals(store, expected.keys()), expected);
  } finally {
    await producer.stop();
    await ingester.kill9();
    await store.close();
  }
}

describe("every event counts once", { skip: REDIS_MISSING }, () => {
  it("when the ingester is killed", async (t) => {
    await using redis = await startTestRedis();
    await killAgainAndAgain(t, redis, ["ingester"]);
  });

  it("when Redis, which keeps its data on disk, and the ingester are killed", async (t) => {
    await using redis = await startTestRedis(["--appendonly", "yes"]);
    await killAgainAndAgain(t, redis, ["ingester", "redis"]);
  });

  it("when Redis, which comes back empty, and the ingester are killed", async (t) => {
    await using redis = await startTestRedis();
    await killAgainAndAgain(t, redis, ["ingester", "redis"]);
  });

  it("when any of three masters of a cluster, which comes back empty, and the ingester are killed", async (t) => {
    await using redis = await startTestRedisCluster();
    await killAgainAndAgain(t, redis, ["ingester", "redis"]);
  });
});

/**
 * The ingester is killed with SIGKILL in the middle of backfills, again and again, while events come. In the end every
 * column of every set holds every event exactly once.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { ActiveSets } from "../../engine/features/active-sets.ts";
import { openRedisEntityStore } from "../../storage/entity-store-redis.ts";
import { PASSWORD, startTestClickhouse } from "../support/clickhouse.ts";
import { eventually } from "../support/eventually.ts";
import { type CardEvent, cardEvent, cardSet, widerCardSet } from "../support/feature-events.ts";
import { FeaturePlane } from "../support/feature-plane.ts";
import { IngestProcess } from "../support/ingest-process.ts";
import { startTestNats } from "../support/nats.ts";
import { createRandom } from "../support/random.ts";
import { REDIS_MISSING, startTestRedis } from "../support/redis.ts";
import { recomputed, storedValues } from "../support/set-values.ts";

const CARDS = 5_000;
const EVENTS = 30_000;
const ROUNDS = 6;
const WAIT_MS = 60_000;
const V1 = cardSet();
const V2 = widerCardSet();

describe("a backfill that is killed", { skip: REDIS_MISSING }, () => {
  it("is done again, and every event counts once in every column", async (t) => {
    const random = createRandom();
    await using nats = await startTestNats();
    await using redis = await startTestRedis();
    const clickhouse = await startTestClickhouse();
    const plane = await FeaturePlane.open(nats.url, "fill");
    const logger = pino({ level: "silent" });
    const store = openRedisEntityStore({ url: redis.url, prefix: "fill", use: "ingest", logger });
    const url = new URL(clickhouse.url);
    url.username = "millrace";
    url.password = PASSWORD;
    const childOf = (...sets: unknown[]): IngestProcess =>
      new IngestProcess([nats.url, "fill", redis.url, url.href, "fill", JSON.stringify(sets)]);
    let child = childOf(V1);
    const sets = new ActiveSets();
    sets.replace([V1, V2]);
    const lacking = async (): Promise<number> => sets.lacking((await store.position())?.columns ?? []).length;
    const published: CardEvent[] = [];
    const publish = async (count: number): Promise<void> => {
      const some = Array.from({ length: count }, (_, index) =>
        cardEvent(published.length + index, CARDS, Date.now()),
      );
      await plane.publish(some);
      published.push(...some);
    };
    try {
      plane.startSink(clickhouse.client, "fill");
      await child.start();
      await publish(EVENTS);
      const isApplied = async (): Promise<boolean> =>
        (await store.position())?.seq === (await plane.lastSeq());
      await eventually("all is applied", isApplied, WAIT_MS);
      let inTheMiddle = 0;
      for (let round = 0; round < ROUNDS; round++) {
        await child.kill9();
        child = childOf(V1, V2);
        await child.start();
        await Promise.race([
          child.filling(),
          eventually("it was quicker", async () => (await lacking()) === 0, WAIT_MS),
        ]);
        const rest = publish(300);
        await delay(random.between(0, 250));
        await child.kill9();
        await rest;
        if ((await lacking()) > 0) inTheMiddle++;
      }
      t.diagnostic(
        `TEST_SEED=${random.seed}: ${ROUNDS} kills, ${inTheMiddle} of them in the middle of a backfill`,
      );
      assert.ok(inTheMiddle > 0);
      await child.start();
      await eventually("all is filled", async () => (await isApplied()) && (await lacking()) === 0, WAIT_MS);
      for (const set of [V1, V2]) {
        const expected = recomputed(set, published);
        assert.deepEqual(await storedValues(store, set, expected.keys()), expected);
      }
    } finally {
      await child.kill9();
      await plane[Symbol.asyncDispose]();
      await store.close();
      await clickhouse.remove();
    }
  });
});

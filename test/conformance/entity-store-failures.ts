/**
 * What an entity store on servers must do when one of them is frozen, killed, or has lost its data.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { EntityStore } from "../../engine/core/entity-store.ts";
import { EngineError } from "../../engine/core/errors.ts";
import { eventually } from "../support/eventually.ts";
import type { RedisProcess, TestRedis } from "../support/redis.ts";
import { stateOf, untilUsable } from "./entity-store-suite.ts";

const SERVING_MS = 50;
const INGEST_MS = 300;
/** What a busy machine may add to a time-out. */
const SLACK_MS = 250;
const AT_ONCE_MS = 25;

const IDS = Array.from({ length: 500 }, (_, index) => `id-${index}`);
const KEYS = IDS.map((id) => ({ type: "card", id }));

export interface ServerCase {
  readonly start: () => Promise<TestRedis>;
  /** A store on these servers with this time-out. */
  readonly open: (url: string, use: "serving" | "ingest", timeoutMs: number) => EntityStore;
}

export function describeServerFailures(
  name: string,
  { start, open }: ServerCase,
  skip: string | false,
): void {
  describe(`entity store ${name} without its server`, { skip }, () => {
    let redis: TestRedis;
    let serving: EntityStore;
    let ingest: EntityStore;
    const last = (): RedisProcess => redis.servers.at(-1) ?? assert.fail();
    before(async () => {
      redis = await start();
      serving = open(redis.url, "serving", SERVING_MS);
      ingest = open(redis.url, "ingest", INGEST_MS);
      await Promise.all([serving, ingest].map((store) => untilUsable(store)));
      await ingest.write(IDS.map((id) => stateOf(id, "0")));
    });
    afterEach(() => last().thaw());
    after(async () => {
      await Promise.all([serving.close(), ingest.close()]);
      await redis[Symbol.asyncDispose]();
    });

    it("loses the position when one server loses its data, until it is set again", async () => {
      await ingest.setPosition({ epoch: 1, seq: 5, columns: [] });
      assert.deepEqual(await serving.position(), { epoch: 1, seq: 5, columns: [] });
      for (const server of redis.servers) {
        await server.ask((connection) => connection.flushall());
        assert.equal(await ingest.position(), undefined);
        await ingest.setPosition({ epoch: 1, seq: 6, columns: [] });
        assert.deepEqual(await ingest.position(), { epoch: 1, seq: 6, columns: [] });
      }
    });

    it("says SERVICE_UNAVAILABLE within the time-out while a server is frozen, then at once, and recovers", async () => {
      last().freeze();
      await expectUnavailable(() => serving.read(KEYS), SERVING_MS + SLACK_MS);
      await expectUnavailable(() => serving.read(KEYS), AT_ONCE_MS);
      await expectUnavailable(() => ingest.position(), INGEST_MS + SLACK_MS);
      last().thaw();
      await eventually("read again", () => serving.read(KEYS), 15_000);
      await untilUsable(ingest);
    });

    it("serves what the other servers hold while one is frozen, and says what cannot be had", async () => {
      await ingest.write(IDS.map((id) => stateOf(id, "0")));
      await ingest.setPosition({ epoch: 1, seq: 6, columns: ["card:c:1"] });
      const own = new Set(await last().ask((connection) => connection.keys("*")));
      const isLasts = IDS.map((id) => own.has(`test:f:card:${id}`));
      assert.ok(isLasts.includes(true));
      last().freeze();
      if (redis.servers.length === 1) {
        await expectUnavailable(() => serving.readWithPosition(KEYS), SERVING_MS + SLACK_MS);
      } else {
        const { states, position, failure } = await serving.readWithPosition(KEYS);
        assert.deepEqual(
          states.map((state) => state?.toString() ?? null),
          isLasts.map((isIts) => (isIts ? null : "0")),
        );
        assert.deepEqual(position?.columns, ["card:c:1"]);
        assert.match(failure ?? "", /no answer within/);
      }
      last().thaw();
      await eventually(
        "read again",
        async () => (await serving.readWithPosition(KEYS)).failure === undefined,
        15_000,
      );
    });

    it("never lets a write that was given up come after a later one", async () => {
      last().freeze();
      for (const state of ["1", "2", "3"])
        await expectUnavailable(
          () => ingest.write(IDS.map((id) => stateOf(id, state))),
          INGEST_MS + SLACK_MS,
        );
      last().thaw();
      await eventually(
        "written",
        () => ingest.write(IDS.map((id) => stateOf(id, "4"))).then(() => true),
        15_000,
      );
      const read = await eventually("read", () => serving.read(KEYS), 15_000);
      assert.ok(read.every((state) => state?.toString() === "4"));
      await untilUsable(ingest); // its connection has answered all that was ever sent
      assert.deepEqual(await serving.read(KEYS), read);
    });

    it("sends nothing again that a lost connection left unanswered", async () => {
      await Promise.all(redis.servers.map((server) => server.ask((connection) => connection.flushall())));
      last().freeze();
      await expectUnavailable(() => ingest.write(IDS.map((id) => stateOf(id, "old"))), INGEST_MS + SLACK_MS);
      await last().kill();
      await redis.restore();
      await Promise.all([serving, ingest].map((store) => untilUsable(store, 20_000)));
      const own = await last().ask((connection) => connection.dbsize());
      assert.equal(own, 0);
    });

    it("says SERVICE_UNAVAILABLE at once while a server is gone, and recovers when it is back", async () => {
      await ingest.setPosition({ epoch: 1, seq: 7, columns: [] });
      await last().kill();
      await expectUnavailable(() => serving.read(KEYS), SERVING_MS + SLACK_MS);
      await expectUnavailable(() => ingest.write(IDS.map((id) => stateOf(id, "5"))), INGEST_MS + SLACK_MS);
      await expectUnavailable(() => ingest.position(), INGEST_MS + SLACK_MS);
      await redis.restore();
      await Promise.all([serving, ingest].map((store) => untilUsable(store, 20_000)));
      assert.equal(await ingest.position(), undefined); // it came back empty
      await ingest.write(IDS.map((id) => stateOf(id, "6")));
      assert.ok((await serving.read(KEYS)).every((state) => state?.toString() === "6"));
    });
  });
}

async function expectUnavailable(call: () => Promise<unknown>, withinMs: number): Promise<void> {
  const start = performance.now();
  await assert.rejects(call(), (error: unknown) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, "SERVICE_UNAVAILABLE");
    return true;
  });
  const tookMs = performance.now() - start;
  assert.ok(tookMs < withinMs, `took ${tookMs} ms`);
}

/**
 * What is particular to Redis behind the entity store: slots on the move, warnings, credentials, the health check.
 */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { pino } from "pino";
import type { Logger } from "../../engine/core/log.ts";
import { openRedisEntityStore } from "../../storage/entity-store-redis.ts";
import { isConnected, openRedis } from "../../storage/redis.ts";
import { slotOf } from "../../storage/redis-slots.ts";
import { stateOf, untilUsable } from "../conformance/entity-store-suite.ts";
import { eventually } from "../support/eventually.ts";
import { REDIS_MISSING, type RedisProcess, startTestRedis, startTestRedisCluster } from "../support/redis.ts";

const skip = REDIS_MISSING;
const silent = pino({ level: "silent" });

interface Recorded {
  readonly logger: Logger;
  readonly lines: string[];
}

function recordingLogger(): Recorded {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  return { logger: pino({ level: "debug" }, stream), lines };
}

test("slots are those of the server, for any key", { skip }, async () => {
  await using redis = await startTestRedisCluster();
  const keys = [
    "a",
    "",
    "{",
    "{}x",
    "x{}y{z}",
    "{a}b",
    "}{a}",
    "{{a}}",
    "ключ",
    "x{ключ}",
    "🗝 {🗝}",
    " ",
    "a:b:c",
  ];
  await redis.servers[0]?.ask(async (server) => {
    for (const key of keys) assert.equal(slotOf(key), await server.cluster("KEYSLOT", key), key);
  });
});

test("states and position are found and written while their slots move to another master", {
  skip,
}, async () => {
  await using redis = await startTestRedisCluster();
  const [a, b] = redis.servers;
  assert.ok(a !== undefined && b !== undefined);
  const open = () => openRedisEntityStore({ url: redis.url, prefix: "t", use: "ingest", logger: silent });
  const store = open();
  try {
    await untilUsable(store);
    const ids = Array.from({ length: 4_000 }, (_, index) => `id-${index}`).filter(
      (id) => slotOf(`t:f:card:${id}`) < 200,
    );
    assert.ok(ids.length > 10);
    const keys = ids.map((id) => ({ type: "card", id }));
    const read = async (): Promise<string[]> => (await store.read(keys)).map(String);
    await store.write(ids.map((id) => stateOf(id, "1")));
    await store.setPosition({ epoch: 1, seq: 1, columns: [] });

    const slots = [...new Set([0, ...ids.map((id) => slotOf(`t:f:card:${id}`))])];
    await beginMove(slots, a, b);
    assert.deepEqual(
      await read(),
      ids.map(() => "1"),
    );
    await moveKeys(slots, a, b); // the slots are still a's, which now answers ASK
    assert.deepEqual(
      await read(),
      ids.map(() => "1"),
    );
    assert.deepEqual(await store.position(), { epoch: 1, seq: 1, columns: [] });
    await store.write(ids.map((id) => stateOf(id, "2")));
    assert.deepEqual(
      await read(),
      ids.map(() => "2"),
    );

    await endMove(slots, a, b); // and now MOVED
    assert.deepEqual(
      await read(),
      ids.map(() => "2"),
    );
    assert.deepEqual(await store.position(), { epoch: 1, seq: 1, columns: [] });
    await store.write(ids.map((id) => stateOf(id, "3")));
    await store.setPosition({ epoch: 1, seq: 2, columns: [] });
    assert.deepEqual(
      await read(),
      ids.map(() => "3"),
    );

    const another = open();
    try {
      await untilUsable(another);
      assert.deepEqual(await another.position(), { epoch: 1, seq: 2, columns: [] });
      assert.deepEqual(
        (await another.read(keys)).map(String),
        ids.map(() => "3"),
      );
    } finally {
      await another.close();
    }
  } finally {
    await store.close();
  }
});

const idOf = (server: RedisProcess): Promise<string> => server.ask((redis) => redis.cluster("MYID"));

async function beginMove(slots: readonly number[], from: RedisProcess, to: RedisProcess): Promise<void> {
  const [fromId, toId] = [await idOf(from), await idOf(to)];
  await to.ask(async (redis) => {
    for (const slot of slots) await redis.call("CLUSTER", "SETSLOT", `${slot}`, "IMPORTING", fromId);
  });
  await from.ask(async (redis) => {
    for (const slot of slots) await redis.call("CLUSTER", "SETSLOT", `${slot}`, "MIGRATING", toId);
  });
}

async function moveKeys(slots: readonly number[], from: RedisProcess, to: RedisProcess): Promise<void> {
  await from.ask(async (redis) => {
    for (const slot of slots)
      for (const key of (await redis.call("CLUSTER", "GETKEYSINSLOT", `${slot}`, "1000")) as string[])
        await redis.call("MIGRATE", "127.0.0.1", `${to.port}`, key, "0", "5000");
  });
}

async function endMove(slots: readonly number[], from: RedisProcess, to: RedisProcess): Promise<void> {
  const id = await idOf(to);
  for (const server of [to, from])
    await server.ask(async (redis) => {
      for (const slot of slots) await redis.call("CLUSTER", "SETSLOT", `${slot}`, "NODE", id);
    });
}

test("a cluster is connected while every master is, and again after one comes back", { skip }, async () => {
  await using redis = await startTestRedisCluster();
  const [seed] = redis.servers;
  const connection = openRedis(`redis://127.0.0.1:${seed?.port}?cluster=true`, silent);
  try {
    await eventually("connected", () => isConnected(connection), 3_000);
    await redis.servers[2]?.kill();
    await eventually("not connected", () => !isConnected(connection), 10_000);
    await redis.restore();
    await eventually("connected again", () => isConnected(connection), 20_000);
  } finally {
    connection.disconnect();
  }
});

test("a server that may evict is warned of once, by the ingester's store only", { skip }, async () => {
  await using redis = await startTestRedis(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
  const { logger, lines } = recordingLogger();
  const warnings = (): string[] => lines.filter((line) => line.includes("may evict"));
  const serving = openRedisEntityStore({ url: redis.url, prefix: "t", use: "serving", logger });
  await untilUsable(serving);
  const ingest = openRedisEntityStore({ url: redis.url, prefix: "t", use: "ingest", logger });
  try {
    await eventually("warned", () => warnings().length > 0);
    assert.match(warnings()[0] ?? "", /"level":40.*allkeys-lru.*noeviction/);
    await redis.servers[0]?.kill();
    await redis.restore();
    await untilUsable(ingest);
    assert.equal(warnings().length, 1);
  } finally {
    await Promise.all([serving.close(), ingest.close()]);
  }
});

test("a password opens the server and is in no log line and no error", { skip }, async () => {
  await using redis = await startTestRedis();
  await redis.servers[0]?.ask(async (server) => {
    await server.call("ACL", "SETUSER", "me", "on", ">hunter2", "~*", "&*", "+@all");
    await server.call("ACL", "SETUSER", "default", "off");
  });
  const { logger, lines } = recordingLogger();
  const [right, wrong] = ["hunter2", "hunter3"].map((password) =>
    openRedisEntityStore({
      url: redis.url.replace("//", `//me:${password}@`),
      prefix: "t",
      use: "ingest",
      logger,
    }),
  );
  assert.ok(right !== undefined && wrong !== undefined);
  try {
    await untilUsable(right);
    await eventually("refused", () => lines.some((line) => line.includes("WRONGPASS")));
    await assert.rejects(
      wrong.position(),
      (error: Error) => !/hunter/.test(JSON.stringify([error, error.message])),
    );
    assert.ok(
      lines.every((line) => !line.includes("hunter")),
      lines.join(""),
    );
  } finally {
    await Promise.all([right.close(), wrong.close()]);
  }
});

/** REDIS_URL: one server, a cluster, and what is refused, without ever repeating a password. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfig } from "../../../../engine/core/config.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import { parseRedisUrl } from "../../../../engine/core/redis-url.ts";

const NODE = { host: "127.0.0.1", port: 6379 };

describe("REDIS_URL", () => {
  it("names one server", () => {
    const plain = {
      nodes: [NODE],
      isCluster: false,
      isTls: false,
      username: undefined,
      password: undefined,
      db: 0,
    };
    assert.deepEqual(parseRedisUrl("redis://127.0.0.1:6379"), plain);
    assert.deepEqual(parseRedisUrl("redis://127.0.0.1"), plain);
    assert.deepEqual(parseRedisUrl("redis://127.0.0.1/0?cluster=false"), plain);
    assert.deepEqual(parseRedisUrl("rediss://me:p%40ss:%2F@cache.example.com:7000/3"), {
      nodes: [{ host: "cache.example.com", port: 7000 }],
      isCluster: false,
      isTls: true,
      username: "me",
      password: "p@ss:/",
      db: 3,
    });
    assert.deepEqual(parseRedisUrl("redis://:secret@[::1]:7000").nodes, [{ host: "::1", port: 7000 }]);
    assert.equal(parseRedisUrl("redis://:secret@[::1]:7000").password, "secret");
    assert.equal(parseRedisUrl("redis://:secret@[::1]:7000").username, undefined);
  });

  it("names a cluster by several nodes, or by one that is said to be of a cluster", () => {
    const { nodes, isCluster, password } = parseRedisUrl("redis://:pw@a:7000,b,[::1]:7002");
    assert.deepEqual(nodes, [
      { host: "a", port: 7000 },
      { host: "b", port: 6379 },
      { host: "::1", port: 7002 },
    ]);
    assert.equal(isCluster, true);
    assert.equal(password, "pw");
    assert.equal(parseRedisUrl("redis://a:7000?cluster=true").isCluster, true);
    assert.equal(parseRedisUrl("redis://a:7000/?cluster=true").isCluster, true);
  });

  it("is refused with the reason when it is wrong", () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ["http://a:6379", /redis:\/\/host:6379/],
      ["a:6379", /redis:\/\/host:6379/],
      ["redis://", /host:port/],
      ["redis://:6379", /host:port/],
      ["redis://a:70000", /host:port/],
      ["redis://a:0", /host:port/],
      ["redis://a:7000,", /host:port/],
      ["redis://a:7000, b:7001", /host:port/],
      ["redis://::1:6379", /brackets/],
      ["redis://a:7000,redis://b:7001", /redis:\/\/host:6379/],
      ["redis://a:7000,b:7001/1", /database 0 only/],
      ["redis://a:7000/1?cluster=true", /database 0 only/],
      ["redis://a:7000/x", /number of a database/],
      ["redis://a:7000,b:7001?cluster=false", /several nodes/],
      ["redis://a:7000?cluster=yes", /true or false/],
      ["redis://a:7000?db=1", /only option is cluster/],
      ["redis://u:100%@a:7000", /%25/],
    ];
    for (const [url, says] of wrong) {
      assert.throws(() => parseRedisUrl(url), says, url);
      assert.throws(
        () => readConfig({ REDIS_URL: url }),
        (error: unknown) => error instanceof EngineError && says.test(error.message),
        url,
      );
    }
    assert.equal(readConfig({ REDIS_URL: "redis://a:7000,b:7001" }).redisUrl, "redis://a:7000,b:7001");
  });

  it("is never repeated in an error", () => {
    for (const url of [
      "redis://u:hunter2@a:x",
      "redis://u:hunter2@a/x",
      "redis://u:hunter2%@a",
      "x://u:hunter2@a",
    ])
      assert.throws(
        () => readConfig({ REDIS_URL: url }),
        (error: unknown) =>
          error instanceof EngineError && !JSON.stringify([error.message, error.details]).includes("hunter2"),
      );
  });
});

/**
 * The life of the embedded ClickHouse process: start, stop, kill, orphans, and what it says when it cannot start.
 */

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { CLICKHOUSE_EXIT, forkClickhouse } from "../../storage/clickhouse-config.ts";
import { PASSWORD, startTestClickhouse } from "../support/clickhouse.ts";
import { until } from "../support/until.ts";

describe("the life of the process", () => {
  test("data survive a stop and a kill, and SIGTERM ends with 0 after running queries", async () => {
    const first = await startTestClickhouse();
    await first.client.command({ query: "CREATE TABLE kept (a UInt32) ENGINE = MergeTree ORDER BY a" });
    await first.client.insert({ table: "kept", values: [{ a: 1 }], format: "JSONEachRow" });
    const running = first.client.query({
      query: "SELECT sum(sipHash64(number)) AS s FROM numbers(150000000)",
      format: "JSON",
    });
    await sleep(100);
    first.child.kill("SIGTERM");
    assert.equal((await (await running).json()).rows, 1);
    assert.equal(await first.stop(), CLICKHOUSE_EXIT.stopped);
    const second = await startTestClickhouse({ dataDir: first.dataDir });
    await second.client.insert({ table: "kept", values: [{ a: 2 }], format: "JSONEachRow" });
    await second.stop("SIGKILL");
    const third = await startTestClickhouse({ dataDir: first.dataDir });
    const rows = await third.client.query({ query: "SELECT a FROM kept ORDER BY a", format: "JSONEachRow" });
    assert.deepEqual(await rows.json(), [{ a: 1 }, { a: 2 }]);
    await third.remove();
  });

  test("the child ends when its parent is killed with -9", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "millrace-clickhouse-"));
    const parent = fork(
      fileURLToPath(new URL("../support/clickhouse-parent.js", import.meta.url)),
      [dataDir],
      {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      },
    );
    const [message] = (await once(parent, "message")) as [{ pid: number; url: string }];
    assert.ok(isAlive(message.pid));
    // also in the middle of a query that nobody will wait for
    const query = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1";
    const asked = fetch(message.url, {
      method: "POST",
      body: query,
      headers: { "x-clickhouse-user": "millrace", "x-clickhouse-key": PASSWORD },
    }).then(
      (response) => response.text(),
      () => "cut off",
    );
    await sleep(300);
    parent.kill("SIGKILL");
    await until(async () => !isAlive(message.pid));
    assert.notEqual(await asked, "");
    await rm(dataDir, { recursive: true, force: true });
  });

  test("what cannot start says so in one line and with its own exit code", async () => {
    const server = await startTestClickhouse();
    const exitOf = async (options: Parameters<typeof forkClickhouse>[0]) => {
      const child = forkClickhouse(options);
      const [code] = (await once(child, "exit")) as [number];
      return code;
    };
    const dataDir = await mkdtemp(join(tmpdir(), "millrace-clickhouse-"));
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    assert.equal(await exitOf({ dataDir, port, password: "x" }), CLICKHOUSE_EXIT.portTaken);
    other.close();
    assert.equal(
      await exitOf({ dataDir: server.dataDir, port: 0, password: "x" }),
      CLICKHOUSE_EXIT.dataDirLocked,
    );
    assert.equal(await exitOf({ dataDir, port: 0, password: "" }), CLICKHOUSE_EXIT.badConfig);
    await server.remove();
    await rm(dataDir, { recursive: true, force: true });
  });

  test("a data directory with pattern characters in its name loses no rows", async () => {
    const parent = await mkdtemp(join(tmpdir(), "millrace-clickhouse-"));
    const dataDir = join(parent, "odd {a,b} [1] ?");
    await mkdir(dataDir);
    const odd = await startTestClickhouse({ dataDir });
    await odd.client.command({ query: "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a" });
    await odd.client.insert({ table: "t", values: [{ a: 1 }], format: "JSONEachRow" });
    const rows = await odd.client.query({ query: "SELECT a FROM t", format: "JSONEachRow" });
    assert.deepEqual(await rows.json(), [{ a: 1 }]);
    await odd.remove();
    await rm(parent, { recursive: true, force: true });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * The embedded services on the real binaries: start, keep data, come back, leave no orphan, explain failures.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Redis } from "ioredis";
import { pino } from "pino";
import { EngineError } from "../../engine/core/errors.ts";
import type { EmbeddedService } from "../../engine/embedded/child.ts";
import { startClickHouse } from "../../engine/embedded/clickhouse.ts";
import { findNatsServer, startNatsServer } from "../../engine/embedded/nats-server.ts";
import { isAlive, markOf, type ProcessMark, readOwner } from "../../engine/embedded/owner-file.ts";
import { choosePort } from "../../engine/embedded/ports.ts";
import { startRedisServer } from "../../engine/embedded/redis-server.ts";
import { eventually } from "../support/eventually.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const logger = pino({ level: "silent" });
const STUB = fileURLToPath(new URL("../support/stub-clickhouse-child.js", import.meta.url));
const PARENT = fileURLToPath(new URL("../support/embedded-parent.js", import.meta.url));

async function publish(url: string, count: number): Promise<void> {
  await withJetStream(url, async (nc) => {
    const manager = await jetstreamManager(nc);
    await manager.streams.add({ name: "kept", subjects: ["kept.>"] });
    for (let i = 0; i < count; i++) await jetstream(nc).publish("kept.row", `${i}`);
  });
}

async function stored(url: string): Promise<number> {
  let messages = 0;
  await withJetStream(url, async (nc) => {
    messages = (await (await jetstreamManager(nc)).streams.info("kept")).state.messages;
  });
  return messages;
}

async function withJetStream(url: string, use: (nc: Awaited<ReturnType<typeof connect>>) => Promise<void>) {
  const nc = await connect({ servers: url, noAsyncTraces: true });
  try {
    await use(nc);
  } finally {
    await nc.close();
  }
}

async function kill9(service: EmbeddedService): Promise<void> {
  const pid = service.pid();
  assert.ok(pid !== undefined);
  process.kill(pid, "SIGKILL");
  await eventually(
    `${service.name} is back`,
    () => service.state === "ready" && service.pid() !== pid,
    15_000,
  );
}

function codeOf(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

test("nats-server keeps its streams over a stop and over kill -9, on the same port", async () => {
  await using folder = await createTempFolder();
  const first = await startNatsServer({ dataDir: folder.path, port: 0, logger });
  await publish(first.url, 10);
  await first.stop();
  assert.equal(first.state, "down");
  assert.equal(first.pid(), undefined);
  assert.equal(readOwner(join(folder.path, "nats", "millrace.pid")), undefined);

  const states: string[] = [];
  const second = await startNatsServer({
    dataDir: folder.path,
    port: 0,
    logger,
    onState: (state) => states.push(state),
  });
  try {
    assert.equal(await stored(second.url), 10);
    await kill9(second);
    assert.equal(await stored(second.url), 10);
    assert.deepEqual(states, ["ready", "down", "starting", "ready"]);
  } finally {
    await second.stop();
  }
});

test("a server whose guard is killed is replaced, not doubled", async () => {
  await using folder = await createTempFolder();
  const service = await startNatsServer({ dataDir: folder.path, port: 0, logger });
  try {
    const owner = readOwner(join(folder.path, "nats", "millrace.pid"));
    assert.ok(owner?.child !== undefined);
    process.kill(owner.guard.pid, "SIGKILL");
    const { child } = owner;
    await eventually("the old server is gone", () => !isAlive(child), 5_000);
    await eventually("back", () => service.state === "ready" && service.pid() !== child.pid, 15_000);
  } finally {
    await service.stop();
  }
});

test("redis-server keeps its keys over a stop and over kill -9", async () => {
  await using folder = await createTempFolder();
  const first = await startRedisServer({ dataDir: folder.path, port: 0, logger });
  assert.ok(first !== undefined);
  const redis = new Redis(first.url);
  await redis.set("kept", "1");
  redis.disconnect();
  await first.stop();

  const second = await startRedisServer({ dataDir: folder.path, port: 0, logger });
  assert.ok(second !== undefined);
  const again = new Redis(second.url);
  again.on("error", () => undefined);
  try {
    assert.equal(await again.get("kept"), "1");
    assert.deepEqual(await again.config("GET", "maxmemory-policy"), ["maxmemory-policy", "noeviction"]);
    await kill9(second);
    assert.equal(await eventually("reconnected", () => again.get("kept")), "1");
  } finally {
    again.disconnect();
    await second.stop();
  }
});

test("without redis-server on PATH nothing is started", async () => {
  await using folder = await createTempFolder();
  assert.equal(
    await startRedisServer({ dataDir: folder.path, port: 0, logger, env: { PATH: folder.path } }),
    undefined,
  );
});

test("the ClickHouse child keeps its password and data over kill -9 and a stop", async () => {
  await using folder = await createTempFolder();
  const options = { dataDir: folder.path, port: 0, logger, program: STUB };
  const first = await startClickHouse(options);
  const { username, password, origin } = new URL(first.url);
  const headers = { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
  assert.equal(username, "millrace");
  assert.equal((await fetch(origin)).status, 401);
  assert.equal(await (await fetch(origin, { method: "POST", headers })).text(), "row\n");
  assert.equal(statSync(join(folder.path, "clickhouse.password")).mode & 0o777, 0o600);
  await kill9(first);
  assert.equal(await (await fetch(origin, { headers })).text(), "row\n");
  await first.stop();

  const second = await startClickHouse(options);
  assert.equal(new URL(second.url).password, password);
  await second.stop();
});

test("kill -9 of the engine leaves no server behind, and the next engine starts at once", async () => {
  await using folder = await createTempFolder();
  const parent = spawn(process.execPath, [PARENT, folder.path], { stdio: ["ignore", "pipe", "inherit"] });
  const marks = await announcedPids(parent);
  assert.equal(marks.length, 3);
  const guards = ["nats", "redis"].map((name) => readOwner(join(folder.path, name, "millrace.pid"))?.guard);
  const all = [...marks, ...guards.filter((mark) => mark !== undefined)];
  assert.equal(all.length, 5);
  assert.ok(all.every(isAlive));

  parent.kill("SIGKILL");
  const next = startNatsServer({ dataDir: folder.path, port: 0, logger });
  await eventually("no orphan", () => !marks.some(isAlive), 3_000);
  await eventually("no guard", () => !all.some(isAlive), 3_000);
  await (await next).stop();
});

async function announcedPids(parent: ChildProcess): Promise<ProcessMark[]> {
  assert.ok(parent.stdout !== null);
  for await (const line of createInterface({ input: parent.stdout })) {
    return (JSON.parse(line) as number[]).map(markOf);
  }
  throw new Error("the parent ended without announcing its services");
}

test("a data directory has one engine", { concurrency: true, timeout: 30_000 }, async (t) => {
  const told = t.test("a second engine on the same data directory is told who holds it", async () => {
    await using folder = await createTempFolder();
    const holder = await startNatsServer({ dataDir: folder.path, port: 0, logger });
    try {
      await assert.rejects(
        startNatsServer({ dataDir: folder.path, port: 0, logger }),
        codeOf("CONFLICT", new RegExp(`in use by process ${holder.pid()} .*MILLRACE_DATA_DIR`)),
      );
      assert.equal(holder.state, "ready");
    } finally {
      await holder.stop();
    }
  });

  const race = t.test(
    "of two engines that start at once on one data directory exactly one wins",
    {
      timeout: 30_000,
    },
    async () => {
      await using folder = await createTempFolder();
      const starts = await Promise.allSettled(
        [1, 2].map(() => startNatsServer({ dataDir: folder.path, port: 0, logger })),
      );
      const won = starts.filter((start) => start.status === "fulfilled");
      await Promise.all(won.map((start) => start.value.stop()));
      assert.equal(won.length, 1);
    },
  );
  await Promise.all([told, race]);
});

test("a busy default port gives way to a free one; a busy asked port is an error naming its variable", async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
  const address = blocker.address();
  assert.ok(typeof address === "object" && address !== null);
  const preferred = address.port;
  try {
    const free = await choosePort({ preferred, variable: "MILLRACE_HTTP_PORT" });
    assert.notEqual(free, preferred);
    await assert.rejects(
      choosePort({ preferred: 8080, asked: preferred, variable: "MILLRACE_HTTP_PORT" }),
      codeOf("CONFLICT", /MILLRACE_HTTP_PORT/),
    );
    await using folder = await createTempFolder();
    await assert.rejects(
      startNatsServer({ dataDir: folder.path, port: preferred, logger }),
      codeOf("CONFLICT", new RegExp(`port ${preferred} .*MILLRACE_NATS_PORT`)),
    );
    const service = await startNatsServer({ dataDir: folder.path, preferredPort: preferred, logger });
    await service.stop();
    assert.notEqual(new URL(service.url).port, `${preferred}`);
  } finally {
    blocker.close();
  }
});

test("a missing or old nats-server is explained with the remedy", async () => {
  await using folder = await createTempFolder();
  await assert.rejects(
    findNatsServer({ MILLRACE_NATS_SERVER: join(folder.path, "nothing") }),
    codeOf("SERVICE_UNAVAILABLE", /MILLRACE_NATS_SERVER: .*not an executable file\. Do one of these/),
  );
  const old = join(folder.path, "nats-server");
  writeFileSync(old, "#!/bin/sh\necho nats-server: v2.9.10\n");
  chmodSync(old, 0o755);
  await assert.rejects(
    findNatsServer({ MILLRACE_NATS_SERVER: old }),
    codeOf("SERVICE_UNAVAILABLE", /2\.9\.10, too old: 2\.11 or newer/),
  );
  const found = await findNatsServer({ PATH: `${folder.path}:/usr/bin:/bin` });
  assert.notEqual(found, old);
});

test("a server that cannot start says so in its own last words", async () => {
  await using folder = await createTempFolder();
  const broken = join(folder.path, "broken");
  writeFileSync(
    broken,
    '#!/bin/sh\n[ "$1" = --version ] && echo v2.14.0 && exit 0\necho "no space left on this moon" >&2\nexit 3\n',
  );
  chmodSync(broken, 0o755);
  await assert.rejects(
    startNatsServer({ dataDir: folder.path, port: 0, logger, env: { MILLRACE_NATS_SERVER: broken } }),
    codeOf("SERVICE_UNAVAILABLE", /ended with code 3\. Its last output:\nno space left on this moon/),
  );
});

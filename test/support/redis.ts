/**
 * Real redis-server processes for tests, one or a cluster of three, that can be stopped, killed and started again on
 * their ports. They keep nothing on disk but the cluster's own file: a server that was killed comes back empty.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { eventually } from "./eventually.ts";
import { freePort } from "./fixed-ports.ts";
import { createTempFolder } from "./temp-folder.ts";

/** Why tests that need Redis are skipped, or false. */
export const REDIS_MISSING: string | false =
  spawnSync("redis-server", ["--version"]).status === 0 ? false : "redis-server is not on PATH";

/**
 * The slots of the three masters. The third holds none of the slots 0, 1024, 2048, ..., 15360, where positions are kept:
 * it needs one of its own.
 */
const SLOT_RANGES = [
  [0, 8191],
  [8192, 15_999],
  [16_000, 16_383],
] as const;

export class RedisProcess {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
    mkdirSync(folder, { recursive: true });
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  async start(): Promise<void> {
    const fixed = ["--port", `${this.port}`, "--bind", "127.0.0.1", "--dir", this.#folder, "--save", ""];
    const child = spawn("redis-server", [...fixed, ...this.#args], { stdio: "ignore" });
    this.#process = child;
    const killNow = (): void => void child.kill("SIGKILL");
    process.once("exit", killNow); // a test file that fails leaves no server behind
    child.once("exit", () => process.off("exit", killNow));
    await eventually(`redis-server on ${this.port}`, () => this.ask((redis) => redis.info("server")), 10_000);
  }

  /** What `question` answers over a connection of its own. */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.port, "127.0.0.1", { retryStrategy: () => null, lazyConnect: true });
    redis.on("error", () => undefined);
    try {
      await redis.connect();
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }

  /** SIGSTOP: connections stay, nothing is answered. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }
}

export interface TestRedis extends AsyncDisposable {
  /** As REDIS_URL. */
  readonly url: string;
  readonly servers: readonly RedisProcess[];
  /** Starts the servers that were killed, and returns when all answer. */
  restore(): Promise<void>;
}

export async function startTestRedis(args: readonly string[] = []): Promise<TestRedis> {
  const folder = await createTempFolder("millrace-redis-");
  const server = new RedisProcess(await freePort(), folder.path, args);
  await server.start();
  return {
    url: `redis://127.0.0.1:${server.port}`,
    servers: [server],
    restore: () => startMissing([server]),
    [Symbol.asyncDispose]: async () => {
      await server.kill();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export async function startTestRedisCluster(): Promise<TestRedis> {
  const folder = await createTempFolder("millrace-redis-cluster-");
  const servers: RedisProcess[] = [];
  for (const name of ["a", "b", "c"]) {
    const bus = ["--cluster-port", `${await freePort()}`, "--cluster-node-timeout", "2000"];
    const port = await freePort();
    servers.push(new RedisProcess(port, join(folder.path, name), ["--cluster-enabled", "yes", ...bus]));
  }
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.kill()));
    await folder[Symbol.asyncDispose]();
  };
  try {
    await Promise.all(servers.map((server) => server.start()));
    await joinCluster(servers);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis://${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    servers,
    restore: async () => {
      await startMissing(servers);
      await clusterIsOk(servers);
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function startMissing(servers: readonly RedisProcess[]): Promise<void> {
  await Promise.all(servers.filter((server) => !server.isRunning).map((server) => server.start()));
}

/** Gives each server its slots and makes them one cluster. */
async function joinCluster(servers: readonly RedisProcess[]): Promise<void> {
  const [first] = servers;
  const busPort = (await first?.ask((redis) => redis.config("GET", "cluster-port"))) as string[];
  for (const [index, server] of servers.entries()) {
    const [from = 0, to = 0] = SLOT_RANGES[index] ?? [];
    await server.ask(async (redis) => {
      await redis.call("CLUSTER", "ADDSLOTSRANGE", `${from}`, `${to}`);
      await redis.call("CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`);
      if (index > 0) await redis.call("CLUSTER", "MEET", "127.0.0.1", `${first?.port}`, busPort[1] ?? "");
    });
  }
  await clusterIsOk(servers);
}

async function clusterIsOk(servers: readonly RedisProcess[]): Promise<void> {
  for (const server of servers) {
    const isOk = async (): Promise<boolean> => {
      const info = await server.ask((redis) => redis.cluster("INFO"));
      return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info);
    };
    await eventually(`cluster on ${server.port}`, isOk, 20_000);
  }
}

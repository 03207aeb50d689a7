/**
 * The embedded ClickHouse for tests: a real child process on a free port and a directory of its own.
 *
 * Invariant: after stop() neither process nor directory is left.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import {
  type ClickhouseOptions,
  type ClickhouseReady,
  forkClickhouse,
} from "../../storage/clickhouse-config.ts";

export const PASSWORD = "correct horse";

export interface TestClickhouse {
  readonly url: string;
  readonly child: ChildProcess;
  readonly dataDir: string;
  /** A client of the user who may do all. */
  readonly client: ClickHouseClient;
  /** Stops the process and keeps the directory, unless it is gone already. Gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** stop(), then removes the directory. */
  remove(): Promise<void>;
}

export async function startTestClickhouse(options: Partial<ClickhouseOptions> = {}): Promise<TestClickhouse> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "millrace-clickhouse-")));
  const child = forkClickhouse({ port: 0, password: PASSWORD, ...options, dataDir });
  const port = await readyPort(child);
  const url = `http://127.0.0.1:${port}`;
  const client = createClient({
    url,
    username: "millrace",
    password: PASSWORD,
    request_timeout: 60_000,
    log: { level: ClickHouseLogLevel.OFF },
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    await client.close();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, "exit");
    }
    return child.exitCode;
  };
  return {
    url,
    child,
    dataDir,
    client,
    stop,
    async remove() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function readyPort(child: ChildProcess): Promise<number> {
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`the ClickHouse child ended with ${code} before it was ready`);
  });
  const ready = once(child, "message").then(([message]) => message as ClickhouseReady);
  gone.catch(() => undefined);
  return (await Promise.race([ready, gone])).port;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** A request of the analyst, or of the owner with `as: "owner"`. */
export async function ask(
  server: TestClickhouse,
  query: string,
  options: { as?: "owner"; search?: Record<string, string>; method?: "GET" | "POST" } = {},
): Promise<Answer> {
  const search = new URLSearchParams(options.search);
  const isGet = options.method === "GET";
  if (isGet) search.set("query", query);
  const response = await fetch(`${server.url}/?${search.toString()}`, {
    method: isGet ? "GET" : "POST",
    headers: options.as === "owner" ? { "x-clickhouse-user": "millrace", "x-clickhouse-key": PASSWORD } : {},
    ...(isGet ? {} : { body: query }),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

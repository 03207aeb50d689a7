/**
 * A whole engine for a test: the real program in its own process, with its embedded services, on free ports and a
 * data folder that goes when the fixture goes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ClickHouse, openClickHouse, selectRows } from "../../storage/clickhouse.ts";
import { eventually } from "./eventually.ts";
import { createTempFolder } from "./temp-folder.ts";

const CLI = fileURLToPath(new URL("../../engine/cli.js", import.meta.url));
const READY_MS = 60_000;
const STOP_MS = 40_000;

export interface TestEngineOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly sample?: boolean;
  readonly args?: readonly string[];
}

/** A started engine. The data folder and the ports stay the same over kill9 and restart. */
export class TestEngine implements AsyncDisposable {
  readonly dataDir: string;
  httpUrl = "";
  /** Host and port. */
  grpcAddress = "";
  natsUrl = "";
  clickhouseUrl = "";
  /** Everything it has printed on stderr: its log. */
  stderr = "";
  /** What it printed when it was ready. */
  banner = "";
  readonly #options: TestEngineOptions;
  readonly #release: () => Promise<void>;
  #process: ChildProcess | undefined;
  #clickhouse: ClickHouse | undefined;

  constructor(dataDir: string, options: TestEngineOptions, release: () => Promise<void>) {
    this.dataDir = dataDir;
    this.#options = options;
    this.#release = release;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("the engine is not running");
    return pid;
  }

  /** Starts it and waits until it prints that it is ready. */
  async start(): Promise<void> {
    const ports =
      this.httpUrl === ""
        ? ["0", "0", "0", "0"]
        : [this.httpUrl, this.natsUrl, this.clickhouseUrl, `http://${this.grpcAddress}`].map(
            (url) => new URL(url).port,
          );
    const env = {
      ...process.env,
      MILLRACE_LOG_LEVEL: "info",
      MILLRACE_DATA_DIR: this.dataDir,
      MILLRACE_HTTP_PORT: ports[0],
      MILLRACE_NATS_PORT: ports[1],
      MILLRACE_CLICKHOUSE_PORT: ports[2],
      MILLRACE_GRPC_PORT: ports[3],
      MILLRACE_REDIS_PORT: "0",
      MILLRACE_FEATURE_TIMEOUT_MS: "1000", // a busy machine is no Redis that is away
      ...this.#options.env,
    };
    const sample = this.#options.sample === false ? [] : ["--sample"];
    const child = spawn(
      process.execPath,
      ["--max-semi-space-size=64", CLI, "serve", ...sample, ...(this.#options.args ?? [])],
      {
        env,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.#process = child;
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-200_000);
    });
    await eventually(
      "the engine is ready or has ended",
      () => child.exitCode !== null || stdout.includes("Millrace is ready"),
      READY_MS,
    ).catch((error: unknown) => {
      throw new Error(`the engine does not get ready:\n${this.stderr.slice(-4000)}`, { cause: error });
    });
    if (child.exitCode !== null)
      throw new Error(`the engine ended with ${child.exitCode}:\n${this.stderr.slice(-4000)}`);
    this.banner = stdout;
    const found = /HTTP (\S+)\s+NATS (\S+)\s+ClickHouse (\S+)\s+gRPC (\S+)/.exec(stdout);
    [, this.httpUrl = "", this.natsUrl = "", this.clickhouseUrl = "", this.grpcAddress = ""] = found ?? [];
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Rows of a query, with the engine's own rights. */
  async sql<T = Record<string, unknown>>(query: string, params: Record<string, unknown> = {}): Promise<T[]> {
    return selectRows<T>(this.clickhouse(), query, params);
  }

  clickhouse(): ClickHouse {
    if (this.#clickhouse === undefined) {
      const file = join(this.dataDir, "clickhouse.password");
      const url = new URL(this.#options.env?.["CLICKHOUSE_URL"] ?? this.clickhouseUrl);
      if (existsSync(file)) {
        url.username = "millrace";
        url.password = readFileSync(file, "utf8").trim();
      }
      this.#clickhouse = openClickHouse(url.href);
    }
    return this.#clickhouse;
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const all = { "content-type": "application/json", ...headers };
    return fetch(new URL(path, this.httpUrl), { method: "POST", body: text, headers: all });
  }

  async get(path: string): Promise<Response> {
    return fetch(new URL(path, this.httpUrl));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clickhouse?.close();
    if (this.#process?.exitCode === null && this.#process.signalCode === null) await this.stop();
    await this.#release();
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    const code = await ended;
    clearTimeout(timer);
    return code;
  }
}

/** Starts an engine with its services in a new data folder; with the sample model unless told otherwise. */
export async function startTestEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const folder = await createTempFolder("millrace-engine-");
  const engine = new TestEngine(folder.path, options, async () => folder[Symbol.asyncDispose]());
  try {
    await engine.start();
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
  return engine;
}

/**
 * The load generator: wrk, a Debian package, as a process of its own (one thread, closed loop, keep-alive).
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 2xx or 3xx, and socket errors. */
  readonly errors: number;
  readonly requests: number;
}

export interface Load {
  readonly url: string;
  /** Several are sent in turn. */
  readonly body: string | readonly string[];
  readonly connections: number;
  readonly seconds: number;
}

/** @throws Error when wrk is not installed, with the way to install it. */
export function requireWrk(): void {
  if (spawnSync("wrk", ["--version"]).error === undefined) return;
  throw new Error("wrk is not on PATH: install it first (Debian: apt-get install wrk)");
}

/** Posts `body` over and over for some seconds. Bodies are one line each. */
export async function runLoad({ url, body, connections, seconds }: Load): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const script = join(folder, "post.lua");
  const bodies = join(folder, "bodies");
  writeFileSync(bodies, typeof body === "string" ? body : body.join("\n"));
  writeFileSync(script, typeof body === "string" ? oneBody(bodies) : bodiesInTurn(bodies));
  try {
    const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url];
    const { stdout } = await promisify(execFile)("wrk", args);
    return parse(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function oneBody(file: string): string {
  return `local file = io.open("${file}")
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
`;
}

/** Requests are made once, before the clock starts. */
function bodiesInTurn(file: string): string {
  return `local requests = {}
local at = 0
function init(args)
  for line in io.lines("${file}") do
    requests[#requests + 1] = wrk.format("POST", nil, nil, line)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
`;
}

function parse(output: string): LoadResult {
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? 0);
  const socketErrors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  return {
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: toMs(/50%\s+([\d.]+)(us|ms|s)/.exec(output)),
    p99Ms: toMs(/99%\s+([\d.]+)(us|ms|s)/.exec(output)),
    errors:
      number(/Non-2xx or 3xx responses: (\d+)/) + socketErrors.reduce((sum, count) => sum + Number(count), 0),
    requests: number(/(\d+) requests in/),
  };
}

function toMs(match: RegExpExecArray | null): number {
  const factor = { us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? "ms"] ?? 1;
  return Number(match?.[1] ?? 0) * factor;
}

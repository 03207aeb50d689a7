/**
 * Which loopback port an embedded service listens on.
 *
 * A port that the user asked for is a promise: when it is taken, the start fails and names the variable. A default
 * port is a preference: when it is taken, the kernel picks a free one. Port 0 asks for a free one outright.
 */
import { createServer } from "node:net";
import { EngineError } from "../core/errors.ts";

export type PortVariable =
  | "MILLRACE_NATS_PORT"
  | "MILLRACE_REDIS_PORT"
  | "MILLRACE_CLICKHOUSE_PORT"
  | "MILLRACE_HTTP_PORT"
  | "MILLRACE_GRPC_PORT";

export interface PortWish {
  /** Used when it is free and none was asked for. */
  readonly preferred: number;
  readonly asked?: number | undefined;
  /** The environment variable that asks, for the error message. */
  readonly variable: PortVariable;
  readonly host?: string;
}

const LOOPBACK = "127.0.0.1";
const PICKS_MAX = 20;
/** Ports that the kernel picked for this process: it may pick one again before its service listens, for another that starts beside it. */
const picked = new Set<number>();

/** @throws EngineError CONFLICT when the asked port is taken. */
export async function choosePort({ preferred, asked, variable, host = LOOPBACK }: PortWish): Promise<number> {
  const wanted = asked ?? preferred;
  const port = wanted === 0 ? await pickPort(host) : await tryPort(wanted, host);
  if (port !== undefined) return port;
  if (asked === undefined) {
    const free = await pickPort(host);
    if (free !== undefined) return free;
  }
  throw new EngineError(
    "CONFLICT",
    `port ${wanted} on ${host} cannot be used (taken, or not allowed to this user): ` +
      `set ${variable} to a free port, or unset it to let the engine choose`,
  );
}

/** A free port that this process was not given before. */
async function pickPort(host: string): Promise<number | undefined> {
  for (let pick = 0; pick < PICKS_MAX; pick++) {
    const port = await tryPort(0, host);
    if (port === undefined || !picked.has(port)) {
      if (port !== undefined) picked.add(port);
      return port;
    }
  }
  return undefined;
}

/** The port if it can be listened on, whichever it is for 0; undefined if not. */
function tryPort(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}

/**
 * Ports for an engine that is killed and started again at the same addresses.
 *
 * Below the range that the kernel gives to outgoing connections: while the engine is down, a client that tries to
 * connect must not be given the port itself, nor connect to itself.
 */
import { createServer } from "node:net";

const LOWEST = 15_000;
const HIGHEST = 31_000;

/** The environment of an engine on ports that are free now. */
export async function fixedPorts(): Promise<Record<string, string>> {
  return {
    MILLRACE_HTTP_PORT: String(await freePort()),
    MILLRACE_GRPC_PORT: String(await freePort()),
    MILLRACE_NATS_PORT: String(await freePort()),
    MILLRACE_CLICKHOUSE_PORT: String(await freePort()),
  };
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

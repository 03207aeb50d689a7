/**
 * Starts a foreign server behind a guard process, so that it dies with the engine.
 *
 * The guard gets its own process group: Ctrl-C in a terminal reaches the engine alone, which then stops its
 * servers in order, after it has drained.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { StartedChild } from "./child.ts";
import type { GuardMessage } from "./guard.ts";

const GUARD = fileURLToPath(new URL("./guard.js", import.meta.url));
/** A guard holds next to nothing: keep its heap small. */
const GUARD_FLAGS = ["--max-old-space-size=16", "--max-semi-space-size=1"];

export interface GuardedServer {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Pid file in the server's data folder. */
  readonly ownerFile: string;
  /** Settles when the server, of this pid, serves. */
  readonly ready: (signal: AbortSignal, pid: () => number | undefined) => Promise<void>;
}

export function startGuarded({ command, args, env, ownerFile, ready }: GuardedServer): StartedChild {
  let servicePid: number | undefined;
  let refusal: string | undefined;
  const guard = fork(GUARD, [ownerFile, command, ...args], {
    detached: true,
    execArgv: GUARD_FLAGS,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  guard.on("message", (message: GuardMessage) => {
    if (message.type === "started") servicePid = message.pid;
    else refusal = message.message;
  });
  return {
    process: guard,
    ready: (signal) => ready(signal, () => servicePid),
    servicePid: () => servicePid,
    refusal: () => refusal,
  };
}

/**
 * A process between the engine and a foreign server: `guard.js <owner file> <command> <arguments...>`.
 *
 * The server must not outlive the engine, not even one killed by kill -9, and foreign binaries do not watch
 * their parent. The guard does: its IPC channel to the engine closes when the engine is gone, however it went;
 * then it SIGKILLs the server and ends. It claims the data folder before the server starts, passes SIGTERM on,
 * and ends with the server's exit code. It keeps no state and answers no messages.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { messageOf } from "../core/errors.ts";
import { claimOwner, markOf, releaseOwner, updateOwner } from "./owner-file.ts";

/** What the guard tells the engine: the pid of the server, or why there is none. */
export type GuardMessage =
  | { readonly type: "started"; readonly pid: number }
  | { readonly type: "refused"; readonly message: string };

const KILLED_EXIT_WAIT_MS = 5_000;
const EXIT_REFUSED = 75;

function tell(message: GuardMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

function startServer(command: string, args: readonly string[]): ChildProcess {
  const server = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  server.once("error", (error) => {
    tell({ type: "refused", message: `${command} did not start: ${error.message}` });
    process.exitCode = EXIT_REFUSED;
    if (process.connected) process.disconnect();
  });
  return server;
}

/** Runs until the server has ended; every way out of the process leads through here or through an exit. */
async function guard(ownerFile: string, command: string, args: readonly string[]): Promise<void> {
  let server: ChildProcess | undefined;
  process.on("disconnect", () => {
    if (server === undefined) process.exit(EXIT_REFUSED);
    server.kill("SIGKILL");
    setTimeout(() => process.exit(EXIT_REFUSED), KILLED_EXIT_WAIT_MS).unref();
  });
  process.on("SIGTERM", () => {
    if (server === undefined) process.exit(EXIT_REFUSED);
    server.kill("SIGTERM");
  });
  // A terminal's Ctrl-C and hang-up are the engine's business: it stops its servers in order.
  process.on("SIGINT", () => undefined);
  process.on("SIGHUP", () => undefined);

  const me = markOf(process.pid);
  await claimOwner(ownerFile, { guard: me });
  if (!process.connected) {
    releaseOwner(ownerFile, process.pid);
    return;
  }
  server = startServer(command, args);
  const ended = new Promise<number>((resolve) => {
    server?.once("exit", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 143)));
    server?.once("error", () => resolve(EXIT_REFUSED));
  });
  if (server.pid !== undefined) {
    updateOwner(ownerFile, { guard: me, child: markOf(server.pid) });
    tell({ type: "started", pid: server.pid });
  }
  const code = await ended;
  releaseOwner(ownerFile, process.pid);
  process.exit(code);
}

const [ownerFile, command, ...args] = process.argv.slice(2);
if (ownerFile === undefined || command === undefined || !process.connected) {
  process.stderr.write("guard: started by the engine only\n");
  process.exitCode = EXIT_REFUSED;
} else {
  guard(ownerFile, command, args).catch((error: unknown) => {
    tell({ type: "refused", message: messageOf(error) });
    process.exitCode = EXIT_REFUSED;
    if (process.connected) process.disconnect();
  });
}

/**
 * A peer's server: a process group of its own, on a free port, with a temporary folder as its working directory. Stopping it asks its first
 * process, which ends the others; what is left of the group is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STOP_MS = 20_000;
const INTERRUPTS = ["SIGINT", "SIGTERM"] as const;

export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  /** The end of what it printed. */
  #output = "";
  /** The terminal's signals do not reach another process group. */
  readonly #interrupt = (): void => {
    if (this.#child.pid !== undefined) killGroup(this.#child.pid);
    process.exit(130);
  };

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.#child = child;
    this.#folder = folder;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-4_000);
      });
    for (const signal of INTERRUPTS) process.on(signal, this.#interrupt);
  }

  /** The server reads PORT from its environment. */
  static async start(
    [program, ...args]: readonly [string, ...string[]],
    env: Readonly<Record<string, string>>,
  ): Promise<ServerProcess> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "peer-")); // short: sockets lie in it
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env, PORT: String(port) },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    child.once("error", () => undefined); // seen as ended
    return new ServerProcess(child, folder, port);
  }

  /** What it printed, once it has ended. */
  get ended(): string | undefined {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) return undefined;
    return `its server ended with ${exitCode ?? signalCode}: ${this.#output.trim().split("\n").at(-1) ?? ""}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of INTERRUPTS) process.off(signal, this.#interrupt);
    const { pid } = this.#child;
    if (pid !== undefined) {
      if (this.ended === undefined) {
        const exit = once(this.#child, "exit");
        this.#child.kill("SIGTERM");
        const late = setTimeout(() => killGroup(pid), STOP_MS);
        await exit;
        clearTimeout(late);
      }
      killGroup(pid);
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // nothing is left of it
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("there is no free port");
  return address.port;
}

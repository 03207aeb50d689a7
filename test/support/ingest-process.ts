/** The ingester of ingest-child as a process that a test starts and kills. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("ingest-child.js", import.meta.url));

export class IngestProcess {
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  /** `args`: as ingest-child takes them. */
  constructor(args: readonly string[]) {
    this.#args = args;
  }

  async start(): Promise<void> {
    this.#child = fork(CHILD, this.#args, { execArgv: [] });
    await once(this.#child, "message");
  }

  /** Resolves when the next backfill begins. */
  async filling(): Promise<void> {
    if (this.#child !== undefined) await once(this.#child, "message");
  }

  async kill9(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }
}

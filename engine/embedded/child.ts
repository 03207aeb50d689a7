/**
 * Keeps one child process running: start, wait until it serves, start again when it dies, stop in the end.
 *
 *     starting ──ready──▶ ready ──died──▶ down ──back-off──▶ starting …      any ──stop()──▶ down, for good
 *
 * The first start either succeeds or throws with the child's last words; later ones are repeated for ever, with
 * a back-off of 100 ms doubling to 5 s. Bounds: readiness has a deadline, stop() a grace before SIGKILL, and of
 * the output the last 20 lines are kept.
 */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { collectLastWords, type LastWords } from "./last-words.ts";
import { killMarked, markOf, type ProcessMark } from "./owner-file.ts";

export type ChildState = "starting" | "ready" | "down";

/** A service that this engine started and stops. */
export interface EmbeddedService {
  readonly name: string;
  readonly url: string;
  readonly state: ChildState;
  /** The server's own pid (not its guard's); undefined while it is down. */
  pid(): number | undefined;
  stop(): Promise<void>;
}

/** One life of the child. */
export interface StartedChild {
  readonly process: ChildProcess;
  /** Settles when the child serves; rejects when `signal` aborts. */
  ready(signal: AbortSignal): Promise<void>;
  /** The process that does the work: the child itself, or the server behind a guard. */
  servicePid(): number | undefined;
  /** Why the child itself says that it will not run. */
  refusal(): string | undefined;
}

export interface ChildOptions {
  readonly name: string;
  readonly logger: Logger;
  /** Starts the process. Called again after each death: it must use the same port and folder every time. */
  readonly start: () => StartedChild;
  readonly readyTimeoutMs?: number;
  readonly stopGraceMs?: number;
  readonly onState?: ((state: ChildState) => void) | undefined;
}

export interface SupervisedChild {
  readonly state: ChildState;
  pid(): number | undefined;
  stop(): Promise<void>;
}

/** Long enough for a server that replays a large store; a child that exits fails at once, not after this. */
const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_LAST_MS = 5_000;
/** How long after a child's end its output may still be on the way. */
const OUTPUT_WAIT_MS = 1_000;
/** A child that served this long starts over with the shortest back-off. */
const STABLE_AFTER_MS = 10_000;

/**
 * Starts the child and returns once it serves.
 * @throws EngineError SERVICE_UNAVAILABLE, or CONFLICT when another engine holds its folder.
 */
export async function superviseChild(options: ChildOptions): Promise<SupervisedChild> {
  const supervisor = new Supervisor(options);
  await supervisor.begin();
  return supervisor;
}

interface Life {
  readonly child: StartedChild;
  readonly words: LastWords;
  /** Settles when the process has ended; never rejects. */
  readonly ended: Promise<string>;
}

class Supervisor implements SupervisedChild {
  readonly #options: ChildOptions;
  readonly #stopping = new AbortController();
  #state: ChildState = "starting";
  #life: Life | undefined;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  get state(): ChildState {
    return this.#state;
  }

  pid(): number | undefined {
    return this.#life?.child.servicePid();
  }

  async begin(): Promise<void> {
    await this.#live();
    this.#keeping = this.#keep();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#life !== undefined) await end(this.#life, this.#options.stopGraceMs ?? STOP_GRACE_MS);
    await this.#keeping;
    this.#enter("down");
  }

  async #keep(): Promise<void> {
    const { logger, name } = this.#options;
    let delayMs = BACKOFF_FIRST_MS;
    while (this.#life !== undefined) {
      const readyAtMs = performance.now();
      const how = await this.#life.ended;
      const words = this.#life.words.text();
      this.#forget();
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - readyAtMs > STABLE_AFTER_MS) delayMs = BACKOFF_FIRST_MS;
      logger.warn({ service: name, how, output: words }, "embedded service died");
      delayMs = await this.#revive(delayMs);
    }
  }

  /** Tries until the child serves again or stop() is called; returns the next delay. */
  async #revive(firstDelayMs: number): Promise<number> {
    const { logger, name } = this.#options;
    let delayMs = firstDelayMs;
    while (!this.#stopping.signal.aborted) {
      await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      delayMs = Math.min(delayMs * 2, BACKOFF_LAST_MS);
      if (this.#stopping.signal.aborted) break;
      try {
        await this.#live();
        logger.info({ service: name, servicePid: this.pid() }, "embedded service is back");
        break;
      } catch (error) {
        if (!this.#stopping.signal.aborted)
          logger.warn({ service: name, err: error }, "embedded service did not come back");
      }
    }
    return delayMs;
  }

  /** One start: the process and its readiness. On failure nothing of it is left running. */
  async #live(): Promise<void> {
    this.#enter("starting");
    const life = begin(this.#options);
    this.#life = life;
    const timeoutMs = this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS;
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, this.#stopping.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const how = await Promise.race([life.child.ready(signal).then(() => undefined), life.ended]);
      if (how !== undefined) throw new Error(how);
      this.#enter("ready");
    } catch (error) {
      await end(life, 0);
      this.#forget();
      throw this.#failure(life, error, timeoutMs);
    } finally {
      settled.abort();
    }
  }

  #failure(life: Life, error: unknown, timeoutMs: number): EngineError {
    const { name } = this.#options;
    const refusal = life.child.refusal();
    if (refusal !== undefined) return new EngineError("CONFLICT", `${name}: ${refusal}`, { cause: error });
    const timedOut = error instanceof Error && error.name === "TimeoutError";
    const why = timedOut ? `was not ready within ${timeoutMs / 1000} s` : messageOf(error);
    const words = life.words.text();
    const message = `${name} did not start: it ${why}${words === "" ? "" : `. Its last output:\n${words}`}`;
    return new EngineError("SERVICE_UNAVAILABLE", message, { cause: error });
  }

  #forget(): void {
    this.#life = undefined;
    this.#enter("down");
  }

  #enter(state: ChildState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }
}

function begin({ start, name, logger }: ChildOptions): Life {
  const child = start();
  const words = collectLastWords(child.process, (line) =>
    logger.debug({ service: name, line }, "service output"),
  );
  let service: ProcessMark | undefined;
  child.process.on("message", () => {
    const pid = child.servicePid();
    if (pid !== undefined) service ??= markOf(pid);
  });
  const ended = new Promise<string>((resolve) => {
    child.process.once("error", (error) => resolve(`could not be started: ${error.message}`));
    child.process.once("close", (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `was killed by ${signal}`),
    );
    // A guard that was itself killed leaves its server behind, and "close" waits for the server's output.
    child.process.once("exit", () => {
      if (service !== undefined) killMarked(service);
      setTimeout(() => resolve("was killed"), OUTPUT_WAIT_MS).unref();
    });
  });
  return { child, words, ended };
}

async function end(life: Life, graceMs: number): Promise<void> {
  const { process: child } = life.child;
  if (graceMs > 0) {
    child.kill("SIGTERM");
    const timer = new AbortController();
    const late = sleep(graceMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([life.ended, late]);
    timer.abort();
  }
  // Once its server is dead a guard ends by itself; a closed channel tells it to kill the server.
  if (child.connected) child.disconnect();
  const patience = setTimeout(() => child.kill("SIGKILL"), graceMs > 0 ? 1_000 : 2_000);
  await life.ended;
  clearTimeout(patience);
}

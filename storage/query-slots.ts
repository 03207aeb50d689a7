/**
 * A bounded number of queries at once, and a bounded line of those that wait.
 *
 * The engine's own queries and the analysts' have one of these each, so that neither starves the other.
 * Over both bounds a query is refused with 202 TOO_MANY_SIMULTANEOUS_QUERIES, which clients may retry.
 */
import { ClickhouseError } from "./clickhouse-error.ts";

export interface QuerySlotsOptions {
  /** Queries that run at once. */
  readonly runningMax: number;
  /** Queries that wait for a slot. */
  readonly waitingMax: number;
}

export class QuerySlots {
  readonly #options: QuerySlotsOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: QuerySlotsOptions) {
    this.#options = options;
  }

  /** Runs `task` in a slot, in order of arrival. @throws ClickhouseError 202 when the line is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    const { runningMax, waitingMax } = this.#options;
    if (this.#running < runningMax) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= waitingMax) {
      throw new ClickhouseError(
        202,
        `Too many simultaneous queries: ${this.#running} run and ${this.#waiting.length} wait. Try again later`,
      );
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve)); // the leaver hands its slot over
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

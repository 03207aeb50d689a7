/**
 * Calls to Redis under a deadline, on connections that answer in order.
 *
 * A connection that owes an answer past its deadline is not asked again before it has answered or is replaced: later calls
 * fail at once instead of waiting behind it, what is sent and unanswered stays bounded, and a write that was given up
 * can never come after a later one.
 */
import type { Redis } from "ioredis";
import { EngineError, messageOf } from "../engine/core/errors.ts";

export class RedisCalls {
  readonly #timeoutMs: number;
  /** How many answers a connection owes past their deadline. */
  readonly #owed = new WeakMap<Redis, number>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * What `send` answers over `connection`.
   * @throws EngineError SERVICE_UNAVAILABLE: no connection, no answer in time, or an error for an answer.
   */
  async call<T>(connection: Redis, send: (connection: Redis) => Promise<T>): Promise<T> {
    if (connection.status !== "ready") throw redisUnavailable("there is no connection");
    if ((this.#owed.get(connection) ?? 0) > 0) throw redisUnavailable("it still owes an earlier answer");
    const answer = send(connection);
    return new Promise((resolve, reject) => {
      let isLate = false;
      const giveUp = setTimeout(() => {
        // After the poll for input: if this thread was busy, the answer may have been here in time.
        immediate = setImmediate(() => {
          isLate = true;
          this.#owe(connection, 1);
          reject(redisUnavailable(`no answer within ${this.#timeoutMs} ms`));
        });
      }, this.#timeoutMs);
      let immediate: NodeJS.Immediate | undefined;
      const settle = (): void => {
        clearTimeout(giveUp);
        clearImmediate(immediate);
        if (isLate) this.#owe(connection, -1);
      };
      answer.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error instanceof EngineError ? error : redisUnavailable(messageOf(error)));
        },
      );
    });
  }

  #owe(connection: Redis, change: number): void {
    this.#owed.set(connection, (this.#owed.get(connection) ?? 0) + change);
  }
}

/** The error for everything that Redis cannot do now; without a cause, which would carry keys and values into logs. */
export function redisUnavailable(why: string): EngineError {
  return new EngineError("SERVICE_UNAVAILABLE", `Redis cannot be used: ${why}`);
}

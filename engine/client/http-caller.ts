/**
 * Requests of the client, sent again while that makes sense and their deadline has not passed.
 *
 *     request → http-connections → outcome → retry-wait ─┬─ wait, again
 *                                                        └─ the last outcome, whatever it is
 *
 * Bounds: the deadline over all tries, and `retriesMax`.
 */
import { setTimeout as delay } from "node:timers/promises";
import { HttpConnections, type HttpOutcome } from "./http-connections.ts";
import { type Effect, retryWaitMs } from "./retry-wait.ts";

export interface CallOptions {
  /** Deadline over all tries; the client's unless given. */
  readonly timeoutMs?: number | undefined;
  /** Gives the call up, which then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export type Query = Readonly<Record<string, unknown>>;

export interface Content {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface CallRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly query?: Query;
  /** Written anew for each try, as what is left of the deadline is told to the engine. */
  readonly contentOf?: (leftMs: number) => Content;
  readonly effect: Effect;
}

export interface HttpCallerOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly retriesMax: number;
  readonly headers: Readonly<Record<string, string>>;
}

export class HttpCaller {
  readonly #options: HttpCallerOptions;
  readonly #connections: HttpConnections;

  constructor(options: HttpCallerOptions) {
    this.#options = options;
    this.#connections = new HttpConnections(options.url);
  }

  /** What became of the last try. Rejects with the reason of `signal` alone. */
  async call(call: CallRequest, { timeoutMs, signal }: CallOptions): Promise<HttpOutcome> {
    const { retriesMax, headers } = this.#options;
    const { method, contentOf, effect } = call;
    const path = call.path + queryText(call.query);
    const deadlineMs = performance.now() + (timeoutMs ?? this.#options.timeoutMs);
    let leftMs = deadlineMs - performance.now();
    for (let tries = 1; ; tries++) {
      const content = contentOf?.(leftMs);
      const request = { method, path, headers: { ...headers, ...content?.headers }, body: content?.body };
      const outcome = await this.#connections.send(request, leftMs, signal);
      const waitMs = retryWaitMs(outcome, effect, tries, Math.random());
      leftMs = deadlineMs - performance.now() - (waitMs ?? 0);
      if (waitMs === undefined || tries > retriesMax || leftMs <= 0) return outcome;
      await waitFor(waitMs, signal);
    }
  }

  close(): void {
    this.#connections.close();
  }
}

/** Rejects with the reason of `signal`. */
export async function waitFor(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(waitMs, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}

function queryText(query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  if (given.length === 0) return "";
  return `?${new URLSearchParams(Object.fromEntries(given) as Record<string, string>).toString()}`;
}

/**
 * When a request may be sent again, and how long to wait before: no earlier than the engine says, and not all callers at once.
 *
 *     429                       refused before anything was done        any request
 *     no connection             nobody got it                           any request
 *     503                       may have been carried out               requests that may be repeated
 *     connection lost           may have been carried out               requests that only read
 *     504, everything else      never; nor anything else of probes
 *
 * Of 429 and 503 only with a Retry-After: whoever sends none does not say that later will do.
 */
const FIRST_MS = 50;
const LAST_MS = 2_000;
/** Share by which waits are drawn out at random. */
const JITTER = 0.25;

/** What became of a try, as far as it matters here. */
export type Tried =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: { readonly "retry-after"?: string | undefined };
    }
  | { readonly kind: "unsent" | "lost" | "late" };

/**
 * `probes`: asks how it is now, once; `reads`: changes nothing; `repeats`: sent twice it does no harm; `changes`: sent twice it may
 * be done twice.
 */
export type Effect = "probes" | "reads" | "repeats" | "changes";

/**
 * Milliseconds to wait before the request is sent again; undefined: not at all.
 * @param tries how often it was sent.
 * @param random 0 to 1.
 */
export function retryWaitMs(
  outcome: Tried,
  effect: Effect,
  tries: number,
  random: number,
): number | undefined {
  if (effect === "probes") return undefined;
  const drawn = 1 + JITTER * random;
  switch (outcome.kind) {
    case "late":
      return undefined;
    case "unsent":
      return backOffMs(tries) * drawn;
    case "lost":
      return effect === "reads" ? backOffMs(tries) * drawn : undefined;
    case "answered": {
      const isRefused = outcome.status === 429 || (outcome.status === 503 && effect !== "changes");
      const afterMs = isRefused ? retryAfterMs(outcome.headers["retry-after"], Date.now()) : undefined;
      // "Retry-After: 0" of a proxy must not become a loop without a pause
      return afterMs === undefined ? undefined : Math.max(afterMs, backOffMs(tries)) * drawn;
    }
  }
}

/** FIRST_MS after the first try, twice as much after each further one. */
export function backOffMs(tries: number): number {
  return Math.min(FIRST_MS * 2 ** (tries - 1), LAST_MS);
}

/** Milliseconds of a Retry-After header: seconds, or a date; undefined when there is none that can be read. */
export function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}

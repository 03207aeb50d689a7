/**
 * Waits for a condition under a deadline: tests never sleep for a fixed time and hope.
 */
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 10;

/**
 * Repeats `probe` until it returns something other than undefined or false, and returns that. An error that
 * `probe` throws counts as "not yet" and becomes the cause when the deadline passes.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = 5_000,
): Promise<Exclude<Awaited<T>, undefined | false>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value as Exclude<Awaited<T>, undefined | false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause });
    await sleep(POLL_MS);
  }
}

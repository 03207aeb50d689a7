/**
 * The control plane's clock for retraining: one round after another, a pause between.
 *
 * A round that is late, after a stop of days too, does what has become due once. Bound: one round at a time.
 */
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";

export interface SchedulerOptions {
  readonly triggers: { round(nowMs: number): Promise<void> };
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly pauseMs: number;
  readonly logger: Logger;
}

/** Runs rounds until it is stopped, the first at once; stopping waits for the one under way. */
export function startRetrainScheduler(options: SchedulerOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const running = run(options, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function run(
  { triggers, clock, pauseMs, logger }: SchedulerOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await triggers.round(clock());
    } catch (error) {
      logger.warn({ err: messageOf(error) }, "a round of retraining failed, trying again");
    }
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * How the storage on NATS meets failures: work that may be repeated is repeated while a server restarts, and what
 * does not succeed within the deadline becomes SERVICE_UNAVAILABLE with its cause. Errors that say something about
 * the request itself, ours or JetStream's, are never repeated.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { JetStreamApiError } from "@nats-io/jetstream";
import { ClosedConnectionError, DrainingConnectionError } from "@nats-io/transport-node";
import { EngineError, messageOf } from "../engine/core/errors.ts";

const DEADLINE_MS = 15_000;
const DELAY_FIRST_MS = 50;
const DELAY_LAST_MS = 1_000;
const WRONG_LAST_SEQUENCE: readonly number[] = [10071, 10164];

/**
 * Runs `work`, again after failures that pass, until the deadline. `work` must be safe to repeat after an attempt
 * of which nobody knows whether it took effect, and each attempt must be bounded by itself.
 * @throws EngineError of `work`, or SERVICE_UNAVAILABLE.
 */
export async function insist<T>(
  action: string,
  work: () => Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (let delayMs = DELAY_FIRST_MS; ; delayMs = Math.min(delayMs * 2, DELAY_LAST_MS)) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof EngineError && error.code !== "SERVICE_UNAVAILABLE") throw error;
      if (!mayPass(error) || performance.now() + delayMs >= deadline) throw unavailable(action, error);
    }
    await sleep(delayMs);
  }
}

/** Whether a compare-and-set failed because somebody else was first. */
export function isRevisionConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.includes(error.code);
}

function mayPass(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.status >= 500;
  return !(error instanceof ClosedConnectionError || error instanceof DrainingConnectionError);
}

function unavailable(action: string, error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return new EngineError("SERVICE_UNAVAILABLE", `NATS could not ${action}: ${messageOf(error)}`, {
    cause: error,
  });
}

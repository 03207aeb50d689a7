/**
 * Changes by compare-and-set: read, change, write if nobody was faster, else again.
 *
 * Bound: ATTEMPTS_MAX races for one change, with a short random pause between, each attempt by insist().
 */
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../engine/core/errors.ts";
import { insist, isRevisionConflict } from "./nats-failure.ts";

const ATTEMPTS_MAX = 200;
const PAUSE_MS = 20;

/**
 * Runs `attempt` until nobody was faster. It must be safe to repeat after one of which nobody knows whether it took effect.
 * @param action what it does, for messages: "change a model's aliases".
 * @throws EngineError of `attempt`, or SERVICE_UNAVAILABLE.
 */
export async function compareAndSet<T>(action: string, attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; count <= ATTEMPTS_MAX; count++) {
    const done = await insist(action, async () => {
      try {
        return { result: await attempt() };
      } catch (error) {
        if (isRevisionConflict(error)) return undefined;
        throw error;
      }
    });
    if (done !== undefined) return done.result;
    await sleep(Math.random() * PAUSE_MS);
  }
  throw new EngineError("SERVICE_UNAVAILABLE", `could not ${action}: too many changes at once, try again`);
}

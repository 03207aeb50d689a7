// hot path
/**
 * Publishing with an acknowledgement, tried again under the same message id until it comes or the time is up.
 *
 * The stream drops a repeat by its id, so a lost acknowledgement does no harm. Refusals that no retry can mend in
 * time (the stream is full) end at once.
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import { EngineError, messageOf } from "../engine/core/errors.ts";

const ATTEMPT_TIMEOUT_MS = 2_000;
const RETRY_DELAY_MS = 50;

export interface PublishOptions {
  /** Total time for all attempts, ms. */
  readonly timeoutMs: number;
  readonly headers?: MsgHdrs;
}

/** @throws EngineError SERVICE_UNAVAILABLE when no acknowledgement came in time or the stream refused. */
export async function publishOnce(
  jetstream: JetStreamClient,
  subject: string,
  id: string,
  payload: Uint8Array,
  options: PublishOptions,
): Promise<void> {
  const giveUpMs = performance.now() + options.timeoutMs;
  const extra = options.headers === undefined ? {} : { headers: options.headers };
  for (;;) {
    try {
      await jetstream.publish(subject, payload, {
        msgID: id,
        timeout: Math.min(ATTEMPT_TIMEOUT_MS, options.timeoutMs),
        ...extra,
      });
      return;
    } catch (error) {
      if (performance.now() + RETRY_DELAY_MS >= giveUpMs || isFinal(error)) {
        throw new EngineError(
          "SERVICE_UNAVAILABLE",
          `the stream did not take the message: ${messageOf(error)}`,
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    }
  }
}

/** Stream full (10077 maximum bytes, 10054 too large) or larger than the server takes. */
function isFinal(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 10077 || code === 10054 || messageOf(error).toLowerCase().includes("max_payload");
}

/**
 * What becomes of a notification: when it is tried again, and when it is given up.
 *
 *     due ──claimed: attempts + 1──▶ under way ──delivered──▶ settled
 *      ▲                                │  └── refused for good, or no attempt is left ──▶ settled: undelivered
 *      └── pause: exponential, jittered ┘
 *
 * An attempt is written down before it begins, so that attempts are bounded over any number of crashes too, and two who work
 * on the same notification do not both send it. One whose sender died is due again after CLAIM_EXTRA_MS beyond its time-out.
 * Notifications of a group go out in order for each channel.
 */
import { type AlertGroup, type Delivery, withDelivery } from "./alert-group.ts";
import type { Notification } from "./alert-json.ts";
import type { ChannelName } from "./alert-rule.ts";

export type SendResult =
  | { readonly isDelivered: true; readonly detail: string }
  | {
      readonly isDelivered: false;
      /** Without secrets: it goes into the history. */
      readonly detail: string;
      /** Whether another attempt cannot help. */
      readonly isFinal: boolean;
      /** What the receiver asks for, ms. */
      readonly retryAfterMs?: number;
    };

export interface Channel {
  readonly name: ChannelName;
  /** Never throws; ends within the time-out it was made with. */
  send(notification: Notification): Promise<SendResult>;
}

export interface RetryLimits {
  readonly attemptsMax: number;
  readonly timeoutMs: number;
  /** Pause after the first failure, ms; three times as long after each further one. */
  readonly pauseMs: number;
}

export const PAUSE_MS = 1_000;
const PAUSE_FACTOR = 3;
const PAUSE_LAST_MS = 600_000;
const CLAIM_EXTRA_MS = 2_000;

/** The notifications that may be tried now: the oldest of each channel, if its pause is over. */
export function dueDeliveries({ deliveries }: AlertGroup, nowMs: number): Delivery[] {
  return oldestPerChannel(deliveries).filter(({ nextMs }) => nextMs <= nowMs);
}

/** When the next notification is due, or Infinity. */
export function nextDueMs({ deliveries }: AlertGroup): number {
  return Math.min(...oldestPerChannel(deliveries).map(({ nextMs }) => nextMs), Infinity);
}

function oldestPerChannel(deliveries: readonly Delivery[]): Delivery[] {
  return deliveries.filter(
    (one, index) => deliveries.findIndex(({ channel }) => channel === one.channel) === index,
  );
}

/** The group with one more attempt begun; the group itself when that attempt is somebody else's. */
export function claim(group: AlertGroup, delivery: Delivery, nowMs: number, limits: RetryLimits): AlertGroup {
  const found = dueDeliveries(group, nowMs).find(
    ({ id, channel, attempts }) =>
      id === delivery.id && channel === delivery.channel && attempts === delivery.attempts,
  );
  if (found === undefined) return group;
  const nextMs = nowMs + limits.timeoutMs + CLAIM_EXTRA_MS;
  return withDelivery(group, { ...delivery, attempts: delivery.attempts + 1, nextMs });
}

/**
 * The pause before the next attempt, ms, or undefined when there is none left.
 * @param random in [0, 1): spreads what failed together over half to one and a half of the pause.
 */
export function pauseAfter(
  attempts: number,
  retryAfterMs: number,
  { attemptsMax, pauseMs }: RetryLimits,
  random: number,
): number | undefined {
  if (attempts >= attemptsMax) return undefined;
  const pause = Math.min(pauseMs * PAUSE_FACTOR ** (attempts - 1), PAUSE_LAST_MS);
  return Math.round(Math.max(pause * (0.5 + random), Math.min(retryAfterMs, PAUSE_LAST_MS)));
}

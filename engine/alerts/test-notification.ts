/**
 * A made-up alert that tries the channels: what people see of it, and what became of it.
 */
import { randomUUID } from "node:crypto";
import type { Alert } from "./alert.ts";
import type { Channel } from "./alert-delivery.ts";
import type { Notification } from "./alert-json.ts";
import type { ChannelName } from "./alert-rule.ts";

export interface TestedChannel {
  readonly channel: ChannelName;
  readonly is_delivered: boolean;
  readonly detail: string;
  readonly duration_ms: number;
}

/** Sends one notification through each channel, once. Bound: the channels' time-outs. */
export async function testChannels(channels: readonly Channel[], nowMs: number): Promise<TestedChannel[]> {
  const notification = testNotification(nowMs);
  return Promise.all(
    channels.map(async (channel) => {
      const startedMs = performance.now();
      const { isDelivered, detail } = await channel.send(notification);
      const duration_ms = Math.round(performance.now() - startedMs);
      return { channel: channel.name, is_delivered: isDelivered, detail, duration_ms };
    }),
  );
}

function testNotification(nowMs: number): Notification {
  const id = randomUUID();
  const alert: Alert = {
    id,
    rule: "test",
    description: "a test of the channels: nothing is wrong",
    state: "raised",
    severity: "info",
    metric: "volume.rows",
    op: ">=",
    threshold: 0,
    group: {},
    model: "test",
    version: "0.0.0",
    variant: "",
    value: 0,
    windowStart: nowMs - 60_000,
    windowEnd: nowMs,
    about: "",
    columns: [],
    firstWindowStart: nowMs - 60_000,
    raisedMs: nowMs,
    changedMs: nowMs,
    by: "",
    silence: "",
    channels: [],
  };
  return { id: `${id}.test`, change: "test", atMs: nowMs, alert };
}

/**
 * Alerts as events on NATS: `<prefix>.events.alert_raised`, `alert_escalated`, `alert_acknowledged` and `alert_resolved`.
 *
 * The stream drops an event that comes again, by the notification's id.
 */
import type { Publisher } from "../../streams/publisher.ts";
import type { Topology } from "../../streams/topology.ts";
import { messageOf } from "../core/errors.ts";
import type { Channel } from "./alert-delivery.ts";
import { notificationJson } from "./alert-json.ts";

export interface EventOptions {
  readonly publisher: Pick<Publisher, "publish">;
  readonly topology: Pick<Topology, "eventsSubject">;
  readonly timeoutMs: number;
}

export function createEventChannel({ publisher, topology, timeoutMs }: EventOptions): Channel {
  return {
    name: "nats",
    send: async (notification) => {
      const subject = topology.eventsSubject(`alert_${notification.change}`);
      const payload = JSON.stringify(notificationJson(notification));
      try {
        await publisher.publish({ subject, id: notification.id, payload }, { timeoutMs });
        return { isDelivered: true, detail: subject };
      } catch (error) {
        return { isDelivered: false, isFinal: false, detail: messageOf(error).slice(0, 200) };
      }
    },
  };
}

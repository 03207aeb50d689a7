/**
 * The order to fill the online store anew, from a data plane to whoever ingests, over NATS request and reply.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import type { Topology } from "./topology.ts";

const TIMEOUT_MS = 3_000;

function subjectOf({ prefix }: Topology): string {
  return `${prefix}.control.materialize`;
}

/** Calls `onOrder` with the number of each order. @returns what ends that. */
export function serveMaterialize(
  nats: NatsConnection,
  topology: Topology,
  onOrder: (order: number) => void,
): () => void {
  const subscription = nats.subscribe(subjectOf(topology), {
    callback: (error, message) => {
      if (error !== null) return;
      const order = Number(message.string());
      if (!Number.isSafeInteger(order)) return;
      onOrder(order);
      message.respond();
    },
  });
  return () => subscription.unsubscribe();
}

/**
 * Gives the order.
 * @returns its number, by which the status of the ingester tells how far it is.
 * @throws EngineError SERVICE_UNAVAILABLE when nobody ingests.
 */
export async function orderMaterialize(nats: NatsConnection, topology: Topology): Promise<number> {
  const order = Date.now();
  try {
    await nats.request(subjectOf(topology), String(order), { timeout: TIMEOUT_MS });
    return order;
  } catch (error) {
    throw new EngineError("SERVICE_UNAVAILABLE", `no ingester took the order: ${messageOf(error)}`);
  }
}

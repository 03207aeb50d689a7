/**
 * What arrived: waits until an engine's streams and its log are drained, and counts rows against what clients saw.
 */
import { setTimeout as delay } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { REQUEST_CONSUMER } from "../../streams/request-consumer.ts";
import type { SinkStatus } from "../../streams/status.ts";
import type { TestEngine } from "./engine.ts";
import { eventually } from "./eventually.ts";

/** Longer than an unacknowledged request waits to be delivered again. */
const DRAINED_MS = 90_000;
const POLL_MS = 100;

/**
 * Waits until every durable request is settled and the sink has passed the last block of the log.
 * @returns what the sink says of itself then.
 */
export async function untilDrained(engine: TestEngine): Promise<SinkStatus> {
  const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  try {
    const manager = await jetstreamManager(nats);
    await eventually(
      "every durable request is settled",
      async () => {
        const info = await manager.consumers.info("MILLRACE_REQUESTS", REQUEST_CONSUMER);
        if (info.num_pending + info.num_ack_pending > 0) await delay(POLL_MS);
        return info.num_pending + info.num_ack_pending === 0;
      },
      DRAINED_MS,
    );
    const { state } = await manager.streams.info("MILLRACE_LOG");
    let latest: (SinkStatus & { readonly seq: number }) | undefined;
    nats.subscribe("millrace.status.sink", {
      callback: (_, message) => {
        latest = message.json();
      },
    });
    return await eventually(
      "the log is drained",
      () => latest !== undefined && latest.seq >= state.last_seq && latest,
      DRAINED_MS,
    );
  } finally {
    await nats.close();
  }
}

/** Texts that stand in a results stream: the request ids of all predictions in it. */
export async function publishedRequestIds(engine: TestEngine): Promise<Set<string>> {
  const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  try {
    const manager = await jetstreamManager(nats);
    const { state } = await manager.streams.info("MILLRACE_PREDICTIONS");
    const ids = new Set<string>();
    if (state.messages === 0) return ids;
    const consumer = await jetstream(nats).consumers.get("MILLRACE_PREDICTIONS");
    for await (const message of await consumer.consume({ max_messages: 5_000 })) {
      ids.add(message.json<{ request_id: string }>().request_id);
      if (message.seq >= state.last_seq) break;
    }
    return ids;
  } finally {
    await nats.close();
  }
}

export interface Arrivals {
  readonly rows: number;
  /** Wanted ones that are not there. */
  readonly missing: readonly string[];
  /** Of the whole table: ids that stand there more than once. */
  readonly doubled: number;
}

/** Compares a column of `predictions` with what it must hold. */
export async function compareStored(
  engine: TestEngine,
  column: "prediction_id" | "request_id",
  wanted: readonly string[],
): Promise<Arrivals> {
  const counts = new Map<string, number>();
  const found = await engine.sql<{ id: string; rows: string }>(
    `SELECT toString(${column}) AS id, count() AS rows FROM millrace.predictions GROUP BY id`,
  );
  for (const { id, rows } of found) counts.set(id, Number(rows));
  let rows = 0;
  let doubled = 0;
  for (const count of counts.values()) {
    rows += count;
    if (count > 1) doubled++;
  }
  return { rows, missing: wanted.filter((id) => !counts.has(id)), doubled };
}

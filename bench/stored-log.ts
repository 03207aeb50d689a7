/** How far the prediction log of an engine stands in ClickHouse. */
import { setTimeout as delay } from "node:timers/promises";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { createTopology } from "../streams/topology.ts";
import type { TestEngine } from "../test/support/engine.ts";

const POLL_MS = 20;
const STORED_MS_MAX = 300_000;
const { logStream } = createTopology("millrace");

export class StoredLog implements AsyncDisposable {
  readonly #engine: TestEngine;
  readonly #nats: NatsConnection;
  readonly #manager: JetStreamManager;

  private constructor(engine: TestEngine, nats: NatsConnection, manager: JetStreamManager) {
    this.#engine = engine;
    this.#nats = nats;
    this.#manager = manager;
  }

  static async open(engine: TestEngine): Promise<StoredLog> {
    const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
    return new StoredLog(engine, nats, await jetstreamManager(nats));
  }

  /** When all rows that are in the log now can be read. */
  async untilStored(): Promise<void> {
    const last = (await this.#manager.streams.info(logStream)).state.last_seq;
    const deadline = performance.now() + STORED_MS_MAX;
    while ((await this.#storedSeq()) < last) {
      if (performance.now() > deadline) throw new Error("the log is not stored within 5 minutes");
      await delay(POLL_MS);
    }
  }

  /** Blocks that are not stored, as the engine's metrics tell it once a second. */
  async lagBlocks(): Promise<number> {
    const text = await (await this.#engine.get("/metrics")).text();
    return Number(/^engine_log_lag_messages (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nats.close();
  }

  async #storedSeq(): Promise<number> {
    const [row] = await this.#engine.sql<{ seq: string }>(
      "SELECT max(log_seq) AS seq FROM millrace.predictions",
    );
    return Number(row?.seq ?? 0);
  }
}

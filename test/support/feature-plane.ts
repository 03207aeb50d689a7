/**
 * The path of feature events as the control plane builds it, over real servers: ingester and sink, each to be started and
 * stopped by itself.
 */
import { type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { pino } from "pino";
import type { EntityStore } from "../../engine/core/entity-store.ts";
import { EngineError } from "../../engine/core/errors.ts";
import type { EventHistory } from "../../engine/core/event-history.ts";
import type { ColumnPlan } from "../../engine/features/column-plan.ts";
import { FeatureIngester } from "../../engine/features/feature-ingester.ts";
import { readFeatureValueRows } from "../../engine/features/feature-value-rows.ts";
import { RecentIds } from "../../engine/recent-ids.ts";
import { Sink } from "../../engine/sink.ts";
import type { ClickHouse } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { RowStore } from "../../storage/row-store.ts";
import { FEATURE_VALUES } from "../../storage/sink-tables.ts";
import { openStreams, type StreamsConnection } from "../../streams/connection.ts";
import { FeatureReader } from "../../streams/feature-reader.ts";
import { LogReader } from "../../streams/log-reader.ts";
import { Publisher } from "../../streams/publisher.ts";
import { createTopology, ensureStreams, type Topology } from "../../streams/topology.ts";
import { CARD_PLANS } from "./feature-events.ts";

const LOGGER = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
const RECENT_IDS_MAX = 65_536;

interface IngesterParts {
  /** By default none can be reached. */
  readonly history?: EventHistory;
  readonly plans?: () => ReadonlyMap<string, ColumnPlan>;
}

export interface Running<T> {
  readonly part: T;
  stop(): Promise<void>;
}

const away = (): never => {
  throw new EngineError("SERVICE_UNAVAILABLE", "there is no history");
};
const NO_HISTORY: EventHistory = { lastSeq: away, count: away, events: away, recentIds: away };

/** Closing it stops what it started. */
export class FeaturePlane implements AsyncDisposable {
  readonly connection: StreamsConnection;
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  readonly publisher: Publisher;
  readonly #running: (() => Promise<void>)[] = [];

  private constructor(connection: StreamsConnection, manager: JetStreamManager, prefix: string) {
    this.connection = connection;
    this.manager = manager;
    this.topology = createTopology(prefix);
    this.publisher = new Publisher(connection.nats);
  }

  static async open(natsUrl: string, prefix: string): Promise<FeaturePlane> {
    const connection = await openStreams(natsUrl, "test", LOGGER);
    const manager = await jetstream(connection.nats).jetstreamManager();
    const plane = new FeaturePlane(connection, manager, prefix);
    await ensureStreams(manager, plane.topology, 1 << 28);
    return plane;
  }

  get reader(): FeatureReader {
    const { manager, publisher, topology } = this;
    return new FeatureReader({ client: jetstream(this.connection.nats), manager, publisher, topology });
  }

  startIngester(
    store: EntityStore,
    { history = NO_HISTORY, plans = () => CARD_PLANS }: IngesterParts = {},
  ): Running<FeatureIngester> {
    const bounds = {
      eventsMax: 500,
      stateBytesMax: 2 ** 26,
      recentIdsMax: RECENT_IDS_MAX,
      storedWaitMs: 3_000,
    };
    const options = { source: this.reader, store, history, plans, ...bounds, logger: LOGGER };
    return this.#start(new FeatureIngester(options));
  }

  startSink(client: ClickHouse, database: string): Running<Sink> {
    const { manager, publisher, connection, topology } = this;
    const bytesMax = 1 << 22;
    const stream = topology.featuresStream;
    const source = new LogReader({ manager, publisher, connection, topology, stream, bytesMax });
    const rows = new RowStore(client, database, FEATURE_VALUES);
    const sink = new Sink({
      source,
      store: {
        prepare: async () => migrate(client, database, LOGGER),
        insert: async (bytes, token) => rows.insert(bytes, token),
        runningInserts: async () => rows.runningInserts(),
        lastSeq: async (epoch) => rows.lastSeq(epoch),
        recentIds: async (limit) => rows.recentIds(limit),
      },
      rowsOf: readFeatureValueRows,
      rowsMax: 100_000,
      bytesMax,
      recentIdsMax: RECENT_IDS_MAX,
      createRecent: (capacity) => new RecentIds(capacity),
      flushMs: 100,
      logger: LOGGER,
    });
    return this.#start(sink);
  }

  /** Publishes to the features stream, and waits until it has all. Equal events are stored twice. */
  async publish(events: readonly unknown[], entityType = "card"): Promise<void> {
    const client = jetstream(this.connection.nats);
    const subject = this.topology.featuresSubject(entityType);
    const IN_FLIGHT = 200;
    for (let first = 0; first < events.length; first += IN_FLIGHT) {
      const some = events.slice(first, first + IN_FLIGHT);
      await Promise.all(
        some.map(async (event) =>
          client.publish(subject, typeof event === "string" ? event : JSON.stringify(event)),
        ),
      );
    }
  }

  async lastSeq(): Promise<number> {
    return (await this.reader.position()).lastSeq;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map(async (stop) => stop()));
    this.publisher.close();
    await this.connection.close();
  }

  #start<T extends { run(signal: AbortSignal): Promise<void> }>(part: T): Running<T> {
    const stopping = new AbortController();
    const running = part.run(stopping.signal);
    const stop = async (): Promise<void> => {
      stopping.abort();
      await running;
    };
    this.#running.push(stop);
    return { part, stop };
  }
}

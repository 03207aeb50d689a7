/** What tests of retraining begin with: proposals, policies, and engines on one nats-server. */
import {
  AckPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
} from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { pino } from "pino";
import { type RetrainRequest, retrainRequest } from "../../engine/core/retrain-request.ts";
import type { OutboxQueue } from "../../engine/retraining/job-outbox.ts";
import type { Finding, OpenIncident, Proposal } from "../../engine/retraining/retrain-proposal.ts";
import { Triggers } from "../../engine/retraining/triggers.ts";
import { type JobStore, openJobStore } from "../../storage/job-store.ts";
import { JobQueue } from "../../streams/job-queue.ts";
import { Publisher } from "../../streams/publisher.ts";
import { createTopology, ensureStreams, type Topology } from "../../streams/topology.ts";
import { startTestNats, type TestNats } from "./nats.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const NOON_MS = Date.UTC(2026, 2, 2, 12);
export const MODEL = "fraud";

/** The window of an hour that ends at `toMs`. */
export function finding(toMs = NOON_MS, referenceId = "reference-1"): Finding {
  return { windows: [{ fromMs: toMs - HOUR_MS, toMs }], referenceId };
}

export function driftAt(toMs = NOON_MS): Proposal {
  return {
    ...finding(toMs),
    cause: "drift",
    severity: "critical",
    numbers: { "psi.amount": 0.31 },
    incidentId: "i-1",
  };
}

export function labelsOf(labelsTotal: number): Proposal {
  return { cause: "labels", labelsTotal, windows: [], referenceId: null };
}

export const QUALITY_INCIDENT: OpenIncident = {
  id: "quality-1",
  cause: "data_quality",
  severity: "critical",
  openedMs: NOON_MS - HOUR_MS,
};

/** One engine's share in retraining, over a connection of its own. */
export class RetrainEngine {
  readonly nats: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly triggers: Triggers;
  readonly #publisher: Publisher;

  private constructor(
    parts: Pick<RetrainEngine, "nats" | "client" | "manager" | "topology" | "store" | "queue">,
    publisher: Publisher,
  ) {
    this.nats = parts.nats;
    this.client = parts.client;
    this.manager = parts.manager;
    this.topology = parts.topology;
    this.store = parts.store;
    this.queue = parts.queue;
    this.#publisher = publisher;
    this.triggers = this.triggersWith({});
  }

  static async open(url: string, prefix: string): Promise<RetrainEngine> {
    const nats = await connect({
      servers: url,
      noAsyncTraces: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    const client = jetstream(nats);
    const manager = await client.jetstreamManager();
    const topology = createTopology(prefix);
    await ensureStreams(manager, topology, 64 * 1024 * 1024);
    const publisher = new Publisher(nats);
    const queue = new JobQueue({ client, manager, publisher, topology });
    const store = await openJobStore(nats, { prefix });
    return new RetrainEngine({ nats, client, manager, topology, store, queue }, publisher);
  }

  /** Triggers some of whose ports are others. */
  triggersWith(ports: {
    readonly store?: Pick<JobStore, "read" | "change" | "models">;
    readonly queue?: OutboxQueue;
  }): Triggers {
    const { store, queue } = this;
    return new Triggers({ store, queue, logger: pino({ level: "silent" }), ...ports });
  }

  /** All messages of jobs that ever came into the stream. */
  async published(): Promise<number> {
    return this.queue.lastSeq();
  }

  /** Takes the jobs that wait in the stream, each with its message, which is not acknowledged. */
  async take(model: string): Promise<{ readonly request: RetrainRequest; readonly message: JsMsg }[]> {
    const { retrainStream } = this.topology;
    const name = `trainer-${model}`;
    await this.manager.consumers.add(retrainStream, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      filter_subject: this.topology.retrainSubject(model),
    });
    const consumer = await this.client.consumers.get(retrainStream, name);
    const taken: { request: RetrainRequest; message: JsMsg }[] = [];
    for await (const message of await consumer.fetch({ max_messages: 100, expires: 1_000 }))
      taken.push({ request: retrainRequest.parse(message.json()), message });
    return taken;
  }

  /** Bodies of all events of this kind. */
  async events(kind: string): Promise<Record<string, unknown>[]> {
    const { eventsStream } = this.topology;
    const filter_subject = this.topology.eventsSubject(kind);
    const count = (await this.manager.streams.info(eventsStream, { subjects_filter: filter_subject })).state
      .subjects?.[filter_subject];
    const bodies: Record<string, unknown>[] = [];
    if (count === undefined) return bodies;
    const consumer = await this.client.consumers.get(eventsStream, { filter_subjects: filter_subject });
    for await (const message of await consumer.fetch({ max_messages: count, expires: 5_000 })) {
      bodies.push(message.json());
      if (bodies.length === count) break;
    }
    return bodies;
  }

  async close(): Promise<void> {
    this.#publisher.close();
    await this.nats.close();
  }
}

/** A nats-server with engines on it, those of one name sharing streams and records; both go with the fixture. */
export class RetrainEngines implements AsyncDisposable {
  readonly #nats: TestNats;
  readonly #open: RetrainEngine[] = [];

  private constructor(nats: TestNats) {
    this.#nats = nats;
  }

  static async start(): Promise<RetrainEngines> {
    return new RetrainEngines(await startTestNats());
  }

  async open(name: string): Promise<RetrainEngine> {
    const engine = await RetrainEngine.open(this.#nats.url, name);
    this.#open.push(engine);
    return engine;
  }

  async kill9(): Promise<void> {
    await this.#nats.kill9();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const engine of this.#open) await engine.close();
    await this.#nats[Symbol.asyncDispose]();
  }
}

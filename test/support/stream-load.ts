/**
 * Steady load of durable requests: producers in closed loops that publish with unique message ids and note what the
 * stream has acknowledged.
 *
 * A producer whose acknowledgement does not come publishes the same request under the same id again, as any careful
 * producer does; so the stream sees repeats whenever a server or a connection dies.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { PAYMENT } from "./card-fraud.ts";

const ACK_TIMEOUT_MS = 1_000;
const PAUSE_MS = 20;
const ATTEMPTS_MAX = 100;
/** Once it is asked to stop, so that a test whose server is gone ends. */
const ATTEMPTS_STOPPING_MAX = 10;

export interface StreamLoadOptions {
  readonly natsUrl: string;
  readonly subject: string;
  readonly producers: number;
  /** Wait of a producer between an acknowledgement and its next request, ms. */
  readonly thinkMs: number;
}

export class StreamLoad implements AsyncDisposable {
  /** Message id, and so request_id, of every acknowledged request. */
  readonly acknowledged: string[] = [];
  /** Publishes that were tried again. */
  retries = 0;
  readonly #options: StreamLoadOptions;
  readonly #nats: NatsConnection;
  readonly #client: JetStreamClient;
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(options: StreamLoadOptions, nats: NatsConnection) {
    this.#options = options;
    this.#nats = nats;
    this.#client = jetstream(nats);
  }

  static async open(options: StreamLoadOptions): Promise<StreamLoad> {
    const nats = await connect({
      servers: options.natsUrl,
      noAsyncTraces: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    return new StreamLoad(options, nats);
  }

  start(): void {
    const producers = Array.from({ length: this.#options.producers }, async (_, index) =>
      this.#produce(index),
    );
    this.#running = Promise.all(producers);
  }

  /** Lets every producer finish its request, and closes the connection. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    await this.#nats.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Publishes one request until it is acknowledged. */
  async request(id: string): Promise<void> {
    if (!(await this.#publish(id, 0))) throw new Error(`request ${id} was never acknowledged`);
    this.acknowledged.push(id);
  }

  async #produce(producer: number): Promise<void> {
    for (let count = 0; !this.#isStopping; count++) {
      const id = `producer-${producer}-${count}`;
      if (await this.#publish(id, count)) this.acknowledged.push(id);
      await delay(this.#options.thinkMs);
    }
  }

  /** False when no acknowledgement came however often it was tried. */
  async #publish(id: string, count: number): Promise<boolean> {
    const body = JSON.stringify({
      entity_id: id,
      features: { ...PAYMENT, amount: count % 1000 },
    });
    for (let attempt = 0; attempt < (this.#isStopping ? ATTEMPTS_STOPPING_MAX : ATTEMPTS_MAX); attempt++) {
      try {
        await this.#client.publish(this.#options.subject, body, { msgID: id, timeout: ACK_TIMEOUT_MS });
        return true;
      } catch {
        this.retries++;
        await delay(PAUSE_MS);
      }
    }
    return false;
  }
}

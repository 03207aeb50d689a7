// hot path
/**
 * The ingester's end of the features stream: every event in the order of the stream, as soon as it is stored.
 *
 *     follow(seq) → an own consumer that acknowledges nothing → waiting messages → read: what is there now
 *
 * The consumer is the server's, in memory, and dies with its stream: what it delivers is of the epoch that was looked up
 * after it was made, for as long as it lives. It numbers its deliveries, so that a message lost on the way shows, and
 * deleted ones do not look lost. Whatever fails ends the feed with an error; the reader follows again from where it was.
 * Bound: MESSAGES_MAX messages asked for and as many waiting, of FEATURE_BYTES_MAX each.
 */
import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { createDeferred, type Deferred } from "../engine/core/deferred.ts";
import { storeDeadLetter } from "./dead-letter.ts";
import type { LogStreamMessage } from "./log-reader.ts";
import type { Publisher } from "./publisher.ts";
import { epochOf, type Topology } from "./topology.ts";

const MESSAGES_MAX = 2_000;
const PULL_EXPIRES_MS = 10_000;
const HEARTBEAT_MS = 1_000;
/** After this long without a reader the server removes the consumer. */
const INACTIVE_MS = 30_000;

export interface FeatureReaderOptions {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly topology: Topology;
}

export interface FeaturePosition {
  readonly epoch: number;
  /** Of the oldest event that is stored, or would be. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export class FeatureReader {
  readonly #options: FeatureReaderOptions;

  constructor(options: FeatureReaderOptions) {
    this.#options = options;
  }

  async position(): Promise<FeaturePosition> {
    const { manager, topology } = this.#options;
    const info = await manager.streams.info(topology.featuresStream);
    const { first_seq, last_seq } = info.state;
    return { epoch: epochOf(info), firstSeq: Math.max(1, first_seq), lastSeq: last_seq };
  }

  /**
   * Begins to read at `seq`.
   * @throws Error when the stream is not that of `epoch`.
   */
  async follow(seq: number, epoch: number): Promise<FeatureFeed> {
    const { client, manager, topology } = this.#options;
    const stream = topology.featuresStream;
    const info = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: seq,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(INACTIVE_MS),
    });
    const remove = async (): Promise<void> => {
      await manager.consumers.delete(stream, info.name).catch(() => false);
    };
    if ((await this.position()).epoch !== epoch) {
      await remove();
      throw new Error("the features stream was made anew");
    }
    const messages = await client.consumers.getConsumerFromInfo(info).consume({
      max_messages: MESSAGES_MAX,
      expires: PULL_EXPIRES_MS,
      idle_heartbeat: HEARTBEAT_MS,
      abort_on_missing_resource: true,
    });
    const delivered = async (): Promise<number> =>
      (await manager.consumers.info(stream, info.name)).delivered.consumer_seq;
    return new FeatureFeed(messages, delivered, remove);
  }

  /** Puts an event aside that cannot be taken, with the reason; again under the same id, so that it is stored once. */
  async reject({ seq, data }: LogStreamMessage, epoch: number, reason: string): Promise<void> {
    const { publisher, topology } = this.#options;
    const stream = topology.featuresStream;
    await storeDeadLetter({ stream, id: `${stream}-${epoch}-${seq}`, data, reason }, publisher, topology);
  }

  /**
   * Sequence of the event that was put aside last, or 0. Events are put aside in order: a replay, which may come long
   * after the server has forgotten their ids, puts aside only what is behind it.
   */
  async lastRejectedSeq(epoch: number): Promise<number> {
    const { manager, topology } = this.#options;
    const { deadStream, featuresStream } = topology;
    const query = { last_by_subj: topology.deadSubject(featuresStream) };
    const last = await manager.streams.getMessage(deadStream, query);
    const id = last?.header.get("Nats-Msg-Id") ?? "";
    const start = `${featuresStream}-${epoch}-`;
    return id.startsWith(start) ? Number(id.slice(start.length)) : 0;
  }
}

/** One reading of the stream from a sequence on, until an error or `close`. */
export class FeatureFeed {
  readonly #messages: ConsumerMessages;
  readonly #delivered: () => Promise<number>;
  readonly #remove: () => Promise<void>;
  #waiting: LogStreamMessage[] = [];
  #deliveries = 0;
  /** Deliveries that the server had made when it was asked last. */
  #deliveriesDue = 0;
  #failure: Error | undefined;
  #arrival: Deferred<void> = createDeferred();
  #room: Deferred<void> | undefined;

  constructor(messages: ConsumerMessages, delivered: () => Promise<number>, remove: () => Promise<void>) {
    this.#messages = messages;
    this.#delivered = delivered;
    this.#remove = remove;
    void this.#pump();
  }

  /**
   * The next messages, at most `messagesMax`, as soon as there is one; none if there is none within `waitMs`.
   * @throws Error when messages were lost on the way, or the stream or the connection is gone: follow again.
   */
  async read(messagesMax: number, waitMs: number): Promise<readonly LogStreamMessage[]> {
    if (this.#waiting.length === 0 && this.#failure === undefined) await this.#untilArrival(waitMs);
    const taken = this.#waiting.splice(0, messagesMax);
    if (this.#waiting.length === 0) this.#arrival = createDeferred();
    if (this.#waiting.length < MESSAGES_MAX) this.#room?.resolve();
    if (taken.length > 0) return taken;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#checkDelivered();
    return taken;
  }

  async close(): Promise<void> {
    this.#room?.resolve();
    this.#messages.stop();
    await this.#remove();
  }

  async #pump(): Promise<void> {
    try {
      for await (const message of this.#messages) {
        this.#take(message);
        if (this.#waiting.length >= MESSAGES_MAX) {
          this.#room = createDeferred();
          await this.#room.promise;
        }
      }
      this.#failure ??= new Error("the features stream is no longer read");
    } catch (error) {
      this.#failure = error as Error;
    }
    this.#arrival.resolve();
  }

  #take(message: JsMsg): void {
    const { deliverySequence, streamSequence } = message.info;
    if (deliverySequence !== this.#deliveries + 1)
      throw new Error(`event ${streamSequence} came without those before it`);
    this.#deliveries = deliverySequence;
    const atMs = Number(message.timestampNanos / 1_000_000n);
    this.#waiting.push({ seq: streamSequence, subject: message.subject, data: message.data, atMs });
    this.#arrival.resolve();
  }

  async #untilArrival(waitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeOut = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs);
    });
    await Promise.race([this.#arrival.promise, timeOut]);
    clearTimeout(timer);
  }

  /** Asked while nothing comes: fails when the consumer is gone, or what it sent an asking ago has not arrived. */
  async #checkDelivered(): Promise<void> {
    if (this.#deliveries < this.#deliveriesDue) throw new Error("events were lost on the way");
    this.#deliveriesDue = await this.#delivered();
  }
}

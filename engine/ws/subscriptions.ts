/**
 * Who is subscribed to what, in this process, and the two watches that feed them: the prediction log and the events, both of all
 * engines. A watch runs only while somebody is subscribed to what it brings: without subscribers nothing is done for a prediction.
 *
 *     millrace.log.0    → blocks → rows of models that are asked for → their subscribers
 *     millrace.events.* → kind, model                                → their subscribers
 *
 * Reading the log pauses every ROWS_AT_ONCE rows, for the predictions that this process makes. Bounds: those of the watches;
 * connections bound subscriptions and what is kept for slow readers.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { readBlock } from "../core/log-block.ts";
import { loggedModel, loggedPrediction } from "./logged-prediction.ts";
import { WatchLease } from "./watch-lease.ts";

const ROWS_AT_ONCE = 64;

export interface Subscriber {
  readonly model: string;
  readonly predictions: boolean;
  /** Kinds, true for all, false for none. */
  readonly events: boolean | readonly string[];
  /** Takes the JSON of a prediction. */
  onPrediction(json: string): void;
  /** Takes the JSON of an event. */
  onEvent(kind: string, json: string): void;
}

/** Hands on every message that is stored from the moment it resolved, one after the other. */
export type WatchStream = (
  onMessage: (subject: string, data: Uint8Array) => Promise<void>,
) => Promise<{ stop(): Promise<void> }>;

export interface SubscriptionsOptions {
  readonly watchLog: WatchStream;
  readonly watchEvents: WatchStream;
  readonly logger: Pick<Logger, "warn">;
}

export class Subscriptions {
  readonly #log: WatchLease;
  readonly #events: WatchLease;
  readonly #logger: Pick<Logger, "warn">;
  /** By model. */
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  #count = 0;

  constructor({ watchLog, watchEvents, logger }: SubscriptionsOptions) {
    this.#logger = logger;
    this.#log = new WatchLease(async () => watchLog(async (_subject, block) => this.#onBlock(block)));
    this.#events = new WatchLease(async () =>
      watchEvents(async (subject, data) => this.#onEvent(subject, data)),
    );
  }

  get count(): number {
    return this.#count;
  }

  /**
   * From when this resolves on, the subscriber gets all that it asked for; some of it may come before.
   * @throws whatever a watch fails with; then it is not subscribed.
   */
  async add(subscriber: Subscriber): Promise<void> {
    const ofModel = this.#subscribers.get(subscriber.model) ?? new Set();
    this.#subscribers.set(subscriber.model, ofModel.add(subscriber));
    this.#count++;
    const taken = await Promise.allSettled(this.#leasesOf(subscriber).map(async (lease) => lease.take()));
    const failed = taken.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    this.remove(subscriber);
    throw failed.reason;
  }

  /** It gets nothing more. */
  remove(subscriber: Subscriber): void {
    const ofModel = this.#subscribers.get(subscriber.model);
    if (ofModel?.delete(subscriber) !== true) return;
    this.#count--;
    if (ofModel.size === 0) this.#subscribers.delete(subscriber.model);
    for (const lease of this.#leasesOf(subscriber)) lease.giveBack();
  }

  /** Resolves when no watch runs: after the last subscriber was removed. */
  async stopped(): Promise<void> {
    await Promise.all([this.#log.stopped(), this.#events.stopped()]);
  }

  #leasesOf({ predictions, events }: Subscriber): WatchLease[] {
    return [...(predictions ? [this.#log] : []), ...(events === false ? [] : [this.#events])];
  }

  async #onBlock(data: Uint8Array): Promise<void> {
    const block = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    try {
      const places: number[] = [];
      readBlock(block, (start, end) => places.push(start, end));
      for (let index = 0; index < places.length; index += 2) {
        if (index > 0 && index % (2 * ROWS_AT_ONCE) === 0) await nextTurn();
        this.#onRow(block, places[index] as number, places[index + 1] as number);
      }
    } catch (error) {
      this.#logger.warn(
        { err: messageOf(error) },
        "a block of the prediction log cannot be shown to subscribers",
      );
    }
  }

  #onRow(block: Buffer, start: number, end: number): void {
    const subscribers = this.#subscribers.get(loggedModel(block, start));
    if (subscribers === undefined) return;
    let json: string | undefined;
    for (const subscriber of subscribers) {
      if (!subscriber.predictions) continue;
      json ??= JSON.stringify(loggedPrediction(block, start, end));
      subscriber.onPrediction(json);
    }
  }

  async #onEvent(subject: string, data: Uint8Array): Promise<void> {
    const kind = subject.slice(subject.lastIndexOf(".") + 1);
    const json = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8");
    for (const subscriber of this.#subscribers.get(modelOf(json)) ?? []) {
      const { events } = subscriber;
      if (events === true || (events !== false && events.includes(kind))) subscriber.onEvent(kind, json);
    }
  }
}

const about = z.union([
  z.object({ model_name: z.string() }),
  z.object({ incident: z.object({ model_name: z.string() }) }).transform(({ incident }) => incident),
]);

/** The model that an event is about; "" for none. */
function modelOf(json: string): string {
  try {
    return about.safeParse(JSON.parse(json)).data?.model_name ?? "";
  } catch {
    return ""; // events are JSON; what else somebody publishes there is not told
  }
}

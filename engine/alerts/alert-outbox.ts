/**
 * Works off what follows from changes of alerts: rows of the history, and notifications.
 *
 *     records ──▶ history: rows into `alerts`, until ClickHouse takes them
 *             └─▶ a lane for each channel: claim, send, settle; SENDS_AT_ONCE at once
 *
 * Lanes go on by themselves: a webhook that is slow holds up neither rounds nor other channels. All that is due stands in the
 * records, so whoever starts next goes on where this one ended. Bounds: attempts and pauses by RetryLimits; lanes one at a time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { AlertHistory } from "../../storage/alert-history.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Metrics } from "../core/metrics.ts";
import {
  type Channel,
  claim,
  dueDeliveries,
  nextDueMs,
  pauseAfter,
  type RetryLimits,
  type SendResult,
} from "./alert-delivery.ts";
import { type AlertGroup, type Delivery, withDelivery, withOutcome } from "./alert-group.ts";
import { alertRow } from "./alert-json.ts";
import { CHANNELS, type ChannelName } from "./alert-rule.ts";
import type { Bucket } from "./alert-rules.ts";

export interface AlertOutboxOptions {
  readonly groups: Bucket;
  readonly history: Pick<AlertHistory, "insert">;
  readonly channels: readonly Channel[];
  readonly limits: RetryLimits;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

interface Work {
  readonly key: string;
  readonly delivery: Delivery;
}

const POLL_MS = 500;
const SENDS_AT_ONCE = 4;
const FAILED_PAUSE_MS = 1_000;

export class AlertOutbox {
  readonly #options: AlertOutboxOptions;
  readonly #lanes = new Map<ChannelName | "history", Promise<void>>();
  #groups: ReadonlyMap<string, AlertGroup> = new Map();
  #lastSeq = -1;
  #historyFromMs = 0;
  #wake: () => void = () => undefined;
  #isWoken = false;
  #isStopping = false;

  constructor(options: AlertOutboxOptions) {
    this.#options = options;
  }

  /** There is something new. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Works until `signal` aborts, and then ends what is under way. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#isStopping = true;
      this.wake();
    };
    signal.addEventListener("abort", stop, { once: true });
    while (!signal.aborted) {
      this.#isWoken = false;
      try {
        await this.#pass();
        await this.#rest(POLL_MS);
      } catch (error) {
        this.#options.logger.warn({ err: messageOf(error) }, "alerts cannot be read, trying again");
        await sleep(FAILED_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    await Promise.all(this.#lanes.values());
  }

  /** Starts every lane that has something to do and is not at it already. */
  async #pass(): Promise<void> {
    const { groups } = this.#options;
    if ((await groups.lastSeq()) !== this.#lastSeq) {
      const { documents, lastSeq } = await groups.list("group.*");
      this.#groups = documents as ReadonlyMap<string, AlertGroup>;
      this.#lastSeq = lastSeq;
    }
    const nowMs = Date.now();
    const unstored = [...this.#groups].filter(([, group]) => group.unstored.length > 0);
    if (unstored.length > 0 && nowMs >= this.#historyFromMs)
      this.#start("history", () => this.#store(unstored));
    const due = [...this.#groups].flatMap(([key, group]) =>
      dueDeliveries(group, nowMs).map((delivery) => ({ key, delivery })),
    );
    for (const name of CHANNELS) {
      const own = due.filter(({ delivery }) => delivery.channel === name);
      if (own.length > 0) this.#start(name, () => this.#deliverAll(name, own));
    }
  }

  async #rest(restMs: number): Promise<void> {
    if (this.#isWoken) return;
    const nextMs = Math.min(
      ...[...this.#groups.values()].map(nextDueMs).filter((ms) => ms > Date.now()),
      Infinity,
    );
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, Math.min(restMs, nextMs - Date.now())));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  #start(name: ChannelName | "history", work: () => Promise<void>): void {
    if (this.#lanes.has(name)) return;
    const lane = work()
      .catch((error: unknown) =>
        this.#options.logger.warn({ err: messageOf(error), lane: name }, "alerts wait"),
      )
      .then(() => {
        this.#lanes.delete(name);
        this.wake();
      });
    this.#lanes.set(name, lane);
  }

  /** ClickHouse may be away for long: this is tried for ever, and never in a hurry. */
  async #store(groups: readonly (readonly [string, AlertGroup])[]): Promise<void> {
    const { history, groups: bucket } = this.#options;
    try {
      for (const [key, { unstored }] of groups) {
        for (const changes of byAlert(unstored)) await history.insert(changes.map(alertRow));
        const last = unstored.at(-1)?.number ?? 0;
        await bucket.change(key, (current) => {
          const group = current as AlertGroup | undefined;
          const rest = group?.unstored.filter(({ number }) => number > last);
          if (group === undefined || rest?.length === group.unstored.length) return { result: undefined };
          return { write: { ...group, unstored: rest }, result: undefined };
        });
      }
    } catch (error) {
      this.#historyFromMs = Date.now() + FAILED_PAUSE_MS;
      throw error;
    }
  }

  async #deliverAll(name: ChannelName, work: readonly Work[]): Promise<void> {
    const channel = this.#options.channels.find((one) => one.name === name);
    const left = [...work];
    const sender = async (): Promise<void> => {
      for (let one = left.shift(); one !== undefined && !this.#isStopping; one = left.shift()) {
        await this.#deliver(channel, one).catch((error: unknown) =>
          this.#options.logger.warn({ err: messageOf(error), channel: name }, "alert waits for its record"),
        );
      }
    };
    await Promise.all(Array.from({ length: SENDS_AT_ONCE }, sender));
  }

  async #deliver(channel: Channel | undefined, { key, delivery }: Work): Promise<void> {
    const { limits } = this.#options;
    if (delivery.attempts >= limits.attemptsMax)
      return this.#settle(key, delivery, failed("what became of the last attempt is not known"));
    if (channel === undefined)
      return this.#settle(key, delivery, failed(`${delivery.channel} is not configured`));
    const claimed = await this.#claim(key, delivery);
    if (claimed === undefined) return;
    await this.#settle(key, claimed, await channel.send(claimed));
  }

  async #claim(key: string, delivery: Delivery): Promise<Delivery | undefined> {
    const { groups, limits } = this.#options;
    const nowMs = Date.now();
    return groups.change<Delivery | undefined>(key, (current) => {
      const group = current as AlertGroup | undefined;
      const next = group === undefined ? group : claim(group, delivery, nowMs, limits);
      if (next === undefined || next === group) return { result: undefined };
      return { write: next, result: { ...delivery, attempts: delivery.attempts + 1 } };
    });
  }

  async #settle(key: string, delivery: Delivery, result: SendResult): Promise<void> {
    const { groups, limits, logger } = this.#options;
    const nowMs = Date.now();
    const { attempts, channel, alert } = delivery;
    const pauseMs =
      result.isDelivered || result.isFinal
        ? undefined
        : pauseAfter(attempts, result.retryAfterMs ?? 0, limits, Math.random());
    const outcome = result.isDelivered ? "delivered" : pauseMs === undefined ? "undelivered" : "failed";
    await groups.change(key, (current) => {
      const group = current as AlertGroup | undefined;
      if (group === undefined) return { result: undefined };
      if (outcome === "failed")
        return {
          write: withDelivery(group, { ...delivery, nextMs: nowMs + (pauseMs ?? 0) }),
          result: undefined,
        };
      const detail = outcome === "delivered" ? result.detail : `${result.detail}, ${attempts} attempts`;
      return { write: withOutcome(group, delivery, { change: outcome, nowMs, detail }), result: undefined };
    });
    this.#count(channel, outcome);
    const about = { channel, alert: alert.id, attempts, detail: result.detail };
    if (outcome === "undelivered") logger.error(about, "alert not delivered");
    else if (outcome === "failed") logger.warn({ ...about, pauseMs }, "alert not delivered, trying again");
    else logger.debug(about, "alert delivered");
  }

  #count(channel: ChannelName, outcome: string): void {
    const { metrics } = this.#options;
    metrics
      .counter("engine_alert_deliveries_total", "Attempts to deliver alerts, by outcome.", {
        channel,
        outcome,
      })
      .add(1);
  }
}

function failed(detail: string): SendResult {
  return { isDelivered: false, isFinal: true, detail };
}

/** A partition of the table is of one month, and an insert is of one alert: so it is one block. */
function byAlert(changes: AlertGroup["unstored"]): AlertGroup["unstored"][] {
  return [...new Set(changes.map(({ alert }) => alert.id))].map((id) =>
    changes.filter(({ alert }) => alert.id === id),
  );
}

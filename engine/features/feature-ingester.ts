// hot path
/**
 * The ingester: applies the events of the features stream to the states of their entities, each once, in the order of the
 * stream, and keeps how far it has come beside the states.
 *
 *     resume (position?) → settle columns → read → drop doubles, check → put refused aside → states → write → position
 *                                    ↑                                                                          │
 *                                    └──────────────────────────────────────────────────────────────────────────┘
 *
 * Once, because: a state knows the last event that was applied to it, so a replay changes nothing; and the position is set
 * when all before it is written. Before it reads, writes or sets it, the store's position must be the one set last: if
 * not, the store lost data or has another writer, and the ingester forgets what it holds and goes on from the store's
 * position; without one, from the beginning of the stream, and what came before that is filled from history (backfiller). One ingester writes to a store at a time.
 * Ids of events are those that `feature_values` has, so that ingester and sink drop the same.
 * Bounds: one reading of `eventsMax`, `stateBytesMax` of states, `recentIdsMax` ids; while the store is away nothing is read.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { EntityStore, IngestPosition } from "../core/entity-store.ts";
import { EngineError, messageOf } from "../core/errors.ts";
import type { EventHistory } from "../core/event-history.ts";
import type { Logger } from "../core/log.ts";
import { RecentIds } from "../recent-ids.ts";
import type { SinkMessage } from "../sink-batch.ts";
import { Backfiller, type FillingStatus, type IngestBoundary, within } from "./backfiller.ts";
import type { ColumnPlan } from "./column-plan.ts";
import { EntityState } from "./entity-state.ts";
import { IngestBatch, type Refusal } from "./ingest-batch.ts";
import { PositionKeeper } from "./position-keeper.ts";
import { StateCache } from "./state-cache.ts";

const RETRY_FIRST_MS = 20;
const RETRY_LAST_MS = 1_000;
/** A pause this long is worth telling. */
const WARN_FROM_MS = 160;
/** How often the position is compared when there are no events. */
const IDLE_MS = 1_000;
const IDLES_MIN = 2;
/** How often a history that was away is asked for the ids of events. */
const IDS_RETRY_MS = 1_000;
const REMOVED = "events were removed from the stream before they were applied: filling all from history";

export interface FeatureSource {
  /** `firstSeq`: of the oldest event that is stored, at least 1. */
  position(): Promise<{ readonly epoch: number; readonly firstSeq: number; readonly lastSeq: number }>;
  /** Begins to read at `seq`. @throws when the stream is not that of `epoch`. */
  follow(seq: number, epoch: number): Promise<SourceFeed>;
  /** Puts a message aside, once however often it is called for it in a row. */
  reject(message: SinkMessage, epoch: number, reason: string): Promise<void>;
  /** Sequence of the message that was put aside last, or 0. */
  lastRejectedSeq(epoch: number): Promise<number>;
}

export interface SourceFeed {
  /** The next messages, as soon as there is one; none if there is none within `waitMs`. @throws when it must be followed anew. */
  read(messagesMax: number, waitMs: number): Promise<readonly SinkMessage[]>;
  close(): Promise<void>;
}

export interface FeatureIngesterOptions {
  readonly source: FeatureSource;
  readonly store: EntityStore;
  readonly history: EventHistory;
  /** Asked anew for every reading, so that a new feature set takes effect between two; another map if something changed. */
  readonly plans: () => ReadonlyMap<string, ColumnPlan>;
  /** How long a backfill may wait for the sink, ms. */
  readonly storedWaitMs: number;
  /** Most events of one reading: they are applied without a pause. */
  readonly eventsMax: number;
  /** Of states kept in memory between readings, estimated. */
  readonly stateBytesMax: number;
  readonly recentIdsMax: number;
  /** Told when `isCaughtUp` becomes true. */
  readonly onCaughtUp?: () => void;
  readonly logger: Logger;
}

export interface IngestProgress extends FillingStatus {
  readonly epoch: number;
  /** All events of the stream up to here are in the states and readable. */
  readonly seq: number;
  /** Whether all is applied that the stream held at the start, or when the store had lost its data. */
  readonly isCaughtUp: boolean;
  /** Counts since the start: new events, */
  readonly events: number;
  /** events that came before under the same id, */
  readonly duplicates: number;
  /** events of those that no window took, since they came after its lateness, */
  readonly tooLate: number;
  /** and messages that were put aside. */
  readonly rejected: number;
}

export class FeatureIngester {
  readonly #options: FeatureIngesterOptions;
  readonly #states: StateCache;
  readonly #backfiller: Backfiller;
  #recent: RecentIds;
  #epoch = 0;
  readonly #keeper: PositionKeeper;
  /** Last sequence in the states; the position's, or the one before the stream's beginning. */
  #appliedSeq = 0;
  /** Last sequence whose id is remembered. */
  #readSeq = 0;
  /** Of the last new event, if it was read; else 0. */
  #lastEventSeq = 0;
  /** Whether the store had a position in this stream, or in an earlier one, when the ingester resumed. */
  #found: "position" | "earlier stream" | "nothing" = "nothing";
  /** Whether the ids are those of the stream's latest messages alone, since the history was away; when it is asked again. */
  #lacksIds = false;
  #idsDueMs = 0;
  /** Whether ids and states are exactly those of all up to `appliedSeq`. */
  #isExact = false;
  /** What the stream held when the ingester resumed, until that is applied. */
  #behind: { readonly lastSeq: number; readonly sinceMs: number } | undefined = {
    lastSeq: Infinity,
    sinceMs: 0,
  };
  #progress = { events: 0, duplicates: 0, tooLate: 0, rejected: 0 };
  #pauseMs = RETRY_FIRST_MS;
  /** Readings in a row that gave nothing. */
  #idles = 0;

  constructor(options: FeatureIngesterOptions) {
    this.#options = options;
    this.#states = new StateCache(options.stateBytesMax);
    this.#keeper = new PositionKeeper(options.store);
    this.#recent = new RecentIds(options.recentIdsMax);
    this.#backfiller = new Backfiller(options);
  }

  get progress(): IngestProgress {
    return {
      epoch: this.#epoch,
      seq: this.#appliedSeq,
      isCaughtUp: this.#behind === undefined,
      ...this.#progress,
      ...this.#backfiller.status,
    };
  }

  /** Fills all columns anew from history, as soon as that is complete. `order`: rising numbers, see progress. */
  materialize(order: number): void {
    this.#backfiller.order(order);
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#resume();
        await this.#ingest(signal);
      } catch (error) {
        if (signal.aborted) return;
        const level = this.#pauseMs >= WARN_FROM_MS ? "warn" : "debug"; // a start comes before its connection
        logger[level]({ err: messageOf(error), pauseMs: this.#pauseMs }, "ingester interrupted, resuming");
        await this.#pause(signal);
      }
    }
  }

  /** Finds out where to go on. What is in memory stays when it is that of the store's position. */
  async #resume(): Promise<void> {
    const { source, store, logger } = this.#options;
    const position = await store.position();
    const { epoch, firstSeq, lastSeq } = await source.position();
    if (this.#isExact && epoch === this.#epoch && this.#keeper.isLast(position)) {
      if (this.#lacksIds) await this.#loadIds(firstSeq);
      return;
    }
    const isKnown = position?.epoch === epoch;
    const nextSeq = isKnown ? Math.min(Math.max(position.seq + 1, firstSeq), lastSeq + 1) : firstSeq;
    this.#states.clear();
    this.#epoch = epoch;
    this.#appliedSeq = nextSeq - 1;
    this.#found = isKnown ? "position" : position === undefined ? "nothing" : "earlier stream";
    const skipped = isKnown ? nextSeq - position.seq - 1 : 0;
    // States outlive the stream that they came through.
    const columns = skipped > 0 ? [] : (position?.columns ?? []);
    if (isKnown) this.#keeper.adopt(position);
    if (!isKnown || skipped > 0)
      await this.#keeper.begin({ epoch, seq: nextSeq - 1, columns, wholeFromSeq: lastSeq }); // so that a loss shows from here on
    this.#backfiller.start(columns);
    await this.#loadIds(firstSeq);
    this.#behind = { lastSeq, sinceMs: performance.now() };
    if (skipped > 0) logger.error({ skipped }, REMOVED);
    if (skipped < 0)
      logger.error(
        { lost: -skipped },
        "the stream lost events that were applied: their sequences come again",
      );
    logger.info({ epoch, seq: this.#appliedSeq, lastSeq, isRebuild: !isKnown }, "ingester started");
  }

  async #ingest(signal: AbortSignal): Promise<void> {
    const { source, eventsMax } = this.#options;
    const feed = await source.follow(this.#readSeq + 1, this.#epoch);
    const close = (): void => void feed.close(); // ends a reading that waits
    signal.addEventListener("abort", close);
    try {
      await this.#noteCaughtUp(false, signal); // there may be nothing to apply
      while (!signal.aborted) {
        if (await this.#settle(signal)) return; // in the meantime the server may have given the reader up
        if (await this.#mayLoadIds()) return;
        const messages = await feed.read(eventsMax, IDLE_MS);
        // Sets that changed while nothing came take the first events too.
        if (this.#backfiller.isBehindSets && (await this.#settle(signal))) return;
        if (messages.length > 0) await this.#take(messages, signal);
        else await this.#untilDone(signal, async () => this.#keeper.check());
        await this.#noteCaughtUp(messages.length === 0, signal);
        this.#pauseMs = RETRY_FIRST_MS;
      }
    } finally {
      signal.removeEventListener("abort", close);
      await feed.close();
    }
  }

  /** Lets columns become known, before the next reading. True when it took its time. */
  async #settle(signal: AbortSignal): Promise<boolean> {
    const attempt: IngestBoundary["attempt"] = async (step) => this.#untilDone(signal, step);
    const boundary = {
      epoch: this.#epoch,
      seq: this.#appliedSeq,
      lastEventSeq: this.#lastEventSeq,
      isBeginning: this.#appliedSeq === 0 && this.#found !== "earlier stream",
      // After a crash states may be ahead of the position, by less than what the stream held then.
      canFill: this.#isExact && (this.#behind === undefined || this.#found !== "position"),
      keep: async (keys: readonly string[]) => attempt(async () => this.#keep(keys)),
      attempt,
      checkStore: async () => this.#keeper.check(),
    };
    if (!(await this.#backfiller.settle(boundary, signal))) return false;
    this.#states.clear();
    return true;
  }

  async #keep(columns: readonly string[]): Promise<void> {
    await this.#keeper.advance(this.#positionAt(this.#keeper.last?.seq ?? 0, columns));
    this.#states.clear(); // they lack the columns that were filled, or have those that were dropped
  }

  #positionAt(seq: number, columns = this.#keeper.last?.columns ?? []): IngestPosition {
    const { wholeFromSeq = 0 } = this.#keeper.last ?? {};
    return { epoch: this.#epoch, seq, columns, ...(wholeFromSeq > seq ? { wholeFromSeq } : {}) };
  }

  /** The ids of the latest events up to the position: of those that are stored from history, the others are read once more. */
  async #loadIds(firstSeq: number): Promise<void> {
    const { history, recentIdsMax, storedWaitMs, logger } = this.#options;
    const applied = this.#appliedSeq;
    this.#recent = new RecentIds(recentIdsMax);
    this.#lastEventSeq = 0;
    let knownSeq = applied - recentIdsMax;
    try {
      const storedSeq = Math.min(await within(history.lastSeq(this.#epoch), storedWaitMs), applied);
      const ids = await within(history.recentIds(this.#epoch, storedSeq, recentIdsMax), storedWaitMs);
      for (let offset = 0; offset + 16 <= ids.length; offset += 16) this.#recent.add(ids, offset);
      knownSeq = storedSeq;
      this.#lacksIds = false;
    } catch (error) {
      if (!(error instanceof EngineError) || error.meaning.retry !== "later") throw error;
      const level = this.#lacksIds ? "debug" : "warn";
      logger[level](
        { err: messageOf(error) },
        "ids of events come from the stream until the history is there",
      );
      this.#lacksIds = true;
      this.#idsDueMs = performance.now() + IDS_RETRY_MS;
    }
    this.#readSeq = Math.min(applied, Math.max(knownSeq, firstSeq - 1));
    this.#isExact = this.#readSeq === applied;
  }

  /** Whether the history answers again that did not have the ids. */
  async #mayLoadIds(): Promise<boolean> {
    const { history, storedWaitMs } = this.#options;
    if (!this.#lacksIds || !this.#isExact || performance.now() < this.#idsDueMs) return false;
    this.#idsDueMs = performance.now() + IDS_RETRY_MS;
    return within(history.lastSeq(this.#epoch), storedWaitMs).then(
      () => true,
      () => false,
    );
  }

  /** With nothing to read, again and again, the rest was deleted. */
  async #noteCaughtUp(isIdle: boolean, signal: AbortSignal): Promise<void> {
    if (this.#behind === undefined) return;
    const { lastSeq, sinceMs } = this.#behind;
    this.#idles = isIdle ? this.#idles + 1 : 0;
    if (this.#appliedSeq < lastSeq && this.#idles < IDLES_MIN) return;
    const { wholeFromSeq, ...position } = this.#keeper.last ?? this.#positionAt(this.#appliedSeq);
    if (wholeFromSeq !== undefined) await this.#untilDone(signal, async () => this.#keeper.advance(position));
    this.#behind = undefined;
    const tookMs = Math.round(performance.now() - sinceMs);
    this.#options.logger.info({ seq: this.#appliedSeq, tookMs }, "ingester has caught up");
    this.#options.onCaughtUp?.();
  }

  /** Up to each gap in the sequences, and on from behind it. */
  async #take(messages: readonly SinkMessage[], signal: AbortSignal): Promise<void> {
    let first = 0;
    let nextSeq = this.#readSeq + 1;
    for (const [index, { seq }] of messages.entries()) {
      if (seq !== nextSeq) {
        await this.#apply(messages.slice(first, index), signal);
        await this.#skipTo(seq - 1, signal);
        first = index;
      }
      nextSeq = seq + 1;
    }
    await this.#apply(messages.slice(first), signal);
  }

  async #apply(messages: readonly SinkMessage[], signal: AbortSignal): Promise<void> {
    this.#isExact = false;
    const batch = new IngestBatch(this.#backfiller.planOf);
    for (const message of messages) batch.add(message, this.#appliedSeq, this.#recent);
    this.#readSeq = messages.at(-1)?.seq ?? this.#readSeq;
    this.#lastEventSeq = Math.max(this.#lastEventSeq, batch.lastEventSeq);
    if (this.#readSeq > this.#appliedSeq) {
      await this.#untilDone(signal, async () => this.#findStates(batch));
      batch.apply(this.#epoch);
      await this.#untilDone(signal, async () => this.#putAside(batch.refusals));
      const next = this.#positionAt(this.#readSeq);
      await this.#untilDone(signal, async () => this.#keeper.advance(next, batch.writes()));
      this.#appliedSeq = this.#readSeq;
      this.#count(batch);
      this.#states.trim();
    }
    this.#isExact = this.#readSeq === this.#appliedSeq;
  }

  /** Goes on behind events that the stream does not hold any more. All columns lack those that were not applied. */
  async #skipTo(seq: number, signal: AbortSignal): Promise<void> {
    const missing = seq - this.#readSeq;
    this.#readSeq = seq;
    if (seq <= this.#appliedSeq) return;
    this.#options.logger.error({ missing, seq }, REMOVED);
    this.#isExact = false;
    await this.#untilDone(signal, async () => this.#keeper.advance(this.#positionAt(seq, [])));
    this.#appliedSeq = seq;
    this.#states.clear();
    this.#backfiller.start([]);
    await this.#settle(signal); // takes the sets over; what is read next is behind the gap
  }

  /** From the cache; the others from the store, in one call. */
  async #findStates(batch: IngestBatch): Promise<void> {
    const unknown = [];
    for (const entity of batch.entities.values()) {
      entity.state = this.#states.get(entity.name);
      if (entity.state === undefined) unknown.push(entity);
    }
    const found = await this.#keeper.read(unknown);
    for (const [index, entity] of unknown.entries()) {
      entity.state = EntityState.from(found[index]);
      entity.state.retain(entity.plan);
      this.#states.set(entity.name, entity.state);
    }
  }

  /** In the order of the stream: the last one put aside tells a replay which were. */
  async #putAside(refusals: readonly Refusal[]): Promise<void> {
    const { source, logger } = this.#options;
    if (refusals.length === 0) return;
    const lastSeq = await source.lastRejectedSeq(this.#epoch);
    for (const { message, reason } of refusals) {
      if (message.seq <= lastSeq) continue;
      await source.reject(message, this.#epoch, reason);
      logger.debug({ seq: message.seq, err: reason }, "event put aside");
    }
  }

  #count({ events, duplicates, tooLate, refusals }: IngestBatch): void {
    this.#progress.events += events;
    this.#progress.duplicates += duplicates;
    this.#progress.tooLate += tooLate;
    this.#progress.rejected += refusals.length;
  }

  /** Repeats a step while what it needs is away. */
  async #untilDone(signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await step();
      } catch (error) {
        const mayPass = error instanceof EngineError && error.meaning.retry === "later";
        if (!mayPass || signal.aborted) throw error;
        this.#options.logger.warn({ err: messageOf(error), attempt }, "ingester waits for a service");
        await this.#pause(signal);
      }
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    await delay(this.#pauseMs, undefined, { signal }).catch(() => undefined);
    this.#pauseMs = Math.min(this.#pauseMs * 2, RETRY_LAST_MS);
  }
}

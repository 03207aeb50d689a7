/**
 * Decides, between two readings of the ingester, which columns take events from now on, and fills those that lack events
 * from history.
 *
 *     sets changed → drop keys of what is gone → nothing missing ─────────────────────────────→ next reading
 *                                              └→ history complete up to here? no → later, at another position
 *                                                                              yes → backfill, type by type → keys kept
 *
 * Missing columns take no events until they are filled, so a value is whole or not there. While ClickHouse is away, or the
 * sink behind, what is known goes on. Invariant: keys are in the store's position before events are applied to their
 * columns, and after all writes of their backfill; a crash between leaves them missing, and they are filled anew.
 * Bound: `storedWaitMs` of waiting for the sink, RETRY_LAST_MS between attempts.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { EntityStore } from "../core/entity-store.ts";
import { EngineError, messageOf } from "../core/errors.ts";
import type { EventHistory } from "../core/event-history.ts";
import type { Logger } from "../core/log.ts";
import { Backfill, type BackfillProgress } from "./backfill.ts";
import type { ColumnPlan } from "./column-plan.ts";
import { columnKeys, KnownColumns, type MissingColumns } from "./known-columns.ts";

const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 10_000;
const STORED_POLL_MS = 50;
const LOG_MS = 2_000;
/** Of no sets, whatever they are: the next settling finds others. */
const NOTHING = new KnownColumns(new Map(), () => false);

export interface BackfillerOptions {
  readonly history: EventHistory;
  readonly store: EntityStore;
  /** Of the active feature sets; another map whenever they change. */
  readonly plans: () => ReadonlyMap<string, ColumnPlan>;
  /** How long ingestion may rest for the sink to store the last events, ms. */
  readonly storedWaitMs: number;
  readonly logger: Logger;
}

/** Where the ingester stands between two readings, and what it does for the backfiller. */
export interface IngestBoundary {
  readonly epoch: number;
  readonly seq: number;
  /** Sequence of the last new event up to `seq`: history is complete when it has it. 0: nothing has to be waited for. */
  readonly lastEventSeq: number;
  /** Whether there never was an event: then all columns are known. */
  readonly isBeginning: boolean;
  /** Whether no state holds events beyond `seq`: those would be missing in columns that are filled up to `seq`. */
  readonly canFill: boolean;
  /** Keeps the keys in the position. */
  keep(keys: readonly string[]): Promise<void>;
  readonly attempt: (step: () => Promise<void>) => Promise<void>;
  /** @throws Error when the store lost its data or has another writer. */
  readonly checkStore: () => Promise<void>;
}

export interface FillingStatus {
  /** Columns and fields that are active and not filled yet. */
  readonly missing: number;
  /** The backfill under way. */
  readonly backfill: BackfillProgress | undefined;
  /** The last order to fill everything anew, and the last that was carried out; 0 for none since the start. */
  readonly ordered: number;
  readonly filled: number;
}

export class Backfiller {
  readonly #options: BackfillerOptions;
  /** As the store's position has them. */
  #keys: ReadonlySet<string> = new Set();
  #known = NOTHING;
  #progress: BackfillProgress | undefined;
  #ordered = 0;
  #filled = 0;
  #dueMs = 0;
  #pauseMs = RETRY_FIRST_MS;
  #isWaiting = false;

  constructor(options: BackfillerOptions) {
    this.#options = options;
  }

  get status(): FillingStatus {
    let missing = 0;
    for (const { plan } of this.#known.missing) missing += plan.columns.length + plan.fields.length;
    return { missing, backfill: this.#progress, ordered: this.#ordered, filled: this.#filled };
  }

  /** Whether the sets have changed since the last settling. */
  get isBehindSets(): boolean {
    return this.#options.plans() !== this.#known.plans;
  }

  readonly planOf = (entityType: string): ColumnPlan | undefined => this.#known.planOf(entityType);

  /** Begins with what a position says is known. */
  start(keys: readonly string[]): void {
    this.#keys = new Set(keys);
    this.#known = NOTHING;
  }

  /** Fills all columns anew as soon as history is complete; what is served stays until it is replaced. */
  order(id: number): void {
    this.#ordered = Math.max(id, this.#ordered);
    this.#retryNow();
  }

  /**
   * To be called between two readings. True when states were replaced.
   * @throws Error that `boundary` throws; whatever is wrong with history is tried again later.
   */
  async settle(boundary: IngestBoundary, signal: AbortSignal): Promise<boolean> {
    const plans = this.#options.plans();
    if (plans !== this.#known.plans) await this.#adjust(plans, boundary);
    const isOrdered = this.#ordered > this.#filled;
    if (this.#known.missing.length === 0 && !isOrdered) return false;
    if (!boundary.canFill || performance.now() < this.#dueMs) return false;
    try {
      await this.#untilStored(boundary, signal);
      if (isOrdered) await this.#fillAll(boundary, signal);
      else await this.#fill(this.#known.missing, boundary, signal);
      this.#retryNow();
      return true;
    } catch (error) {
      if (signal.aborted || !(error instanceof EngineError) || error.meaning.retry !== "later") throw error;
      this.#retryLater(error);
      return false;
    } finally {
      this.#progress = undefined;
    }
  }

  /** Takes over other feature sets. Keys of what is gone are dropped first: later it would lack the events from here on. */
  async #adjust(plans: ReadonlyMap<string, ColumnPlan>, boundary: IngestBoundary): Promise<void> {
    await this.#keep(new KnownColumns(plans, (key) => boundary.isBeginning || this.#keys.has(key)), boundary);
    this.#retryNow();
  }

  async #keep(known: KnownColumns, boundary: IngestBoundary): Promise<void> {
    const isNew = known.keys.length !== this.#keys.size || !known.keys.every((key) => this.#keys.has(key));
    if (isNew) await boundary.keep(known.keys);
    this.#keys = new Set(known.keys);
    this.#known = known;
  }

  async #untilStored({ epoch, lastEventSeq }: IngestBoundary, signal: AbortSignal): Promise<void> {
    const { history, storedWaitMs } = this.#options;
    if (lastEventSeq === 0) return;
    const giveUpMs = performance.now() + storedWaitMs;
    for (;;) {
      const storedSeq = await within(history.lastSeq(epoch), giveUpMs - performance.now());
      if (storedSeq >= lastEventSeq) return;
      if (performance.now() > giveUpMs) throw behind(`${storedSeq} of ${lastEventSeq} are stored`);
      await delay(STORED_POLL_MS, undefined, { signal });
    }
  }

  async #fillAll(boundary: IngestBoundary, signal: AbortSignal): Promise<void> {
    const order = this.#ordered;
    const all = new KnownColumns(this.#known.plans, () => false).missing;
    await this.#fill(all, boundary, signal);
    this.#filled = order;
  }

  async #fill(due: readonly MissingColumns[], boundary: IngestBoundary, signal: AbortSignal): Promise<void> {
    const { plans } = this.#known;
    for (const { entityType, plan } of due) {
      await this.#fillType(entityType, plan, boundary, signal);
      const filled = new Set(columnKeys(entityType, plan));
      await this.#keep(new KnownColumns(plans, (key) => this.#keys.has(key) || filled.has(key)), boundary);
    }
  }

  async #fillType(
    entityType: string,
    plan: ColumnPlan,
    boundary: IngestBoundary,
    signal: AbortSignal,
  ): Promise<void> {
    const { history, store, logger } = this.#options;
    const { epoch, seq, attempt, checkStore } = boundary;
    const active = this.#known.plans.get(entityType) ?? plan;
    const startedMs = performance.now();
    let loggedMs = startedMs;
    const onProgress = (progress: BackfillProgress): void => {
      this.#progress = progress;
      if (performance.now() - loggedMs < LOG_MS) return;
      loggedMs = performance.now();
      const { rows, rowsTotal } = progress;
      logger.info({ ...progress, share: rowsTotal === 0 ? 1 : rows / rowsTotal }, "backfill goes on");
    };
    const columns = plan.columns.length + plan.fields.length;
    logger.info({ entityType, columns, seq }, "backfill started");
    // What happened earlier is in no window and in no last value any more.
    const range = { entityType, epoch, seq, sinceMs: Math.max(0, Date.now() - active.ttlMs) };
    const options = { history, store, range, active, plan, attempt, checkStore, onProgress, signal };
    const { entities, rows } = await new Backfill(options).run();
    const tookMs = Math.round(performance.now() - startedMs);
    logger.info({ entityType, columns, entities, rows, tookMs }, "backfill done");
  }

  #retryNow(): void {
    this.#dueMs = 0;
    this.#pauseMs = RETRY_FIRST_MS;
    this.#isWaiting = false;
  }

  /** Says so once. */
  #retryLater(error: EngineError): void {
    const { logger } = this.#options;
    const level = this.#isWaiting ? "debug" : "warn";
    logger[level]({ err: messageOf(error) }, "backfill waits for the history, known features go on");
    this.#isWaiting = true;
    this.#dueMs = performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, RETRY_LAST_MS);
  }
}

function behind(why: string): EngineError {
  return new EngineError("SERVICE_UNAVAILABLE", `the history is behind: ${why}`);
}

/** The answer, or SERVICE_UNAVAILABLE after `waitMs`: ingestion rests meanwhile. */
export async function within<T>(answer: Promise<T>, waitMs: number): Promise<T> {
  const over = new AbortController();
  const late = delay(Math.max(1, waitMs), undefined, { signal: over.signal }).then(() => {
    throw behind("ClickHouse does not answer");
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    over.abort();
  }
}

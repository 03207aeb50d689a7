/**
 * Tells of everything in a registry now, and of each thing that changes from then on: models, or the active feature sets.
 *
 * The KV watch only says that something changed; what is told is always read afresh, and told only when it differs
 * from what was told last. So an event that is missed or comes twice does no harm: everything is read again after
 * a reconnect, after a watch that ended, and every 30 s. Bound: one entry per name, one callback at a time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type KV, type KvWatchEntry, KvWatchInclude } from "@nats-io/kv";
import type { NatsConnection, QueuedIterator, Status } from "@nats-io/transport-node";
import { toCanonicalJson } from "../engine/core/canonical-json.ts";

export interface RegistryWatch {
  /** Ends the watch and waits for a callback that is running; so it must not be awaited inside one. */
  stop(): Promise<void>;
}

/** What is told, under the name by which it is recognized. */
export interface Watched {
  readonly name: string;
}

export interface WatchSource<T extends Watched> {
  readonly connection: NatsConnection;
  readonly kv: KV;
  readonly list: () => Promise<readonly T[]>;
  /** Hears of failures that the watch copes with by trying again. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

export type RegistryListener<T> = (state: T) => void | Promise<void>;

const RESYNC_MS = 30_000;
const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 5_000;

/** Returns once the listener has heard of everything. @throws EngineError SERVICE_UNAVAILABLE if that fails. */
export async function watchRegistry<T extends Watched>(
  source: WatchSource<T>,
  listener: RegistryListener<T>,
): Promise<RegistryWatch> {
  const watcher = new Watcher(source, listener);
  await watcher.begin();
  return watcher;
}

class Watcher<T extends Watched> implements RegistryWatch {
  readonly #source: WatchSource<T>;
  readonly #listener: RegistryListener<T>;
  readonly #stopping = new AbortController();
  readonly #told = new Map<string, string>();
  #statuses: AsyncIterable<Status> | undefined;
  #entries: QueuedIterator<KvWatchEntry> | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #isStale = false;
  #wake: () => void = () => undefined;

  constructor(source: WatchSource<T>, listener: RegistryListener<T>) {
    this.#source = source;
    this.#listener = listener;
  }

  async begin(): Promise<void> {
    this.#entries = await this.#open(); // before the first reading: no change may fall in between
    await this.#tell();
    void this.#source.connection.closed().then(() => this.#end());
    this.#running = Promise.all([this.#followEntries(), this.#followConnection(), this.#keepTelling()]);
  }

  async stop(): Promise<void> {
    this.#end();
    await this.#running;
  }

  #end(): void {
    this.#stopping.abort();
    this.#entries?.stop();
    stopStatuses(this.#statuses);
    this.#wake();
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #open(): Promise<QueuedIterator<KvWatchEntry>> {
    return this.#source.kv.watch({ include: KvWatchInclude.UpdatesOnly, headers_only: true });
  }

  #markStale(): void {
    this.#isStale = true;
    this.#wake();
  }

  /** Follows one KV watch after the other. */
  async #followEntries(): Promise<void> {
    let delayMs = RETRY_FIRST_MS;
    while (!this.#isStopped) {
      try {
        this.#entries ??= await this.#open();
        if (this.#isStopped) this.#entries.stop();
        this.#markStale(); // what changed while nobody watched
        const entries = this.#entries[Symbol.asyncIterator]();
        while ((await entries.next()).done !== true) {
          delayMs = RETRY_FIRST_MS;
          this.#markStale();
        }
      } catch (error) {
        this.#source.onFailure?.(error);
      }
      this.#entries = undefined;
      await this.#pause(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_LAST_MS);
    }
  }

  /** The server-side half of a watch is gone after a restart, which the client would notice ten seconds later. */
  async #followConnection(): Promise<void> {
    this.#statuses = this.#source.connection.status();
    if (this.#isStopped) return;
    for await (const status of this.#statuses) {
      if (status.type === "reconnect") this.#entries?.stop();
    }
  }

  async #keepTelling(): Promise<void> {
    let delayMs = RETRY_FIRST_MS;
    while (!this.#isStopped) {
      if (!this.#isStale) await this.#staleOrDue();
      if (this.#isStopped) return;
      this.#isStale = false;
      try {
        await this.#tell();
        delayMs = RETRY_FIRST_MS;
      } catch (error) {
        this.#source.onFailure?.(error);
        this.#isStale = true;
        await this.#pause(delayMs);
        delayMs = Math.min(delayMs * 2, RETRY_LAST_MS);
      }
    }
  }

  async #staleOrDue(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, RESYNC_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  /** A listener that throws hears of the same state again. */
  async #tell(): Promise<void> {
    for (const state of await this.#source.list()) {
      if (this.#isStopped) return;
      const text = toCanonicalJson(state);
      if (this.#told.get(state.name) === text) continue;
      await this.#listener(state);
      this.#told.set(state.name, text);
    }
  }

  async #pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

/** The client's status iterator can be stopped; its public type does not say so. */
function stopStatuses(statuses: AsyncIterable<Status> | undefined): void {
  if (statuses === undefined || !("stop" in statuses) || typeof statuses.stop !== "function") return;
  statuses.stop();
}

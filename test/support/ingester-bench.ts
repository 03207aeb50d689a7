/** An ingester over a stream and a store that fail on demand, and what must be in the store whatever happens. */
import assert from "node:assert/strict";
import { pino } from "pino";
import type {
  EntityKey,
  EntityStore,
  EntityWrite,
  IngestPosition,
  StoreReading,
} from "../../engine/core/entity-store.ts";
import { EngineError } from "../../engine/core/errors.ts";
import type { ColumnPlan } from "../../engine/features/column-plan.ts";
import { FeatureIngester } from "../../engine/features/feature-ingester.ts";
import { MemoryEntityStore } from "../../storage/entity-store-memory.ts";
import { eventually } from "./eventually.ts";
import { FakeEventHistory } from "./fake-event-history.ts";
import { FakeFeatureStream } from "./fake-feature-stream.ts";
import { CARD_PLANS, type CardEvent, cardEvent, storedTotals, totalsOf } from "./feature-events.ts";

export const CARDS = 5;

/** The in-process store, with the faults of one that is reached over a network. */
export class FaultyStore implements EntityStore {
  memory = new MemoryEntityStore();
  isAway = false;
  reads = 0;
  refusals = 0;
  /** Consumed one per writing: what goes wrong after it. */
  readonly faults: ("answer lost" | "data lost" | "position's answer lost")[] = [];

  async read(keys: readonly EntityKey[]): Promise<(Buffer | undefined)[]> {
    this.#expectReachable();
    if (keys.length > 0) this.reads++;
    return this.memory.read(keys);
  }

  async readWithPosition(keys: readonly EntityKey[]): Promise<StoreReading> {
    this.#expectReachable();
    return this.memory.readWithPosition(keys);
  }

  async write(writes: readonly EntityWrite[]): Promise<void> {
    this.#expectReachable();
    const writing = this.memory.write(writes);
    if (this.faults[0] === "data lost" && this.faults.shift()) this.lose();
    await writing;
    if (this.faults[0] === "answer lost" && this.faults.shift()) throw unavailable();
  }

  async position(): Promise<IngestPosition | undefined> {
    this.#expectReachable();
    return this.memory.position();
  }

  async setPosition(position: IngestPosition): Promise<void> {
    this.#expectReachable();
    await this.memory.setPosition(position);
    if (this.faults[0] === "position's answer lost" && this.faults.shift()) throw unavailable();
  }

  lose(): void {
    void this.memory.close();
    this.memory = new MemoryEntityStore();
  }

  async close(): Promise<void> {
    await this.memory.close();
  }

  #expectReachable(): void {
    if (!this.isAway) return;
    this.refusals++;
    throw unavailable();
  }
}

function unavailable(): EngineError {
  return new EngineError("SERVICE_UNAVAILABLE", "away");
}

interface Bench {
  readonly stream: FakeFeatureStream;
  readonly store: FaultyStore;
  readonly ingester: FeatureIngester;
  /** Waits until all is applied, and compares every card. */
  expectTotals(events: readonly CardEvent[]): Promise<void>;
}

interface Bounds {
  readonly plans?: () => ReadonlyMap<string, ColumnPlan>;
  readonly stateBytesMax?: number;
  readonly recentIdsMax?: number;
  readonly eventsMax?: number;
  /** By default one that has all of the stream. */
  readonly history?: () => FakeEventHistory | undefined;
}

/** `restarted`: what holds for a second ingester, after the first has stopped. */
export async function withIngester(
  prepare: (stream: FakeFeatureStream, store: FaultyStore) => Promise<void> | void,
  check: (bench: Bench) => Promise<void>,
  options: Bounds = {},
  restarted?: (bench: Bench) => Promise<void>,
): Promise<void> {
  const stream = new FakeFeatureStream();
  const store = new FaultyStore();
  await prepare(stream, store);
  await runIngester(stream, store, check, options);
  if (restarted !== undefined) await runIngester(stream, store, restarted, options);
  await store.close();
}

async function runIngester(
  stream: FakeFeatureStream,
  store: FaultyStore,
  check: (bench: Bench) => Promise<void>,
  { history, ...options }: Bounds,
): Promise<void> {
  const ingester = new FeatureIngester({
    source: stream,
    store,
    history: history?.() ?? new FakeEventHistory(stream),
    plans: () => CARD_PLANS,
    storedWaitMs: 100,
    eventsMax: 7,
    stateBytesMax: 5_000,
    recentIdsMax: 1_024,
    ...options,
    logger: pino({ level: "silent" }),
  });
  const stopping = new AbortController();
  const running = ingester.run(stopping.signal);
  const expectTotals = async (events: readonly CardEvent[]): Promise<void> => {
    const { epoch, lastSeq } = await stream.position();
    await eventually(`all up to ${lastSeq} is applied`, async () => {
      const position = await store.memory.position();
      return position?.epoch === epoch && position.seq === lastSeq && ingester.progress.seq === lastSeq;
    });
    const expected = totalsOf(events);
    assert.deepEqual(await storedTotals(store.memory, expected.keys()), expected);
  };
  try {
    await check({ stream, store, ingester, expectTotals });
  } finally {
    stopping.abort();
    await running;
  }
}

export const events = (count: number, first = 0): CardEvent[] =>
  Array.from({ length: count }, (_, index) => cardEvent(first + index, CARDS, Date.now() - 1_000));

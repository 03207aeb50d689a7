/** The history that a sink would have made of a fake stream, with the faults of ClickHouse on demand. */
import { EngineError } from "../../engine/core/errors.ts";
import type { EventHistory, HistoryEvent, HistoryRange } from "../../engine/core/event-history.ts";
import { eventKey } from "../../engine/core/feature-row.ts";
import { readFeatureMessage } from "../../engine/features/feature-message.ts";
import type { FakeFeatureStream } from "./fake-feature-stream.ts";

const CHUNK = 7;

interface Stored extends HistoryEvent {
  readonly entityType: string;
}

export class FakeEventHistory implements EventHistory {
  readonly #stream: FakeFeatureStream;
  isAway = false;
  /** The sink has not come further. */
  storedSeq = Infinity;
  /** Fails the next readings after so many chunks. */
  readonly cuts: number[] = [];
  refusals = 0;
  /** How often it was asked how far it is. */
  asked = 0;
  readings = 0;
  /** Called before each chunk. */
  onChunk: () => void | Promise<void> = () => undefined;

  constructor(stream: FakeFeatureStream) {
    this.#stream = stream;
  }

  async lastSeq(epoch: number): Promise<number> {
    this.#expectReachable();
    this.asked++;
    return this.#stored().findLast((one) => one.epoch === epoch)?.event.seq ?? 0;
  }

  async count(range: HistoryRange): Promise<number> {
    this.#expectReachable();
    return this.#within(range).length;
  }

  async *events(range: HistoryRange): AsyncGenerator<readonly HistoryEvent[]> {
    this.#expectReachable();
    this.readings++;
    const rows = this.#within(range).sort((a, b) => {
      const byId = a.event.entityId.localeCompare(b.event.entityId);
      return byId || a.epoch - b.epoch || a.event.seq - b.event.seq;
    });
    let chunksLeft = this.cuts.shift() ?? Infinity;
    for (let first = 0; first < rows.length; first += CHUNK) {
      await this.onChunk();
      this.#expectReachable();
      if (chunksLeft-- <= 0) throw unavailable();
      yield rows.slice(first, first + CHUNK);
    }
  }

  async recentIds(epoch: number, seq: number, limit: number): Promise<Buffer> {
    this.#expectReachable();
    const rows = this.#stored().filter((one) => isUpTo(one, epoch, seq));
    return Buffer.concat(
      rows.slice(-limit).map(({ entityType, event }) => eventKey(entityType, event.eventId)),
    );
  }

  #within({ entityType, epoch, seq, sinceMs }: HistoryRange): Stored[] {
    return this.#stored().filter(
      (one) => one.entityType === entityType && isUpTo(one, epoch, seq) && one.event.eventMs >= sinceMs,
    );
  }

  /** Each event once, the first that came of it. */
  #stored(): Stored[] {
    const ids = new Set<string>();
    return this.#stream.added.flatMap(({ epoch, message }) => {
      if (message.seq > this.storedSeq) return [];
      try {
        const { entityType, event } = readFeatureMessage(message);
        const id = `${entityType} ${event.eventId}`;
        if (ids.has(id)) return [];
        ids.add(id);
        return { epoch, entityType, event };
      } catch {
        return [];
      }
    });
  }

  #expectReachable(): void {
    if (!this.isAway) return;
    this.refusals++;
    throw unavailable();
  }
}

function isUpTo(one: Stored, epoch: number, seq: number): boolean {
  return one.epoch < epoch || (one.epoch === epoch && one.event.seq <= seq);
}

function unavailable(): EngineError {
  return new EngineError("SERVICE_UNAVAILABLE", "away");
}

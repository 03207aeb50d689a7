/**
 * All feature events that were ever stored, entity by entity: what columns of a new feature set are filled from, and all of
 * them when the online store and the beginning of the stream are lost.
 */
import type { FeatureEvent } from "./feature-event.ts";

/** Events of one entity type up to a position of the stream, those of earlier streams included. */
export interface HistoryRange {
  readonly entityType: string;
  readonly epoch: number;
  readonly seq: number;
  /** Only what happened at this moment or later, ms. */
  readonly sinceMs: number;
}

export interface HistoryEvent {
  /** Creation time of the stream that it came through. */
  readonly epoch: number;
  /** Its `eventId` is empty. */
  readonly event: FeatureEvent;
}

/** Every method @throws EngineError SERVICE_UNAVAILABLE. */
export interface EventHistory {
  /** Sequence of the last event stored of the stream that was created at `epoch`, or 0; all before it are stored. */
  lastSeq(epoch: number): Promise<number>;
  count(range: HistoryRange): Promise<number>;
  /** Entity after entity; the events of one in the order in which they were stored. Each event once. */
  events(range: HistoryRange): AsyncIterable<readonly HistoryEvent[]>;
  /** Ids of the last `limit` events up to the position, of all types, oldest first: 16 bytes each as eventKey makes them. */
  recentIds(epoch: number, seq: number, limit: number): Promise<Buffer>;
}

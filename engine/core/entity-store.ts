/**
 * Where the online states of entities are kept: opaque bytes by entity, written by one ingester, read by all engines.
 *
 * Implemented over Redis, Redis Cluster and in process; one conformance suite holds them to this contract. Calls take
 * effect in the order in which they are made, awaited or not: a position that is asked for behind a read or a write is
 * that of the same store afterwards, on each of its nodes.
 */

export interface EntityKey {
  /** Entity type, a name as in MODEL_NAME. */
  readonly type: string;
  /** Any text of 1 to 128 characters. */
  readonly id: string;
}

export interface EntityWrite extends EntityKey {
  readonly state: Buffer;
  /** The state may be forgotten this long after its last write. */
  readonly ttlMs: number;
}

/** How far the ingester has come: every event up to `seq` of the stream created at `epoch` is in the states. */
export interface IngestPosition {
  readonly epoch: number;
  readonly seq: number;
  /** What of the events: columns and fields that hold all of them, by their keys (see known-columns), in ascending order. */
  readonly columns: readonly string[];
  /** While `seq` is below it the states are being rebuilt: they hold but the beginning of what was known. Absent: they are whole. */
  readonly wholeFromSeq?: number;
}

/** States as serving reads them. */
export interface StoreReading {
  /** In the order of the keys: undefined where there is none, null where that cannot be told now. */
  readonly states: readonly (Buffer | undefined | null)[];
  /** The position of the same moment, as `position` answers it; of several nodes, of those that were asked and answered. */
  readonly position: IngestPosition | undefined;
  /** Why some states are null, when a node did not answer. */
  readonly failure: string | undefined;
}

export interface EntityStore {
  /**
   * The states in the order of `keys`, undefined where there is none: one round trip (one per node of a cluster).
   * @throws EngineError SERVICE_UNAVAILABLE, within the store's time-out.
   */
  read(keys: readonly EntityKey[]): Promise<(Buffer | undefined)[]>;
  /** `read` for serving: what a node holds that does not answer is null. @throws SERVICE_UNAVAILABLE when none answers. */
  readWithPosition(keys: readonly EntityKey[]): Promise<StoreReading>;
  /** Replaces states, each as a whole; they can be read by everybody once this resolves. @throws SERVICE_UNAVAILABLE. */
  write(writes: readonly EntityWrite[]): Promise<void>;
  /**
   * The position last set, or undefined when there is none. A store of several nodes answers the least of theirs, and
   * undefined when one has none: what that node held is lost.
   * @throws EngineError SERVICE_UNAVAILABLE.
   */
  position(): Promise<IngestPosition | undefined>;
  setPosition(position: IngestPosition): Promise<void>;
  close(): Promise<void>;
}

/**
 * What the entity store needs of Redis, over one server or a cluster: values by key, a round trip per node for many.
 */

export interface KeyWrite {
  readonly key: string;
  readonly value: Buffer | string;
  /** The key is removed after this time; undefined: never. Milliseconds. */
  readonly ttlMs?: number;
}

/** Every method @throws EngineError SERVICE_UNAVAILABLE within the time-out. */
export interface KeyStore {
  /** Values in the order of `keys`, undefined where there is none. */
  get(keys: readonly string[]): Promise<(Buffer | undefined)[]>;
  set(writes: readonly KeyWrite[]): Promise<void>;
  /** Keys that begin with `name`, at least one on every master: where one is missing, that master lost its data. */
  keysOnAllMasters(name: string): readonly string[];
  close(): void;
}

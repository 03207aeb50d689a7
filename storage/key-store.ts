/**
 * What the entity store needs of Redis, over one server or a cluster: values by key, a round trip per node for many.
 */

export interface KeyWrite {
  readonly key: string;
  readonly value: Buffer | string;
  /** The key is removed after this time; undefined: never. Milliseconds. */
  readonly ttlMs?: number;
}

export interface ValuesBeside {
  /** In the order of the keys: undefined where there is none, null where its node did not answer. */
  readonly values: readonly (Buffer | undefined | null)[];
  /** Of each node that was asked and answered, a value of `keysOnAllMasters` that it holds, as it was all the while. */
  readonly beside: readonly (Buffer | undefined)[];
  /** Why a node did not answer. */
  readonly failure: string | undefined;
}

/** Every method @throws EngineError SERVICE_UNAVAILABLE within the time-out. */
export interface KeyStore {
  /** Values in the order of `keys`, undefined where there is none. */
  get(keys: readonly string[]): Promise<(Buffer | undefined)[]>;
  /** `get`, and beside the values a key of `keysOnAllMasters(name)`. @throws SERVICE_UNAVAILABLE when no node answers. */
  getBeside(name: string, keys: readonly string[]): Promise<ValuesBeside>;
  set(writes: readonly KeyWrite[]): Promise<void>;
  /** Keys that begin with `name`, at least one on every master: where one is missing, that master lost its data. */
  keysOnAllMasters(name: string): readonly string[];
  close(): void;
}

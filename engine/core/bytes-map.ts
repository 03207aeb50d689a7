// hot path
/**
 * A map by texts that stand in larger bytes: found there in UTF-8, without decoding them.
 *
 * Texts of the same hash stand in a chain. Bound: the caller's; nothing is taken out.
 */

interface Entry<V> {
  readonly key: Uint8Array;
  readonly value: V;
  readonly next: Entry<V> | undefined;
}

export class BytesMap<V> {
  readonly #byHash = new Map<number, Entry<V>>();

  /** The value of the text at [start, end) of `bytes`. */
  get(bytes: Uint8Array, start: number, end: number): V | undefined {
    let entry = this.#byHash.get(hashOf(bytes, start, end));
    while (entry !== undefined && !isAt(entry.key, bytes, start, end)) entry = entry.next;
    return entry?.value;
  }

  /** `key` is kept, and must not be there yet. */
  set(key: Uint8Array, value: V): void {
    const hash = hashOf(key, 0, key.length);
    this.#byHash.set(hash, { key, value, next: this.#byHash.get(hash) });
  }
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash;
}

function isAt(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = key;
  if (end - start !== length) return false;
  for (let at = 0; at < length; at++) if (key[at] !== bytes[start + at]) return false;
  return true;
}

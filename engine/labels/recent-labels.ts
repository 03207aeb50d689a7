// hot path
/**
 * What was said last of each of the latest things that were labelled, so that the same label again is stored once.
 *
 * Not the ids of labels: a label that goes back to what it was before (fraud, legitimate, fraud) is no repeat. Two generations
 * of an open-addressing table, as in recent-ids: the first eight bytes are the key, the last eight what is
 * said of it. Two keys of the same eight bytes would but forget each other. Bound: 64 bytes for each of `capacity`.
 */

class Generation {
  readonly words: BigUint64Array;
  readonly mask: number;
  count = 0;

  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.words = new BigUint64Array(slots * 2);
    this.mask = slots - 1;
  }

  /** Word index of the key's slot, or of the empty one where it would go. */
  find(key: bigint): number {
    const { words, mask } = this;
    for (let slot = Number(key & 0xffff_ffffn) & mask; ; slot = (slot + 1) & mask) {
      const held = words[slot * 2];
      if (held === key || held === 0n) return slot * 2;
    }
  }

  clear(): void {
    this.words.fill(0n);
    this.count = 0;
  }
}

export class RecentLabels {
  readonly #capacity: number;
  #young: Generation;
  #old: Generation;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#young = new Generation(capacity);
    this.#old = new Generation(capacity);
  }

  /** Remembers the 16 bytes at `offset`; false if they say what was said last of their key. */
  add(bytes: Buffer, offset: number): boolean {
    const key = bytes.readBigUInt64LE(offset);
    const said = bytes.readBigUInt64LE(offset + 8);
    const young = this.#young;
    const at = young.find(key);
    if (young.words[at] === key) {
      const isNew = young.words[at + 1] !== said;
      young.words[at + 1] = said;
      return isNew;
    }
    const old = this.#old.find(key);
    if (this.#old.words[old] === key && this.#old.words[old + 1] === said) return false;
    young.words[at] = key;
    young.words[at + 1] = said;
    young.count++;
    if (young.count >= this.#capacity) this.#turn();
    return true;
  }

  #turn(): void {
    const emptied = this.#old;
    this.#old = this.#young;
    emptied.clear();
    this.#young = emptied;
  }
}

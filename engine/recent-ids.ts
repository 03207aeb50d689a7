// hot path
/**
 * The ids of the latest stream predictions, so that a request that was delivered twice is stored once.
 *
 * Two generations of an open-addressing table over 16-byte ids: when the young one holds `capacity` ids it becomes
 * the old one and the old one is forgotten. So at least the latest `capacity` ids are known, in fixed memory:
 * 64 bytes for each. Ids are hashes already; their third word is the slot (version and variant of a
 * UUID are fixed bits of the others: with the first, probes grew with every id). An id of zeros cannot be kept.
 */

class Generation {
  readonly words: Uint32Array;
  readonly mask: number;
  count = 0;

  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.words = new Uint32Array(slots * 4);
    this.mask = slots - 1;
  }

  /** Word index of the id's slot, or of the empty one where it would go. */
  find(a: number, b: number, c: number, d: number): number {
    const { words, mask } = this;
    for (let slot = c & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 4;
      const isEmpty = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0;
      if (isEmpty || (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d))
        return at;
    }
  }

  isEmptyAt(at: number): boolean {
    const { words } = this;
    return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0;
  }
}

export class RecentIds {
  readonly #capacity: number;
  #young: Generation;
  #old: Generation;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#young = new Generation(capacity);
    this.#old = new Generation(capacity);
  }

  /** Remembers the 16 bytes at `offset`; false if they are known already. */
  add(bytes: Buffer, offset: number): boolean {
    const a = bytes.readUInt32LE(offset);
    const b = bytes.readUInt32LE(offset + 4);
    const c = bytes.readUInt32LE(offset + 8);
    const d = bytes.readUInt32LE(offset + 12);
    if (!this.#old.isEmptyAt(this.#old.find(a, b, c, d))) return false;
    const at = this.#young.find(a, b, c, d);
    if (!this.#young.isEmptyAt(at)) return false;
    this.#young.words.set([a, b, c, d], at);
    this.#young.count++;
    if (this.#young.count >= this.#capacity) this.#turn();
    return true;
  }

  #turn(): void {
    const emptied = this.#old;
    this.#old = this.#young;
    emptied.words.fill(0);
    emptied.count = 0;
    this.#young = emptied;
  }
}

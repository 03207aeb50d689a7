// hot path
/**
 * The ids of the latest stream predictions or feature events, so that one that comes again is stored, or counted, once.
 *
 * Two generations of an open-addressing table over 16-byte ids and the number of each: when the young one holds `capacity`
 * ids it becomes the old one and the old one is forgotten. Exactly the latest `capacity` ids are known, so that whoever
 * begins with these knows what others know who began earlier; in fixed memory: 80 bytes for each. Ids are hashes already;
 * their third word is the slot (version and variant of a UUID are fixed bits of the others: with the first, probes grew with
 * every id). An id of zeros cannot be kept.
 */

/** An id, and its number among all that were added. */
const SLOT_WORDS = 5;

class Generation {
  readonly words: Uint32Array;
  readonly mask: number;
  count = 0;

  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.words = new Uint32Array(slots * SLOT_WORDS);
    this.mask = slots - 1;
  }

  /** Word index of the id's slot, or of the empty one where it would go. */
  find(a: number, b: number, c: number, d: number): number {
    const { words, mask } = this;
    for (let slot = c & mask; ; slot = (slot + 1) & mask) {
      const at = slot * SLOT_WORDS;
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
  #added = 0;

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
    if (this.#isLatest(this.#old, this.#old.find(a, b, c, d))) return false;
    const at = this.#young.find(a, b, c, d);
    if (!this.#young.isEmptyAt(at)) return false;
    this.#young.words.set([a, b, c, d, this.#added++], at);
    this.#young.count++;
    if (this.#young.count >= this.#capacity) this.#turn();
    return true;
  }

  #isLatest(generation: Generation, at: number): boolean {
    const age = (this.#added - (generation.words[at + 4] as number)) >>> 0; // numbers wrap around
    return !generation.isEmptyAt(at) && age <= this.#capacity;
  }

  #turn(): void {
    const emptied = this.#old;
    this.#old = this.#young;
    emptied.words.fill(0);
    emptied.count = 0;
    this.#young = emptied;
  }
}

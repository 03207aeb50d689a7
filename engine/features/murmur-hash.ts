// hot path
/**
 * MurmurHash3, 32 bits, seed 0 (Austin Appleby, public domain): the same number as ClickHouse's murmurHash3_32, so that
 * what is counted online can be counted again from the tables.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** Of the UTF-8 bytes of a text. */
export function murmurHash32(text: string): number {
  const bytes = Buffer.from(text);
  const end = bytes.length - (bytes.length % 4);
  let hash = 0;
  for (let at = 0; at < end; at += 4) {
    hash ^= scramble(bytes.readUInt32LE(at));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = bytes.length - 1; at >= end; at--) rest = (rest << 8) | (bytes[at] as number);
  if (bytes.length > end) hash ^= scramble(rest);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(word: number): number {
  const mixed = Math.imul(word, C1);
  return Math.imul((mixed << 15) | (mixed >>> 17), C2);
}

/**
 * The hash slots of Redis Cluster: which of the 16384 a key belongs to, and keys made for a wanted slot.
 *
 * Slot = CRC16 (polynomial 0x1021, from 0) of the key's UTF-8 bytes modulo 16384; where the key has a non-empty text between
 * its first `{` and the next `}`, of that text only (Redis Cluster specification, "Key distribution model").
 */

export const SLOTS = 16_384;

/** The slot of `key`, 0 to 16383. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  if (open < 0) return crc16(key) % SLOTS;
  const close = key.indexOf("}", open + 1);
  return crc16(close > open + 1 ? key.slice(open + 1, close) : key) % SLOTS;
}

/** `name` with the hash tag that puts it into `slot`; the same key for the same slot, always. */
export function keyInSlot(name: string, slot: number): string {
  tags ??= findTags();
  return `${name}:{${tags[slot]}}`;
}

let tags: Uint32Array | undefined;

/** For every slot the least number that, as text, hashes to it: about 200,000 tries, once a process. */
function findTags(): Uint32Array {
  const found = new Uint32Array(SLOTS);
  for (let missing = SLOTS, tag = 1; missing > 0; tag++) {
    const slot = crc16(String(tag)) % SLOTS;
    if (found[slot] !== 0) continue;
    found[slot] = tag;
    missing--;
  }
  return found;
}

let table: Uint16Array | undefined;

function crc16(text: string): number {
  table ??= makeTable();
  let crc = 0;
  for (const byte of Buffer.from(text, "utf8"))
    crc = ((crc << 8) & 0xffff) ^ (table[((crc >> 8) ^ byte) & 0xff] ?? 0);
  return crc;
}

function makeTable(): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    return crc & 0xffff;
  });
}

// hot path
/**
 * Prediction ids: 16 bytes in a caller's buffer, and their text. Random ones are UUID version 7 (RFC 9562:
 * ordered by time, so they compress and sort well); repeatable ones are version 8 over a SHA-256.
 *
 * Randomness is drawn 64 KiB at a time: a draw per id costs more than everything else here together.
 */
import { hash, randomFillSync } from "node:crypto";

const POOL_BYTES = 65_536;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let poolOffset = POOL_BYTES;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Writes a new UUID version 7 at `offset`. */
export function writeUuid7(target: Uint8Array, offset: number, nowMs: number): void {
  if (poolOffset + 10 > POOL_BYTES) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const high = Math.floor(nowMs / 65_536);
  target[offset] = high >>> 24;
  target[offset + 1] = high >>> 16;
  target[offset + 2] = high >>> 8;
  target[offset + 3] = high;
  target[offset + 4] = nowMs >>> 8;
  target[offset + 5] = nowMs;
  for (let index = 6; index < 16; index++) target[offset + index] = pool[poolOffset++] as number;
  setVersion(target, offset, 0x70);
}

/** Writes the UUID version 8 that follows from `text` alone. */
export function writeUuidOf(target: Uint8Array, offset: number, text: string): void {
  const digest = hash("sha256", text, "buffer");
  target.set(digest.subarray(0, 16), offset);
  setVersion(target, offset, 0x80);
}

function setVersion(target: Uint8Array, offset: number, version: number): void {
  target[offset + 6] = ((target[offset + 6] as number) & 0x0f) | version;
  target[offset + 8] = ((target[offset + 8] as number) & 0x3f) | 0x80;
}

/** The 36 characters of the UUID at `offset`. */
export function uuidText(bytes: Uint8Array, offset: number): string {
  const hex = (index: number): string => HEX[bytes[offset + index] as number] as string;
  return (
    `${hex(0)}${hex(1)}${hex(2)}${hex(3)}-${hex(4)}${hex(5)}-${hex(6)}${hex(7)}-` +
    `${hex(8)}${hex(9)}-${hex(10)}${hex(11)}${hex(12)}${hex(13)}${hex(14)}${hex(15)}`
  );
}

/** A UUID's text as ClickHouse keeps it: two little-endian halves, the high one first. */
export function uuidKey(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll("-", ""), "hex");
  return Buffer.concat([bytes.subarray(0, 8).reverse(), bytes.subarray(8).reverse()]);
}

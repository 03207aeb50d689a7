/**
 * Groups of rows by hash: what splits, draws and looks for repeated rows by.
 *
 * A group is 32 bits, hashed where the rows are read: of an entity, else of a prediction's id (storage/served-rows) or of what the row
 * holds (storage/table-columns). Each use mixes in a salt of its own.
 */
import { murmurHash32 } from "../../features/murmur-hash.ts";

/** Of rows that were made up: MurmurHash3 of a text each. */
export function groupsOf(rows: number, groupOf: (row: number) => string): Uint32Array {
  const groups = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) groups[row] = murmurHash32(groupOf(row));
  return groups;
}

/** Where a group lies in [0, 1), independent of its place under any other salt. */
export function shareOf(group: number, salt: number): number {
  let mixed = (group + Math.imul(salt, 0x9e3779b9)) | 0; // the steps of MurmurHash3's finalizer
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

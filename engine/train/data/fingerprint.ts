/**
 * What tells whether two training tables are the same: SHA-256 over all that training depends on, in order.
 *
 *     JSON of inputs, classes and what there is | numbers | texts | targets | weights | times | groups
 *
 * Numbers are little-endian, every NaN the same bits, and texts are JSON, which says where it ends.
 * Of inputs only what decides how values are read: names, types, categories.
 */
import { createHash, type Hash } from "node:crypto";
import { toCanonicalJson } from "../../core/canonical-json.ts";
import type { TrainingTable } from "./training-table.ts";

const TEXTS_AT_ONCE = 4096;
const NUMBERS_AT_ONCE = 65_536;

/** 64 hex digits. */
export function fingerprintOf({
  inputs,
  raw,
  targets,
  classes,
  weights,
  timesMs,
  groups,
}: TrainingTable): string {
  const hash = createHash("sha256");
  const head = {
    rows: raw.count,
    inputs: inputs.map((input) => ({
      name: input.name,
      type: input.type,
      ...(input.type === "category" ? { categories: input.categories } : {}),
    })),
    classes: classes ?? null,
    has_weights: weights !== undefined,
    has_times: timesMs !== undefined,
  };
  hash.update(toCanonicalJson(head));
  addFloats(hash, raw.numbers, new Float32Array(NUMBERS_AT_ONCE));
  for (let at = 0; at < raw.texts.length; at += TEXTS_AT_ONCE)
    hash.update(JSON.stringify(raw.texts.slice(at, at + TEXTS_AT_ONCE)));
  const scratch = new Float64Array(NUMBERS_AT_ONCE);
  for (const values of [targets, weights, timesMs])
    if (values !== undefined) addFloats(hash, values, scratch);
  hash.update(new Uint8Array(groups.buffer, groups.byteOffset, groups.byteLength));
  return hash.digest("hex");
}

/** A NaN that was read from elsewhere may have other bits than JavaScript's own. */
function addFloats<T extends Float32Array | Float64Array>(hash: Hash, values: T, scratch: T): void {
  for (let start = 0; start < values.length; start += scratch.length) {
    const count = Math.min(scratch.length, values.length - start);
    for (let at = 0; at < count; at++) {
      const value = values[start + at] as number;
      scratch[at] = Number.isNaN(value) ? Number.NaN : value;
    }
    hash.update(new Uint8Array(scratch.buffer, 0, count * scratch.BYTES_PER_ELEMENT));
  }
}

/**
 * The ingester's position as a store keeps it, and the one that holds for several nodes.
 */
import type { IngestPosition } from "../engine/core/entity-store.ts";

/**
 * What was written as JSON {epoch, seq, columns, wholeFromSeq?}; undefined for nothing, and for what is no position: then all is read
 * again. Without columns none holds everything.
 */
export function fromPositionJson(bytes: Buffer | undefined): IngestPosition | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { epoch, seq, columns, wholeFromSeq } = JSON.parse(bytes.toString("utf8")) as Record<
      string,
      unknown
    >;
    if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(seq)) return undefined;
    const isList = Array.isArray(columns) && columns.every((key) => typeof key === "string");
    return {
      epoch: Number(epoch),
      seq: Number(seq),
      columns: isList ? columns : [],
      ...(Number.isSafeInteger(wholeFromSeq) ? { wholeFromSeq: Number(wholeFromSeq) } : {}),
    };
  } catch {
    return undefined;
  }
}

/**
 * The least of the nodes' positions, an earlier stream being less, with the columns that all of them have, whole from where the
 * last of them is; undefined when one node has none.
 */
export function leastPosition(
  positions: readonly (IngestPosition | undefined)[],
): IngestPosition | undefined {
  let [least] = positions;
  for (const position of positions) {
    if (position === undefined || least === undefined) return undefined;
    const { epoch, seq } =
      position.epoch < least.epoch || (position.epoch === least.epoch && position.seq < least.seq)
        ? position
        : least;
    const others = new Set(position.columns);
    const wholeFromSeq = Math.max(position.wholeFromSeq ?? 0, least.wholeFromSeq ?? 0);
    least = {
      epoch,
      seq,
      columns: least.columns.filter((key) => others.has(key)),
      ...(wholeFromSeq > 0 ? { wholeFromSeq } : {}),
    };
  }
  return least;
}

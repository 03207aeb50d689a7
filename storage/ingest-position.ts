/**
 * The ingester's position as a store keeps it, and the one that holds for several nodes.
 */
import type { IngestPosition } from "../engine/core/entity-store.ts";

/** What was written as JSON {epoch, seq}; undefined for nothing, and for what is no position: then all is read again. */
export function fromPositionJson(bytes: Buffer | undefined): IngestPosition | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { epoch, seq } = JSON.parse(bytes.toString("utf8")) as Partial<IngestPosition>;
    return Number.isSafeInteger(epoch) && Number.isSafeInteger(seq)
      ? { epoch: Number(epoch), seq: Number(seq) }
      : undefined;
  } catch {
    return undefined;
  }
}

/** The least of the nodes' positions, an earlier stream being less; undefined when one node has none. */
export function leastPosition(
  positions: readonly (IngestPosition | undefined)[],
): IngestPosition | undefined {
  let [least] = positions;
  for (const position of positions) {
    if (position === undefined || least === undefined) return undefined;
    if (position.epoch < least.epoch || (position.epoch === least.epoch && position.seq < least.seq))
      least = position;
  }
  return least;
}

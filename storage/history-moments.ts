/**
 * The moments asked for, as a part of a query: bound arrays, in pieces that every server takes as one value.
 *
 *     moment · entity_id · as_of · known_to
 *
 * An event was known at a moment if its key is at most `known_to`. By arrival the key is the arrival time. By sequence it is
 * the event's position: the stream's number among all that there were, from 1, times POSITIONS_MAX, plus its sequence.
 */
import type { QueryParams } from "./query-params.ts";

/** Positions stay below 2^53 for up to 512 streams. */
const POSITIONS_MAX = 2 ** 44;
/** ClickHouse takes 128 KiB as one value of a form. */
const PIECE_BYTES_MAX = 100_000;
const NUMBER_BYTES = 18;

/** A moment, and up to where events were known at it. */
export interface Moment {
  readonly entityId: string;
  readonly asOfMs: number;
  /** Key of the last event that was known. */
  readonly knownTo: number;
}

/** What tells whether an event was known. */
export type KnownBy = "arrival" | "sequence";

export interface MomentsSql {
  /** A SELECT of all moments. */
  readonly rows: string;
  /** Key of an event, of columns of feature_values. */
  readonly knownKey: string;
  /** Order in which events came, of columns of feature_values. */
  readonly position: string;
  /** Condition on feature_values that all events that any moment knows meet. */
  readonly scanned: string;
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * @param moments not empty.
 * @param epochs creation times of all streams that events came through, ascending.
 */
export function momentsSql(
  moments: readonly Moment[],
  knownBy: KnownBy,
  epochs: readonly number[],
  params: QueryParams,
): MomentsSql {
  const bySeq = knownBy === "sequence";
  const pieces = inPieces(moments).map((piece) => [
    params.texts(piece.map(({ entityId }) => entityId)),
    params.bind(
      piece.map(({ asOfMs }) => asOfMs),
      "Array(Int64)",
    ),
    params.bind(
      piece.map(({ knownTo }) => knownTo),
      "Array(UInt64)",
    ),
  ]);
  const all = (part: number): string => `arrayConcat(${pieces.map((piece) => piece[part]).join(", ")})`;
  const position = `indexOf(${params.bind(epochs, "Array(UInt64)")}, log_epoch) * ${POSITIONS_MAX} + log_seq`;
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = 0;
  for (const { asOfMs } of moments) {
    firstMs = Math.min(firstMs, asOfMs);
    lastMs = Math.max(lastMs, asOfMs);
  }
  return {
    rows: `SELECT moment, entity_id, as_of, known_to FROM (SELECT ${all(0)} AS ids, ${all(1)} AS times, ${all(2)} AS bounds)
      ARRAY JOIN ids AS entity_id, times AS as_of, bounds AS known_to, arrayEnumerate(ids) AS moment`,
    knownKey: bySeq ? position : "toUInt64(toUnixTimestamp64Milli(arrival_time))",
    position,
    scanned: bySeq ? "1" : `arrival_time <= fromUnixTimestamp64Milli(${params.bind(lastMs, "Int64")}, 'UTC')`,
    firstMs,
    lastMs,
  };
}

/** The key of an event by its sequence in the stream with that number. */
export function positionOf(stream: number, seq: number): number {
  return stream * POSITIONS_MAX + seq;
}

function inPieces(moments: readonly Moment[]): Moment[][] {
  const pieces: Moment[][] = [];
  let room = 0;
  for (const moment of moments) {
    const bytes = Math.max(NUMBER_BYTES, Buffer.byteLength(moment.entityId) * 2 + 3); // escaped, at most
    if (bytes > room) {
      pieces.push([]);
      room = PIECE_BYTES_MAX;
    }
    pieces.at(-1)?.push(moment);
    room -= bytes;
  }
  return pieces;
}

/**
 * Which stream a sequence is of, where there was more than one: sequences begin anew with each, and what a prediction noted does not
 * say which. It is the latest through which the entity had an event of that sequence by the moment.
 */
import type { HistoryMoment, HistoryPlan } from "../engine/core/feature-history.ts";
import type { MomentsSql } from "./history-moments.ts";
import type { QueryParams } from "./query-params.ts";

/** How far the clock of whoever noted the moment may be behind that of the stream. */
const SKEW_MS = 1_000;

/** Rows of the query: number of the moment, creation time of the stream. */
export type StreamsRow = readonly [moment: number, epoch: number];

/** @param moments whose known_to is the sequence alone. */
export function streamsQuery(
  table: string,
  { entityType }: HistoryPlan,
  moments: MomentsSql,
  params: QueryParams,
): string {
  return `
    SELECT m.moment, max(e.log_epoch)
    FROM (
      SELECT entity_id, log_epoch, log_seq, toUnixTimestamp64Milli(arrival_time) AS arrived FROM ${table}
      WHERE entity_type = ${params.text(entityType)} AND entity_id IN (SELECT entity_id FROM (${moments.rows}))
    ) AS e
    INNER JOIN (${moments.rows}) AS m ON e.entity_id = m.entity_id AND e.log_seq = m.known_to
    WHERE e.arrived <= m.as_of + ${SKEW_MS}
    GROUP BY m.moment`;
}

/** Numbers of the streams of the moments, from 1: those found, or else the one that there was at the moment. */
export function streamsOf(
  moments: readonly HistoryMoment[],
  epochs: readonly number[],
  found: readonly StreamsRow[],
): number[] {
  const byMoment = new Map(found);
  return moments.map(({ asOfMs }, index) => {
    const epoch = byMoment.get(index + 1) ?? asOfMs;
    return epochs.findLastIndex((one) => one <= epoch) + 1;
  });
}

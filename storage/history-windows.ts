/**
 * The query for the totals of windows: one pass over the events of some entities, joined with the moments asked for.
 *
 *     events (expressions of each, once) ⨝ moments by entity and stretch of time → conditional aggregates by moment
 *
 * A moment is joined only with the stretches of time that its longest window touches, so neither long histories nor
 * many moments of one entity multiply. What is computed of an event (is it counted, its scaled integer, its hash) is computed
 * before the join.
 */
import type { HistoryColumn, HistoryPlan, WindowTotal } from "../engine/core/feature-history.ts";
import type { MomentsSql } from "./history-moments.ts";
import { filterCondition, KeptColumns } from "./history-rules.ts";
import type { QueryParams } from "./query-params.ts";

/** As features/distinct-count keeps. */
const DISTINCT_HASHES_MAX = 128;
/** Stretches that the longest window is divided into. */
const STRETCHES = 16;

/** Rows of the query: number of the moment, then the parts of each column in the order of `partsOf`. */
export function windowsQuery(
  table: string,
  plan: HistoryPlan,
  moments: MomentsSql,
  params: QueryParams,
): string {
  const events = new Expressions("e");
  const spans = new Expressions("m");
  const kept = new KeptColumns(params);
  const stretchMs = Math.ceil(Math.max(...plan.columns.map(({ hopMs, tiles }) => hopMs * tiles)) / STRETCHES);
  const totals = plan.columns.flatMap((column) => totalsOf(column, events, spans, kept, params));
  const starts = plan.columns.map(startOf);
  const ends = plan.columns.map(endOf);
  const { fromMs, toMs } = reachOf(plan.columns, moments);
  return `
    SELECT m.moment, ${totals.join(",\n      ")}
    FROM (
      SELECT entity_id, toUnixTimestamp64Milli(event_time) AS t, toUnixTimestamp64Milli(arrival_time) AS arrived,
        log_seq, ${moments.knownKey} AS known, toUInt64(intDiv(t, ${stretchMs})) AS stretch
        ${kept.select()} ${events.select()}
      FROM ${table}
      WHERE entity_type = ${params.text(plan.entityType)} AND entity_id IN (SELECT entity_id FROM (${moments.rows}))
        AND is_event AND event_time >= ${toDate(fromMs, params)} AND event_time < ${toDate(toMs, params)}
        AND arrival_time >= ${toDate(fromMs, params)} AND ${moments.scanned}
    ) AS e
    INNER JOIN (
      SELECT moment, entity_id, as_of, known_to ${spans.select()},
        arrayJoin(range(toUInt64(intDiv(greatest(0, least(${starts.join(", ")}, as_of)), ${stretchMs})),
          toUInt64(intDiv(greatest(${ends.join(", ")}, as_of) - 1, ${stretchMs}) + 1))) AS stretch
      FROM (${moments.rows})
    ) AS m ON e.entity_id = m.entity_id AND e.stretch = m.stretch
    WHERE e.known <= m.known_to
    GROUP BY m.moment`;
}

/** Reads one column's parts from a row of the query, from `at` on. */
export function readTotal(
  row: readonly unknown[],
  at: number,
  column: HistoryColumn,
): WindowTotal | undefined {
  const parts = partsOf(column);
  const value = (part: string): unknown => (parts.includes(part) ? row[at + parts.indexOf(part)] : undefined);
  const count = Number(value("count"));
  if (count === 0) return undefined;
  return {
    count,
    sum: BigInt((value("sum") as string | undefined) ?? 0),
    squares: BigInt((value("squares") as string | undefined) ?? 0),
    min: Number(value("min") ?? 0),
    max: Number(value("max") ?? 0),
    first: Number(value("first") ?? 0),
    last: Number(value("last") ?? 0),
    hashes: (value("hashes") as number[] | undefined) ?? [],
  };
}

/** Names of the values that a column has in a row, in order. */
export function partsOf({ parts }: HistoryColumn): string[] {
  return [
    "count",
    ...(parts.has("sum") ? ["sum"] : []),
    ...(parts.has("squares") ? ["squares"] : []),
    ...(parts.has("extremes") ? ["min", "max"] : []),
    ...(parts.has("edges") ? ["first", "last"] : []),
    ...(parts.has("distinct") ? ["hashes"] : []),
  ];
}

/** The aggregates of a column; what they are made of goes to the two sides of the join. */
function totalsOf(
  column: HistoryColumn,
  events: Expressions,
  spans: Expressions,
  kept: KeptColumns,
  params: QueryParams,
): string[] {
  const counts = events.add(`${kept.of(column.rules)} AND ${countedSql(column, params)}`);
  const inWindow = `${counts} AND e.t >= ${spans.add(startOf(column))} AND e.t < ${spans.add(endOf(column))}`;
  const totals = [`countIf(${inWindow})`];
  if (column.field === undefined) return totals;
  const field = params.text(column.field);
  const number = `numbers[${field}]`;
  const { parts, scale } = column;
  const term = `toInt128(floor(${number} * ${scale} + 0.5))`;
  if (parts.has("sum")) totals.push(`toString(sumIf(${events.add(term)}, ${inWindow}))`);
  if (parts.has("squares")) totals.push(`toString(sumIf(${events.add(`${term} * ${term}`)}, ${inWindow}))`);
  const value = (): string => events.add(number);
  if (parts.has("extremes")) totals.push(`minIf(${value()}, ${inWindow})`, `maxIf(${value()}, ${inWindow})`);
  if (parts.has("edges")) {
    const order = "(e.t, e.log_seq)";
    totals.push(`argMinIf(${value()}, ${order}, ${inWindow})`, `argMaxIf(${value()}, ${order}, ${inWindow})`);
  }
  if (parts.has("distinct")) {
    const hash = events.add(
      `murmurHash3_32(if(mapContains(texts, ${field}), texts[${field}], hex(${number})))`,
    );
    const all = `groupUniqArrayIf(${hash}, ${inWindow})`;
    totals.push(`arraySlice(arrayPartialSort(${DISTINCT_HASHES_MAX}, ${all}), 1, ${DISTINCT_HASHES_MAX})`);
  }
  return totals;
}

/** Whether windows take the event at all: as entity-state decides when it comes. */
function countedSql(column: HistoryColumn, params: QueryParams): string {
  const { field, hopMs, tiles, latenessMs } = column;
  const name = field === undefined ? undefined : params.text(field);
  return [
    `arrived - t <= ${latenessMs}`,
    `intDiv(t, ${hopMs}) > intDiv(arrived, ${hopMs}) - ${tiles}`,
    filterCondition(column, params),
    name === undefined ? "1" : `(mapContains(numbers, ${name}) OR mapContains(texts, ${name}))`,
  ].join(" AND ");
}

function startOf({ hopMs, tiles }: HistoryColumn): string {
  return `(intDiv(as_of, ${hopMs}) - ${tiles - 1}) * ${hopMs}`;
}

function endOf({ hopMs }: HistoryColumn): string {
  return `(intDiv(as_of, ${hopMs}) + 1) * ${hopMs}`;
}

/** The time that any window of any moment reaches, ms: from, inclusive, and to, exclusive. */
function reachOf(
  columns: readonly HistoryColumn[],
  { firstMs, lastMs }: MomentsSql,
): { readonly fromMs: number; readonly toMs: number } {
  const from = columns.map(({ hopMs, tiles }) => (Math.floor(firstMs / hopMs) - tiles + 1) * hopMs);
  const to = columns.map(({ hopMs }) => (Math.floor(lastMs / hopMs) + 1) * hopMs);
  return { fromMs: Math.max(0, Math.min(...from)), toMs: Math.max(...to) };
}

function toDate(ms: number, params: QueryParams): string {
  return `fromUnixTimestamp64Milli(${params.bind(ms, "Int64")}, 'UTC')`;
}

/** Expressions of one side of the join, each once, under names of their own. */
class Expressions {
  readonly #side: string;
  readonly #names = new Map<string, string>();

  constructor(side: string) {
    this.#side = side;
  }

  /** The name of the expression behind the join. */
  add(sql: string): string {
    const known = this.#names.get(sql) ?? `${this.#side}${this.#names.size}`;
    this.#names.set(sql, known);
    return `${this.#side}.${known}`;
  }

  select(): string {
    return [...this.#names].map(([sql, name]) => `, ${sql} AS ${name}`).join("");
  }
}

/**
 * Statistics of event fields, of the events that arrived in the last hours: one pass over `feature_values`.
 *
 * Counts and means are exact; quantiles are estimated (t-digest), and so is who is among the most frequent texts when there are
 * many. Bound: memory does not grow with the events.
 */
import type { FieldRule } from "../engine/core/feature-history.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { keptCondition } from "./history-rules.ts";
import { QueryParams } from "./query-params.ts";

const QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const TOP_MAX = 10;

export interface FieldStatistics {
  /** Events of the entity type, with the field or without. */
  readonly events: number;
  /** Those that have a value of it. */
  readonly values: number;
  /** Of numbers, booleans as 0 and 1; undefined when there is none. */
  readonly numbers:
    | {
        readonly min: number;
        readonly max: number;
        readonly mean: number;
        /** Of the population. */
        readonly stddev: number;
        /** By their share, such as "0.5". */
        readonly quantiles: Readonly<Record<string, number>>;
      }
    | undefined;
  /** The most frequent texts, most frequent first. */
  readonly top: readonly { readonly value: string; readonly count: number }[];
}

export interface StatisticsQuestion {
  readonly entityType: string;
  readonly fields: readonly string[];
  /** Events that break one are left out. */
  readonly rules: readonly FieldRule[];
  readonly hours: number;
}

interface StatisticsRow {
  readonly field: number;
  readonly events: number;
  readonly values: number;
  readonly numbers: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly quantiles: readonly number[];
  readonly top: readonly (readonly [value: string, count: number, error: number])[];
}

/** In the order of the fields. @throws EngineError SERVICE_UNAVAILABLE */
export async function readFieldStatistics(
  client: Pick<ClickHouse, "query">,
  database: string,
  question: StatisticsQuestion,
): Promise<readonly FieldStatistics[]> {
  if (question.fields.length === 0) return [];
  const params = new QueryParams();
  const query = statisticsQuery(`${database}.feature_values`, question, params);
  const rows = await selectRows<StatisticsRow>(client, query, { ...params.values });
  const byField = new Map(rows.map((row) => [row.field, row]));
  return question.fields.map((_, index) => toStatistics(byField.get(index)));
}

function statisticsQuery(
  table: string,
  { entityType, fields, rules, hours }: StatisticsQuestion,
  params: QueryParams,
): string {
  const cells = fields.map((name, index) => {
    const field = params.text(name);
    return `(${index}, mapContains(numbers, ${field}), numbers[${field}], mapContains(texts, ${field}), texts[${field}])`;
  });
  return `
    SELECT cell.1 AS field, count() AS events, countIf(cell.2 OR cell.4) AS values, countIf(cell.2) AS numbers,
      minIf(cell.3, cell.2) AS min, maxIf(cell.3, cell.2) AS max, avgIf(cell.3, cell.2) AS mean,
      stddevPopStableIf(cell.3, cell.2) AS stddev,
      quantilesTDigestIf(${QUANTILES.join(", ")})(cell.3, cell.2) AS quantiles,
      topKIf(${TOP_MAX}, 10, 'counts')(cell.5, cell.4) AS top
    FROM (
      SELECT arrayJoin([${cells.join(", ")}]) AS cell FROM ${table}
      WHERE entity_type = ${params.text(entityType)} AND ${keptCondition(rules, params)}
        AND arrival_time >= now64(3) - toIntervalHour(${params.bind(hours, "UInt32")})
    )
    GROUP BY field
    SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_named_tuples_as_objects = 0`;
}

function toStatistics(row: StatisticsRow | undefined): FieldStatistics {
  if (row === undefined) return { events: 0, values: 0, numbers: undefined, top: [] };
  const { events, values, min, max, mean, stddev, quantiles, top } = row;
  const byShare = Object.fromEntries(
    QUANTILES.map((share, index) => [String(share), quantiles[index] as number]),
  );
  return {
    events,
    values,
    numbers: row.numbers === 0 ? undefined : { min, max, mean, stddev, quantiles: byShare },
    top: top.map(([value, count]) => ({ value, count })),
  };
}

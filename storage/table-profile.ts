/**
 * What the columns of a table hold, counted without reading them out: from it follows what is a number, a category, a time.
 *
 * Bounds: COLUMNS_AT_ONCE columns a query, VALUES_MAX + 1 different texts a column in the engine's memory.
 */
import { quoted } from "./chdb-engine.ts";
import { NO_VALUE, readTexts, type TextTable, textSql } from "./text-table.ts";

export interface ColumnCounts {
  readonly name: string;
  readonly rows: number;
  /** "", nan, na, n/a, null and none, in any case. */
  readonly missing: number;
  /** Finite as float32. */
  readonly numbers: number;
  /** Numbers beyond float32. */
  readonly infinite: number;
  /** true and false, in any case. */
  readonly booleans: number;
  /** ISO 8601 dates and times; a space may stand for the T. */
  readonly times: number;
  /** Of texts that are not empty, at most VALUES_MAX + 1. */
  readonly distinct: number;
  /** Characters of the longest text. */
  readonly longest: number;
}

/** Different texts of a column that are counted. */
export const VALUES_MAX = 1_000;
const COLUMNS_AT_ONCE = 25;
const TEXT_LENGTH_KEPT = 257;
const TIME = "^\\d{4}-\\d{2}-\\d{2}([T ]\\d{2}:\\d{2}(:\\d{2}(\\.\\d+)?)?(Z|[+-]\\d{2}:\\d{2})?)?$";
const PARTS = 7;

/** In the order of `names`. @throws EngineError INVALID_REQUEST when the table cannot be read. */
export async function profileTable(table: TextTable, names = table.names): Promise<ColumnCounts[]> {
  const counts: ColumnCounts[] = [];
  for (let start = 0; start < names.length; start += COLUMNS_AT_ONCE) {
    const some = names.slice(start, start + COLUMNS_AT_ONCE);
    const [rows = "0", ...found] = await readTexts(table, ["toString(count())", ...some.flatMap(countsSql)]);
    counts.push(...some.map((name, at) => toCounts(name, rows, found.slice(PARTS * at, PARTS * (at + 1)))));
  }
  return counts;
}

function countsSql(name: string): string[] {
  const text = textSql({ name });
  const plain = `lower(trimBoth(${text}))`;
  const number = `toFloat32(toFloat64OrNull(${plain}))`;
  return [
    `countIf(${plain} IN (${NO_VALUE}))`,
    `countIf(isFinite(ifNull(${number}, nan)))`,
    `countIf(isInfinite(ifNull(${number}, 0)))`,
    `countIf(${plain} IN ('true', 'false'))`,
    `countIf(match(trimBoth(${text}), ${quoted(TIME)}))`,
    `length(groupUniqArrayIf(${VALUES_MAX + 1})(substringUTF8(${text}, 1, ${TEXT_LENGTH_KEPT}), ${text} != ''))`,
    `max(lengthUTF8(${text}))`,
  ].map((sql) => `toString(${sql})`);
}

function toCounts(name: string, rows: string, parts: readonly string[]): ColumnCounts {
  const [missing = 0, numbers = 0, infinite = 0, booleans = 0, times = 0, distinct = 0, longest = 0] =
    parts.map(Number);
  return { name, rows: Number(rows), missing, numbers, infinite, booleans, times, distinct, longest };
}

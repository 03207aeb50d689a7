/**
 * Columns of a table in a file or behind a query, as numbers and texts: the rows of a reference, or to train on.
 *
 *     count and check → draw, if there are too many rows → read, no more rows than were counted: the table may grow meanwhile
 *
 * Values are read as texts and converted here, so that they mean the same in every format: a number is a double rounded to
 * float32, as in a request; "", nan, na, n/a, null and none are no value. Bound: `rowsMax` rows, those with the lowest hashes of their numbers.
 */
import { EngineError } from "../engine/core/errors.ts";
import { ColumnReader, type ColumnType, type ReadColumn } from "./column-reader.ts";
import { NO_VALUE, readTexts, type TextTable, textSql } from "./text-table.ts";

export interface FileColumn {
  readonly name: string;
  readonly type: Exclude<ColumnType, "hash">;
}

export interface TableQuestion {
  readonly table: TextTable;
  /** The columns to read, each of them one of the table. */
  readonly columns: readonly FileColumn[];
  readonly rowsMax: number;
  /** Columns of the table that put rows into groups, in this order. */
  readonly groupedBy?: GroupColumns;
  /** Hears how far the reading is. */
  readonly onProgress: (rows: number, total: number) => void;
}

export interface GroupColumns {
  /** Rows of one text are one group. */
  readonly entity?: string | undefined;
  /** Rows without such a text are of one group when they agree in all of these. */
  readonly content: readonly string[];
}

export interface FileRows {
  readonly rows: number;
  /** Rows of the table, more than `rows` if these were drawn. */
  readonly total: number;
  /** By name. */
  readonly values: ReadonlyMap<string, ReadColumn>;
  /** Hash of each row's group; empty unless `groupedBy` was asked for. */
  readonly groups: Uint32Array;
}

const TEXT_LENGTH_KEPT = 257;

/** @throws EngineError INVALID_REQUEST for a table that cannot be read, or with a detail for each column that has another type. */
export async function readTableColumns(question: TableQuestion): Promise<FileRows> {
  const { table, columns, rowsMax, groupedBy, onProgress } = question;
  const total = await checkColumns(question);
  const rows = Math.min(total, rowsMax);
  const types = columns.map(({ type }): ColumnType => type);
  const reader = new ColumnReader(groupedBy === undefined ? types : [...types, "hash"], rows);
  const where = total > rowsMax ? drawnSql(total, rowsMax) : "true";
  const selected = [...columns.map(valueSql), ...(groupedBy === undefined ? [] : [groupSql(groupedBy)])];
  await table.rows(selected.join(", "), `WHERE ${where} LIMIT ${rows}`, async (chunks) => {
    for await (const chunk of chunks) {
      reader.read(chunk);
      onProgress(reader.rows, rows);
    }
  });
  const read = reader.finish();
  return {
    rows: reader.rows,
    total,
    values: new Map(columns.map(({ name }, at) => [name, read[at] as ReadColumn])),
    groups: (read[columns.length] as Uint32Array | undefined) ?? new Uint32Array(0),
  };
}

/** The number of rows. */
async function checkColumns({ table, columns }: TableQuestion): Promise<number> {
  const numbers = columns.filter(({ type }) => type === "number");
  const selected = [
    "toString(count())",
    ...numbers.flatMap((column) => [
      `toString(countIf(${isWrongSql(column)}))`,
      `substringUTF8(anyIf(${textSql(column)}, ${isWrongSql(column)}), 1, 100)`,
    ]),
  ];
  const [total = "0", ...checks] = await readTexts(table, selected);
  const details = numbers.flatMap(({ name }, at) => {
    const [count = "0", example = ""] = checks.slice(2 * at);
    const message = `must have numbers; ${count} values are none, such as ${JSON.stringify(example)}`;
    return count === "0" ? [] : [{ field: name, message }];
  });
  const [first] = details;
  if (first !== undefined)
    throw new EngineError("INVALID_REQUEST", `${table.title}: ${first.field}: ${first.message}`, { details });
  return Number(total);
}

function isWrongSql(column: FileColumn): string {
  const text = `lower(trimBoth(${textSql(column)}))`;
  return `isNull(toFloat64OrNull(${text})) AND ${text} NOT IN (${NO_VALUE}, 'true', 'false')`;
}

function valueSql(column: FileColumn): string {
  if (column.type === "category") return `substringUTF8(${textSql(column)}, 1, ${TEXT_LENGTH_KEPT})`;
  const text = `lower(trimBoth(${textSql(column)}))`;
  return `toFloat32(multiIf(${text} = 'true', 1, ${text} = 'false', 0, ifNull(toFloat64OrNull(${text}), nan)))`;
}

/** Of texts, so that it says the same whatever else the columns are taken for. */
function groupSql({ entity, content }: GroupColumns): string {
  const hash = (names: readonly string[]): string =>
    `toUInt32(bitAnd(cityHash64(${names.map((name) => textSql({ name })).join(", ")}), 4294967295))`;
  if (entity === undefined) return hash(content);
  return `if(${textSql({ name: entity })} != '', ${hash([entity])}, ${hash(content)})`;
}

function drawnSql(total: number, rowsMax: number): string {
  const hashes = `SELECT cityHash64(number) AS hash FROM numbers(${total}) ORDER BY hash LIMIT ${rowsMax}`;
  return `cityHash64(rowNumberInAllBlocks()) <= (SELECT max(hash) FROM (${hashes}))`;
}

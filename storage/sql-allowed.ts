/**
 * What an analyst's SQL may name: functions, table functions, system tables, output formats.
 *
 * Everything else is refused, so that a new ClickHouse version brings no new hole: functions count by category of
 * system.functions, where a category holds pure computations only, and one by one otherwise. Left out on purpose:
 * files, network, dictionaries, models, sleep, introspection, anything that reads another table by its name.
 */
import type { ChdbConnection } from "./chdb-engine.ts";

const CATEGORIES = new Set(
  `Arithmetic, Arrays, Bit, Bitmap, Comparison, Conditional, Dates and Times, Distance, Encoding,
  Encryption, Financial, Geo, Geo Polygon, Hash, IP Address, JSON, Logical, Map, Mathematical, Null,
  NumericIndexedVector, Random Number, Rounding, String, String Replacement, String Search,
  String Splitting, Time Window, Tuple, Type Conversion, URL, UUID`.split(/,\s*/),
);

/** Harmless functions of mixed categories, and those that the parser makes. */
const FUNCTIONS =
  words(`lambda _CAST grouping caseWithExpression bar blockNumber blockSize byteSize countDigits
  currentDatabase currentUser defaultValueOfArgumentType defaultValueOfTypeName digits errorCodeToName
  finalizeAggregation initializeAggregation formatReadableDecimalSize formatReadableQuantity formatReadableSize
  formatReadableTimeDelta getSizeOfEnumType getSubcolumn identity ignore indexHint isConstant isDecimalOverflow
  materialize minSampleSizeContinuous minSampleSizeConversion neighbor parseReadableSize parseReadableSizeOrNull
  parseReadableSizeOrZero parseTimeDelta rowNumberInAllBlocks rowNumberInBlock runningAccumulate
  runningDifference runningDifferenceStartingWithFirstValue seriesDecomposeSTL seriesOutliersDetectTukey
  throwIf toColumnTypeName toTypeName transform uptime variantElement variantType version visibleWidth`);

/** Members of the categories and of the aggregate functions that are no plain computation. */
const REFUSED = words(`chdb formatRow formatRowNoNewline inIgnoreSet notInIgnoreSet globalInIgnoreSet
  globalNotInIgnoreSet nullInIgnoreSet notNullInIgnoreSet globalNullInIgnoreSet globalNotNullInIgnoreSet
  aggThrow flameGraph`);

export const TABLE_FUNCTIONS = words(`numbers numbers_mt zeros zeros_mt generateSeries generate_series primes
  values SQLStandardValues view labelled_predictions`); // the last is our view, which takes parameters

/** Types of parameters that take arguments themselves; of Array, Map and Tuple there are functions anyway. */
export const PARAMETER_TYPES = words(
  "DateTime DateTime32 DateTime64 Decimal FixedString LowCardinality Nullable",
);

export const SYSTEM_TABLES = words(`one numbers numbers_mt zeros tables columns databases functions parts
  parts_columns projections data_skipping_indices data_type_families formats time_zones
  aggregate_function_combinators keywords settings`);

export const FORMATS = words(`TabSeparated TSV TabSeparatedRaw TSVRaw TabSeparatedWithNames TSVWithNames
  TabSeparatedWithNamesAndTypes TSVWithNamesAndTypes CSV CSVWithNames CSVWithNamesAndTypes JSON JSONStrings
  JSONCompact JSONCompactStrings JSONColumns JSONCompactColumns JSONColumnsWithMetadata JSONEachRow JSONLines
  NDJSON JSONStringsEachRow JSONCompactEachRow JSONCompactEachRowWithNames JSONObjectEachRow
  JSONCompactEachRowWithNamesAndTypes JSONCompactStringsEachRow JSONCompactStringsEachRowWithNames
  JSONCompactStringsEachRowWithNamesAndTypes JSONEachRowWithProgress Pretty PrettyCompact PrettySpace
  PrettyNoEscapes PrettyCompactNoEscapes PrettyMonoBlock PrettyCompactMonoBlock Vertical Markdown XML Values
  Null Native RowBinary RowBinaryWithNames RowBinaryWithNamesAndTypes Parquet Arrow ArrowStream ORC Avro
  MsgPack LineAsString RawBLOB`);

const COMBINATORS = new RegExp(
  "(?:If|Array|Map|SimpleState|State|Merge|MergeState|ForEach|Distinct|OrDefault|OrNull|Resample|ArgMin|ArgMax|" +
    "Null|Tuple)$",
);

export interface AllowedFunctions {
  has(name: string): boolean;
}

/** Reads the engine's functions once and keeps those that are allowed. */
export async function loadAllowedFunctions(connection: ChdbConnection): Promise<AllowedFunctions> {
  const columns = "name, alias_to, is_aggregate, categories";
  const sql = `SELECT ${columns} FROM system.functions WHERE origin = 'System'`;
  const { bytes } = await connection.query(sql, "JSONCompactEachRow");
  const scalar = new Set(FUNCTIONS);
  const aggregate = new Set<string>();
  const aliases: [string, string][] = [];
  for (const line of Buffer.from(bytes).toString().trim().split("\n")) {
    const [name, aliasOf, isAggregate, categories] = JSON.parse(line) as [string, string, number, string];
    if (aliasOf !== "") aliases.push([lower(name), lower(aliasOf)]);
    else if (REFUSED.has(lower(name))) continue;
    else if (isAggregate === 1) aggregate.add(lower(name));
    else if (categories.split(",").every((category) => CATEGORIES.has(category.trim())))
      scalar.add(lower(name));
  }
  for (const [alias, name] of aliases) {
    if (scalar.has(name)) scalar.add(alias);
    else if (aggregate.has(withoutCombinators(name, aggregate))) aggregate.add(alias);
  }
  return {
    has: (name) => scalar.has(lower(name)) || aggregate.has(lower(withoutCombinators(name, aggregate))),
  };
}

/** `sumIfState` → `sum`: combinators are case sensitive, names of aggregates may not be. */
function withoutCombinators(name: string, aggregates: ReadonlySet<string>): string {
  let base = name;
  while (!aggregates.has(lower(base))) {
    const shorter = base.replace(COMBINATORS, "");
    if (shorter === base) return name;
    base = shorter;
  }
  return base;
}

function lower(name: string): string {
  return name.toLowerCase();
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(/\s+/).map(lower));
}

/**
 * The settings of an analyst's query: the limits of the configuration, and what the analyst may add to them.
 *
 * An analyst may format the output and lower a limit, never raise one. Everything else is refused by name.
 */
import type { AnalystLimits } from "./clickhouse-config.ts";
import { ClickhouseError } from "./clickhouse-error.ts";

type Setting = readonly [name: string, value: string];

const FORMATTING =
  /^(?:output_format_(?!schema)\w+|date_time_output_format|session_timezone|extremes|join_use_nulls)$/;

/** @throws ClickhouseError 164 for a setting that analysts may not change. */
export function analystSettings(limits: AnalystLimits, asked: readonly Setting[]): Setting[] {
  const bounds = boundsOf(limits);
  const settings = new Map<string, string>([
    ...FIXED,
    ...[...bounds].map(([name, bound]): [string, string] => [name, String(bound)]),
  ]);
  for (const [name, value] of asked) {
    const bound = bounds.get(name);
    if (name === "readonly" && value !== "0") continue; // it is 1 in any case
    if (bound !== undefined) settings.set(name, String(lowered(name, value, bound)));
    else if (FORMATTING.test(name)) settings.set(name, value);
    else
      refuse(name, `output_format_*, session_timezone, and lower values of ${[...bounds.keys()].join(", ")}`);
  }
  return [...settings];
}

const FIXED: readonly Setting[] = [
  ["allow_ddl", "0"],
  ["allow_introspection_functions", "0"],
  ["result_overflow_mode", "throw"],
  ["read_overflow_mode", "throw"],
  ["timeout_overflow_mode", "throw"],
  ["max_temporary_data_on_disk_size_for_query", String(1024 ** 3)],
  ["max_ast_elements", "20000"],
  ["max_parser_depth", "500"],
];

function boundsOf(limits: AnalystLimits): Map<string, number> {
  return new Map([
    ["max_execution_time", limits.executionSecondsMax],
    ["max_memory_usage", limits.memoryBytesMax],
    ["max_result_rows", limits.resultRowsMax],
    ["max_result_bytes", limits.resultBytesMax],
    ["max_rows_to_read", limits.readRowsMax],
    ["max_threads", 1],
  ]);
}

/** 0 means "no limit" to ClickHouse, so it is no lower value. */
function lowered(name: string, value: string, bound: number): number {
  const number = Number(value);
  if (!(number > 0) || number > bound) refuse(`${name} = ${value}`, `values above 0, up to ${bound}`);
  return number;
}

function refuse(what: string, allowed: string): never {
  throw new ClickhouseError(
    164,
    `User default is a read-only analyst and may not set ${what}. Allowed: ${allowed}`,
  );
}

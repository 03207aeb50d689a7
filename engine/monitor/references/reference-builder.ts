/**
 * Makes the reference profile of a model from the rows of its training data, or of a past window.
 *
 * The same rows in any order give the same profile, to the last bit: all sums are taken over sorted values.
 */
import { EngineError, type ErrorDetail } from "../../core/errors.ts";
import { sortedFloat32 } from "../drift/float32-order.ts";
import { freezeEdges } from "../drift/frozen-edges.ts";
import { countSorted, finiteOf } from "../drift/sorted-counts.ts";
import {
  BINS_DEFAULT,
  BINS_MAX,
  type CategoryProfile,
  LISTED_LENGTH_MAX,
  LISTED_MAX,
  type NumberProfile,
  type ReferenceProfile,
  type WatchedColumn,
} from "./reference-profile.ts";

/** The values of a column: float32 with NaN for null, or texts, of which null and "" are null. */
export type ColumnValues = Float32Array | readonly (string | null)[];

export interface ReferenceOptions {
  /** Bins that number columns are cut into, 2 to 200. */
  readonly bins?: number;
  /** A reference of fewer rows is refused. */
  readonly rowsMin?: number;
}

/** Quantiles of fewer rows mean little. */
export const ROWS_MIN_DEFAULT = 100;

/**
 * `columns` as watchedColumns gives them; `values` has those of each input, and may have those of the outputs.
 * @throws EngineError INVALID_REQUEST when the columns are others, of another type or length, or have too few rows.
 */
export function buildProfile(
  columns: readonly WatchedColumn[],
  values: ReadonlyMap<string, ColumnValues>,
  { bins = BINS_DEFAULT, rowsMin = ROWS_MIN_DEFAULT }: ReferenceOptions = {},
): ReferenceProfile {
  const rows = checkColumns(columns, values);
  if (!Number.isInteger(bins) || bins < 2 || bins > BINS_MAX)
    throw invalid([{ field: "bins", message: `must be a whole number from 2 to ${BINS_MAX}, not ${bins}` }]);
  if (rows < rowsMin) {
    const message = `the reference has ${rows} rows; give at least ${rowsMin}, so that its quantiles mean something`;
    throw invalid([{ field: "rows", message }]);
  }
  const profiled = columns.flatMap((column) => {
    const given = values.get(column.name);
    if (given === undefined) return [];
    return [
      given instanceof Float32Array
        ? profileNumbers(column, sortedFloat32(given), rows, bins)
        : profileTexts(column, given),
    ];
  });
  return { format: 1, bins, rows, columns: profiled };
}

/**
 * The number of rows.
 * @throws EngineError INVALID_REQUEST with a detail for each column that is missing, unknown or of another type or length.
 */
export function checkColumns(
  columns: readonly WatchedColumn[],
  values: ReadonlyMap<string, ColumnValues>,
): number {
  const details: ErrorDetail[] = [];
  const rows = values.values().next().value?.length ?? 0;
  for (const { name, role, type } of columns) {
    const given = values.get(name);
    if (given === undefined) {
      if (role === "input")
        details.push({ field: name, message: "is an input of the model: the reference must have it" });
      continue;
    }
    if (given instanceof Float32Array !== (type === "number"))
      details.push({
        field: name,
        message: `must have ${type === "number" ? "numbers" : "texts"}, as in the model`,
      });
    if (given.length !== rows)
      details.push({
        field: name,
        message: `has ${given.length} values, where the first column has ${rows}`,
      });
  }
  const known = new Set(columns.map(({ name }) => name));
  for (const name of values.keys())
    if (!known.has(name)) details.push({ field: name, message: "is no column of the model: leave it out" });
  if (details.length > 0) throw invalid(details);
  return rows;
}

function invalid(details: readonly ErrorDetail[]): EngineError {
  const [first] = details;
  return new EngineError("INVALID_REQUEST", `reference: ${first?.field}: ${first?.message}`, { details });
}

/** `sorted`: the values that are not null, ascending, of `rows` in all. */
export function profileNumbers(
  { name, role }: WatchedColumn,
  sorted: Float32Array,
  rows: number,
  bins: number,
): NumberProfile {
  const finite = finiteOf(sorted);
  const edges = freezeEdges(finite, bins);
  const column = {
    name,
    role,
    type: "number" as const,
    count: sorted.length,
    null_count: rows - sorted.length,
    edges: [...edges],
    counts: [...countSorted(sorted, edges)],
  };
  if (finite.length === 0) return { ...column, state: "empty" };
  const min = (finite[0] as number) + 0;
  const max = (finite.at(-1) as number) + 0;
  return { ...column, state: min === max ? "constant" : "varying", ...momentsOf(finite), min, max };
}

function momentsOf(finite: Float32Array): { mean: number; std: number } {
  let sum = 0;
  for (let at = 0; at < finite.length; at++) sum += finite[at] as number;
  const mean = sum / finite.length;
  let squares = 0;
  for (let at = 0; at < finite.length; at++) squares += ((finite[at] as number) - mean) ** 2;
  return { mean, std: Math.sqrt(squares / finite.length) };
}

export function profileTexts(
  { name, role }: WatchedColumn,
  texts: readonly (string | null)[],
): CategoryProfile {
  const counted = new Map<string, number>();
  let count = 0;
  for (const text of texts) {
    if (text === null || text === "") continue;
    count++;
    counted.set(text, (counted.get(text) ?? 0) + 1);
  }
  const listed = [...counted]
    .filter(([text]) => text.length <= LISTED_LENGTH_MAX)
    .sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || (a < b ? -1 : 1))
    .slice(0, LISTED_MAX);
  const others = count - listed.reduce((sum, [, times]) => sum + times, 0);
  return {
    name,
    role,
    type: "category",
    state: counted.size === 0 ? "empty" : counted.size === 1 ? "constant" : "varying",
    count,
    null_count: texts.length - count,
    values: listed.map(([text]) => text),
    counts: [...listed.map(([, times]) => times), others],
  };
}

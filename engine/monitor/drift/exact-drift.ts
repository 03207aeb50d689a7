/**
 * Exact drift of a window: all measures from the rows of both sides, for windows that are small enough to be fetched.
 *
 * A reference keeps no rows. Those of its own window of predictions are read again, or those of another one that is asked for.
 * Bound: referenceRowsMax rows a side, a million as long as there are at most 64 columns; more are refused, not drawn from.
 */
import type { ReferenceQuestion, ReferenceScope } from "../../../storage/reference-rows.ts";
import { EngineError } from "../../core/errors.ts";
import { type ModelManifest, modelKey } from "../../core/manifest.ts";
import type { ReferenceSource } from "../../core/reference-source.ts";
import { loggedColumns } from "../references/logged-columns.ts";
import type { ColumnValues } from "../references/reference-builder.ts";
import { referenceRowsMax } from "../references/reference-content.ts";
import { measureRows, type RowMeasures } from "./measure-rows.ts";

/** Of prediction_date, ms since 1970: [from, to). */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ExactDriftJob {
  readonly manifest: ModelManifest;
  readonly reference: TimeSpan;
  readonly current: TimeSpan;
  /** Of the current side; all together when it is undefined. */
  readonly variant?: string | undefined;
  /** That number columns are cut into, for the measures that need bins. */
  readonly bins: number;
}

export interface ExactDrift {
  readonly reference: TimeSpan;
  readonly rows: number;
  readonly referenceRows: number;
  /** By name. */
  readonly columns: ReadonlyMap<string, RowMeasures>;
}

interface Rows {
  readonly countRows: (scope: ReferenceScope) => Promise<number>;
  readonly readRows: (question: ReferenceQuestion) => Promise<{
    readonly rows: number;
    readonly total: number;
    readonly values: ReadonlyMap<string, ColumnValues>;
  }>;
}

/**
 * Where the rows of a reference are: what was asked for, or what it was made from.
 * @throws EngineError CONFLICT when it was made from a file, whose rows are not kept.
 */
export function referenceSpan(
  manifest: ModelManifest,
  source: ReferenceSource,
  asked: TimeSpan | undefined,
): TimeSpan {
  if (asked !== undefined) return asked;
  if (source.kind === "window") return { fromMs: Date.parse(source.from), toMs: Date.parse(source.to) };
  throw new EngineError(
    "CONFLICT",
    `the reference of ${modelKey(manifest)} was made from a file, whose rows are not kept: name a window of predictions to compare with as reference_from and reference_to, or leave out exact`,
  );
}

/** @throws EngineError INVALID_REQUEST when a side has too many rows or the reference none, SERVICE_UNAVAILABLE. */
export async function measureExactly(
  { manifest, reference, current, variant, bins }: ExactDriftJob,
  { countRows, readRows }: Rows,
): Promise<ExactDrift> {
  const columns = loggedColumns(manifest);
  const rowsMax = referenceRowsMax(columns.length);
  const version = { model: manifest.name, version: manifest.version };
  const sides = [
    { scope: { ...version, ...reference }, field: "reference_from", what: "the reference's window" },
    { scope: { ...version, ...current, variant }, field: "from", what: "the window" },
  ] as const;
  for (const { scope, field, what } of sides) {
    const rows = await countRows(scope);
    if (rows > rowsMax) throw tooMany(field, what, rows, rowsMax);
    if (rows === 0 && field === "reference_from") throw noRows(manifest, reference);
  }
  const [before, now] = [
    await readRows({ ...sides[0].scope, columns, rowsMax }),
    await readRows({ ...sides[1].scope, columns, rowsMax }),
  ];
  for (const [side, { total }] of [before, now].entries()) {
    const { field, what } = sides[side] as (typeof sides)[number];
    if (total > rowsMax) throw tooMany(field, what, total, rowsMax); // they came meanwhile
  }
  const measures = measureRows(columns, before.values, now.values, bins);
  return { reference, rows: now.rows, referenceRows: before.rows, columns: measures };
}

function tooMany(field: string, what: string, rows: number, rowsMax: number): EngineError {
  const message = `${what} has ${rows} predictions, and at most ${rowsMax} a side are measured exactly: ask for a shorter one, or leave out exact`;
  return new EngineError("INVALID_REQUEST", message, { details: [{ field, message }] });
}

function noRows(manifest: ModelManifest, { fromMs, toMs }: TimeSpan): EngineError {
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  const message = `the reference's window has no predictions of ${modelKey(manifest)} from ${from} to ${to}: name another one as reference_from and reference_to, or leave out exact`;
  return new EngineError("INVALID_REQUEST", message, { details: [{ field: "reference_from", message }] });
}

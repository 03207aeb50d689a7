/**
 * A training table of columns with names: sources `file` and `query`, whose inputs are inferred.
 *
 *     counts of the columns → inputs → columns → label, times, weights, groups → table
 *
 * Rows without a label are left out. A row's group is its entity, else its content: all that it has but label and weight, so that it stays
 * in its part of a split by hash whatever rows come and go, and with it the rows that repeat it.
 */
import type { FileColumn, FileRows, GroupColumns } from "../../../storage/table-columns.ts";
import type { ColumnCounts } from "../../../storage/table-profile.ts";
import { fieldInvalid } from "../../core/errors.ts";
import { isKeptAsText, type ModelInput } from "../../core/model-input.ts";
import { parseTableTime } from "../../core/timestamp.ts";
import type { TableData } from "../../core/training-data.ts";
import type { RawRows } from "../../transform/raw-rows.ts";
import { type InferredInput, inferInputs } from "./inferred-inputs.ts";
import { labelValues } from "./label-values.ts";
import { VALUES_MAX } from "./labelled-table.ts";
import { unknownName } from "./nearest-name.ts";
import { type DataNote, rawColumn, rowsAt, type TrainingTable } from "./training-table.ts";

/** A table as storage/table-profile and table-columns read it. */
export interface ColumnSource {
  readonly names: readonly string[];
  profile(names: readonly string[]): Promise<readonly ColumnCounts[]>;
  read(columns: readonly FileColumn[], rowsMax: number, groupedBy: GroupColumns): Promise<FileRows>;
}

export interface ReadTable {
  readonly table: TrainingTable;
  readonly totalRows: number;
  /** Columns that put the rows into groups. */
  readonly groupedBy: readonly string[];
  readonly notes: readonly DataNote[];
}

/** Options of the spec that name a column which is no feature. */
const ROLES = ["label_column", "time_column", "entity_column", "weight_column"] as const;
/** Of them those that are read as they are. */
const READ_ROLES = ["label_column", "time_column", "weight_column"] as const;

/**
 * @param classes in the order of a version that the rows are compared on: that of the table, if they are the same.
 * @throws EngineError INVALID_REQUEST naming the column, or the option that names one that is not there.
 */
export async function columnTable(
  data: TableData,
  source: ColumnSource,
  classes?: readonly string[],
): Promise<ReadTable> {
  const features = featureColumns(data, source.names);
  const counts = await source.profile(features);
  const { inputs, notes } = inferInputs(counts);
  if (inputs.length === 0) {
    const why = notes.map(({ field, message }) => `${field} ${message}`).slice(0, 5);
    throw fieldInvalid(
      "features",
      `no column can be learned from: ${why.join("; ") || "there is none beside the label"}`,
    );
  }
  const total = counts[0]?.rows ?? 0;
  const rowsMax = Math.min(data.rows_max, Math.floor(VALUES_MAX / inputs.length));
  if (data.source === "query" && total > rowsMax)
    throw fieldInvalid(
      "rows_max",
      `the query gives ${total} rows, more than ${rowsMax}: add a LIMIT or a WHERE, or raise rows_max`,
    );
  const roles = [...new Set(READ_ROLES.flatMap((role) => data[role] ?? []))];
  const columns: FileColumn[] = [
    ...inputs.map(
      ({ column, input }): FileColumn => ({
        name: column,
        type: isKeptAsText(input) ? "category" : "number",
      }),
    ),
    ...roles.map((name): FileColumn => ({ name, type: "category" })),
  ];
  const { entity_column: entity } = data;
  const content = contentColumns(data, source.names);
  const read = await source.read(columns, rowsMax, { entity, content });
  const { table, leftOut } = toTable(data, inputs, read, classes);
  const drawn = read.total > read.rows ? [`${read.rows} of ${read.total} rows were drawn`] : [];
  const unlabelled = leftOut > 0 ? [`has no value in ${leftOut} rows: they are left out`] : [];
  return {
    table,
    totalRows: read.total,
    groupedBy: entity === undefined ? content : [entity],
    notes: [
      ...notes,
      ...drawn.map((message) => ({ field: "rows_max", message })),
      ...unlabelled.map((message) => ({ field: data.label_column, message })),
    ],
  };
}

/** What tells rows apart: a label may be corrected, a weight be chosen anew. In the order of the alphabet, whatever that of the table. */
function contentColumns(data: TableData, names: readonly string[]): string[] {
  return names.filter((name) => name !== data.label_column && name !== data.weight_column).toSorted();
}

/** What is left when the label and the like are taken away, and what the selection leaves. */
function featureColumns(data: TableData, names: readonly string[]): string[] {
  const roles = new Set<string>();
  for (const role of ROLES) {
    const name = data[role];
    if (name === undefined) continue;
    if (!names.includes(name)) throw fieldInvalid(role, unknownName(name, names));
    roles.add(name);
  }
  const { include, exclude = [] } = data.features;
  for (const [field, some] of [
    ["include", include ?? []],
    ["exclude", exclude],
  ] as const)
    for (const [at, name] of some.entries()) {
      if (!names.includes(name)) throw fieldInvalid(`features.${field}.${at}`, unknownName(name, names));
      if (field === "include" && roles.has(name))
        throw fieldInvalid(`features.include.${at}`, `"${name}" is the label or the like, no feature`);
    }
  return names.filter(
    (name) => !roles.has(name) && !exclude.includes(name) && (include?.includes(name) ?? true),
  );
}

function toTable(
  data: TableData,
  inputs: readonly InferredInput[],
  read: FileRows,
  order: readonly string[] | undefined,
): { readonly table: TrainingTable; readonly leftOut: number } {
  const texts = (name: string | undefined): readonly (string | null)[] | undefined =>
    name === undefined ? undefined : (read.values.get(name) as readonly (string | null)[]);
  const { classes, targets } = labelValues(data.label_column, texts(data.label_column) ?? [], order);
  const raw = toRaw(inputs, read);
  const whole: TrainingTable = {
    inputs: withExamples(
      inputs.map(({ input }) => input),
      raw,
    ),
    raw,
    targets,
    groups: read.groups,
    ...(classes === undefined ? {} : { classes }),
    ...numbersOf(
      "timesMs",
      data.time_column,
      texts(data.time_column),
      toTimeMs,
      "a time such as 2026-11-21T10:00:00Z, or milliseconds since 1970",
    ),
    ...numbersOf("weights", data.weight_column, texts(data.weight_column), toWeight, "a positive number"),
  };
  const labelled = Uint32Array.from(targets.keys()).filter((row) => !Number.isNaN(targets[row]));
  const leftOut = read.rows - labelled.length;
  return { table: leftOut === 0 ? whole : rowsAt(whole, labelled), leftOut };
}

/** As a batch would hold the rows if they were requests. */
function toRaw(inputs: readonly InferredInput[], { rows, values }: FileRows): RawRows {
  const numbers = new Float32Array(rows * inputs.length);
  const kept = inputs.filter(({ input }) => isKeptAsText(input));
  const texts = Array.from({ length: rows * kept.length }, () => "");
  let place = 0;
  for (const [at, { column, input }] of inputs.entries()) {
    const read = values.get(column);
    if (read instanceof Float32Array) {
      for (let row = 0; row < rows; row++) numbers[row * inputs.length + at] = finite(read[row] as number);
      continue;
    }
    for (let row = 0; row < rows; row++) texts[row * kept.length + place] = toText(input, read?.[row] ?? "");
    place++;
  }
  return { count: rows, numbers, texts };
}

/** Each input with the first value that it has: what GET /model/schema shows, and a new version is tried on. */
function withExamples(inputs: readonly ModelInput[], raw: RawRows): ModelInput[] {
  return inputs.map((input, at) => {
    const value = rawColumn({ inputs, raw }, at).find(
      (one: string | number) => one !== "" && !Number.isNaN(one),
    );
    if (value === undefined) return input;
    const example =
      input.type === "bool" ? value === 1 : typeof value === "number" ? Number(value.toPrecision(7)) : value;
    return { ...input, example } as ModelInput;
  });
}

/** A request could not hold an infinite number: it counts as missing. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : Number.NaN;
}

function toText({ type }: ModelInput, text: string): string {
  if (type !== "timestamp" || text === "") return text;
  const ms = parseTableTime(text);
  return Number.isNaN(ms) ? "" : new Date(ms).toISOString(); // as missing as "n/a"
}

/** Everything in a table of texts is text, milliseconds too. */
function toTimeMs(text: string): number {
  return parseTableTime(/^\d{1,15}$/.test(text) ? Number(text) : text);
}

function toWeight(text: string): number {
  const weight = Number(text);
  return weight > 0 && Number.isFinite(weight) ? weight : Number.NaN;
}

/** The field with a number of each row, if there is such a column. @throws EngineError INVALID_REQUEST naming the first wrong row. */
function numbersOf<Field extends "timesMs" | "weights">(
  field: Field,
  column: string | undefined,
  texts: readonly (string | null)[] | undefined,
  parse: (text: string) => number,
  expected: string,
): { readonly [key in Field]?: Float64Array } {
  if (column === undefined || texts === undefined) return {};
  const values = Float64Array.from(texts, (text) => parse(text ?? ""));
  const wrong = values.findIndex((value) => Number.isNaN(value));
  if (wrong >= 0)
    throw fieldInvalid(column, `row ${wrong + 1} has ${JSON.stringify(texts[wrong])}: must be ${expected}`);
  return { [field]: values } as { readonly [key in Field]?: Float64Array };
}

/**
 * The reference of a model version out of a file: its rows as columns, what is built of them, and what there is to say of them.
 *
 * Rows are read by an engine of this process. Bound: referenceRowsMax rows, drawn where the file has more.
 */
import { basename } from "node:path";
import { readTableColumns } from "../storage/table-columns.ts";
import { openTableFiles } from "../storage/table-files.ts";
import { openFileTable } from "../storage/text-table.ts";
import { EngineError } from "./core/errors.ts";
import type { ModelManifest } from "./core/manifest.ts";
import type { ColumnValues } from "./monitor/references/reference-builder.ts";
import { buildReference, referenceRowsMax } from "./monitor/references/reference-content.ts";
import type { ReferenceContent } from "./monitor/references/reference-document.ts";
import { toLabelledRows } from "./monitor/references/reference-labels.ts";
import { type WatchedColumn, watchedColumns } from "./monitor/references/reference-profile.ts";

const PROGRESS_MS = 2_000;
const LABEL_DEFAULT = "label";
const NAMES_SHOWN = 10;

export interface FileReferenceOptions {
  readonly file: string;
  /** `label`, if there is such a column, unless it is given. */
  readonly labelColumn?: string | undefined;
  readonly positive?: string | undefined;
  readonly bins?: number | undefined;
}

/** As the engine takes it: PUT …/reference. */
export interface FileReference {
  readonly body: ReferenceContent & { readonly source: Readonly<Record<string, unknown>> };
  readonly notes: readonly string[];
}

/** @throws EngineError INVALID_REQUEST naming the file or its column. */
export async function buildFileReference(
  manifest: ModelManifest,
  options: FileReferenceOptions,
): Promise<FileReference> {
  const { file, positive, bins } = options;
  await using files = await openTableFiles();
  const table = await openFileTable(files, file);
  const { names } = table;
  const label = labelColumnOf(names, manifest, options);
  const watched = columnsOf(manifest, names, file);
  const columns = [...watched, ...(label === undefined ? [] : [{ name: label, type: "category" as const }])];
  const read = await readTableColumns({
    table,
    columns,
    rowsMax: referenceRowsMax(columns.length),
    onProgress: progressTeller(),
  });
  const values = new Map<string, ColumnValues>(read.values);
  const labels = label === undefined ? undefined : values.get(label);
  if (label !== undefined) values.delete(label);
  const labelled =
    labels === undefined
      ? undefined
      : toLabelledRows(manifest, {
          predictedValue: values.get("predicted_value") as Float32Array | undefined,
          predictedClass: values.get("predicted_class") as readonly (string | null)[] | undefined,
          labels: labels as readonly (string | null)[],
          positive,
        });
  const content = buildReference(manifest, { values, labelled }, bins === undefined ? {} : { bins });
  const isDrawn = read.total > read.rows;
  const source = {
    name: basename(file).slice(0, 256),
    labelled_rows: labelled?.labels.length ?? 0,
    ...(isDrawn ? { sampled_from: read.total } : {}),
  };
  const used = new Set(columns.map(({ name }) => name));
  const others = names.filter((name) => !used.has(name));
  const notes = [
    ...(others.length > 0 ? [`columns that the model does not have are left out: ${listed(others)}`] : []),
    ...(isDrawn ? [`${read.rows} of ${read.total} rows were drawn`] : []),
    ...(label !== undefined && labelled === undefined ? [missingOutputs(manifest)] : []),
  ];
  return { body: { ...content, source }, notes };
}

/** The inputs, and those outputs that the file has. */
function columnsOf(manifest: ModelManifest, names: readonly string[], file: string): WatchedColumn[] {
  const watched = watchedColumns(manifest);
  const missing = watched.filter(({ name, role }) => role === "input" && !names.includes(name));
  if (missing.length === 0) return watched.filter(({ name }) => names.includes(name));
  const message = `is an input of ${manifest.name}@${manifest.version}: the file must have a column of that name`;
  const details = missing.map(({ name }) => ({ field: name, message }));
  throw new EngineError("INVALID_REQUEST", `${file}: ${details[0]?.field}: ${message}`, { details });
}

function labelColumnOf(
  names: readonly string[],
  manifest: ModelManifest,
  { file, labelColumn }: FileReferenceOptions,
): string | undefined {
  if (labelColumn === undefined) {
    const isInput = manifest.inputs.some(({ name }) => name === LABEL_DEFAULT);
    return names.includes(LABEL_DEFAULT) && !isInput ? LABEL_DEFAULT : undefined;
  }
  const problem = !names.includes(labelColumn)
    ? `has no column ${labelColumn}`
    : watchedColumns(manifest).some(({ name }) => name === labelColumn)
      ? `has ${labelColumn} as an input or output of the model`
      : undefined;
  if (problem === undefined) return labelColumn;
  throw new EngineError("INVALID_REQUEST", `${file} ${problem}: name another with --label-column`);
}

function missingOutputs({ classes }: ModelManifest): string {
  const output = (classes?.length ?? 0) > 2 ? "predicted_class" : "predicted_value";
  return `there are labels but no column ${output}: the reference has no metrics`;
}

/** Tells on stderr how far the reading is, every PROGRESS_MS. */
function progressTeller(): (rows: number, total: number) => void {
  let toldMs = performance.now();
  return (rows, total) => {
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    console.error(`${rows} of ${total} rows read`);
  };
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return `${names.slice(0, NAMES_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

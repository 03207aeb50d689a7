/**
 * Reads the rows of a training: what was served and labelled, an analyst's query, a file of the command line.
 */
import { basename } from "node:path";
import { readPositions } from "../storage/changed-label-hours.ts";
import { type ClickHouse, openAnalystClickHouse } from "../storage/clickhouse.ts";
import { countServedRows, readServedRows } from "../storage/served-rows.ts";
import { type FileColumn, type GroupColumns, readTableColumns } from "../storage/table-columns.ts";
import { openTableFiles } from "../storage/table-files.ts";
import { profileTable } from "../storage/table-profile.ts";
import { openFileTable, openQueryTable, type TextTable } from "../storage/text-table.ts";
import { fieldInvalid } from "./core/errors.ts";
import { type ModelManifest, parseManifest } from "./core/manifest.ts";
import type { FileData, LabelledData, QueryData, TableData } from "./core/training-data.ts";
import type { TrainingSpec } from "./core/training-spec.ts";
import { columnTable, type ReadTable } from "./train/data/column-table.ts";
import { labelledTable, type SourcedTable } from "./train/data/labelled-table.ts";
import type { TrainingTask } from "./train/training-task.ts";

/** A query of all rows to train on. */
export const QUERY_TIMEOUT_MS = 600_000;

/** Those of a job. @throws EngineError INVALID_REQUEST, SERVICE_UNAVAILABLE. */
export async function readJobRows(
  task: TrainingTask,
  clickhouse: ClickHouse,
  { data, model_name }: TrainingSpec,
  champion: ModelManifest | undefined,
): Promise<SourcedTable> {
  switch (data.source) {
    case "labelled":
      if (champion === undefined)
        throw fieldInvalid(
          "data.source",
          `is for a model that serves already, and ${model_name} does not: train the first version from a query, or from a file with millrace train`,
        );
      return readLabelled(task, clickhouse, data, champion);
    case "query":
      return readQuery(task, data, champion);
    case "file":
      throw fieldInvalid(
        "data.source",
        "is for the command line: an engine reads no files. Take a query, or millrace train",
      );
  }
}

/** Those of a file, with the columns that it selects. @throws EngineError INVALID_REQUEST naming the file or column. */
export async function readFileRows(
  data: FileData,
  champion: ModelManifest | undefined,
): Promise<SourcedTable> {
  await using files = await openTableFiles();
  const table = await openFileTable(files, data.path);
  const { totalRows, groupedBy, ...read } = await readColumns(data, table, champion);
  const name = basename(data.path).slice(0, 256);
  return { ...read, source: { source: "file", name, total_rows: totalRows, grouped_by: groupedBy } };
}

async function readLabelled(
  { request, versions, upTo, database }: TrainingTask,
  clickhouse: ClickHouse,
  data: LabelledData,
  manifest: ModelManifest,
): Promise<SourcedTable> {
  const nowMs = Date.parse(request.requested_at);
  return labelledTable(
    { data: { ...data, features: {} }, manifest, versions: versions.map(parseManifest), nowMs, upTo },
    {
      readPositions: async (model) => readPositions(clickhouse, database, model),
      count: async (scope) => countServedRows(clickhouse, database, scope),
      read: async (question, labelled) => readServedRows(clickhouse, database, question, labelled),
    },
  );
}

/** As an analyst, under the limits of that user. */
async function readQuery(
  { analystUrl, request }: TrainingTask,
  data: QueryData,
  champion: ModelManifest | undefined,
): Promise<SourcedTable> {
  const analyst = openAnalystClickHouse(analystUrl, QUERY_TIMEOUT_MS);
  try {
    const { sql } = data;
    const text = await openQueryTable(analyst, sql);
    const { totalRows, groupedBy, ...read } = await readColumns({ ...data, features: {} }, text, champion);
    const asked_at = request.requested_at;
    return {
      ...read,
      source: { source: "query", sql, asked_at, total_rows: totalRows, grouped_by: groupedBy },
    };
  } finally {
    await analyst.close();
  }
}

async function readColumns(
  data: TableData,
  table: TextTable,
  champion: ModelManifest | undefined,
): Promise<ReadTable> {
  const source = {
    names: table.names,
    profile: async (names: readonly string[]) => profileTable(table, names),
    read: async (columns: readonly FileColumn[], rowsMax: number, groupedBy: GroupColumns) =>
      readTableColumns({ table, columns, rowsMax, groupedBy, onProgress: () => undefined }),
  };
  return columnTable(data, source, champion?.classes);
}

/**
 * Builds what training needs: reading of rows from ClickHouse, the trainers, the runtimes.
 */

import { readPositions } from "../storage/changed-label-hours.ts";
import { type ClickHouse, openAnalystClickHouse } from "../storage/clickhouse.ts";
import { countServedRows, readServedRows } from "../storage/served-rows.ts";
import { readTableColumns } from "../storage/table-columns.ts";
import { profileTable } from "../storage/table-profile.ts";
import { openQueryTable } from "../storage/text-table.ts";
import { onnxRuntime } from "../workers/runtime-onnx.ts";
import { tfjsRuntime } from "../workers/runtime-tfjs.ts";
import { defaultSearch } from "../workers/train/search/default-searches.ts";
import { runSearch } from "../workers/train/search/run-search.ts";
import { type RegisteredTrainer, TRAINERS } from "../workers/train/trainers.ts";
import { EngineError } from "./core/errors.ts";
import { parseManifest } from "./core/manifest.ts";
import type { LabelledData, TableData } from "./core/training-data.ts";
import { columnTable } from "./train/data/column-table.ts";
import { labelledTable, type ServedTables, type SourcedTable } from "./train/data/labelled-table.ts";
import type { TrainingTask } from "./train/training-task.ts";
import type { TableQuestion, TrainingTools } from "./train/training-tools.ts";

/** A query of all rows to train on. */
const QUERY_TIMEOUT_MS = 600_000;

/** @param external trainers by model type, where there are any. */
export function createTrainingTools(
  clickhouse: ClickHouse,
  database: string,
  external: ReadonlyMap<string, RegisteredTrainer> = new Map(),
): TrainingTools {
  const tables: ServedTables = {
    readPositions: async (model) => readPositions(clickhouse, database, model),
    count: async (scope) => countServedRows(clickhouse, database, scope),
    read: async (question, labelled) => readServedRows(clickhouse, database, question, labelled),
  };
  return {
    readTable: async (question) => readTable(question, tables),
    trainerOf: (type) => {
      const trainer = TRAINERS.get(type) ?? external.get(type);
      if (trainer !== undefined) return trainer;
      const message = `${type} is trained by an external trainer, and none is connected: take another type`;
      throw new EngineError("INVALID_REQUEST", `model_type: ${message}`, {
        details: [{ field: "model_type", message }],
      });
    },
    search: runSearch,
    defaultSearch,
    load: async (artifact) =>
      (artifact.manifest.runtime === "onnx" ? onnxRuntime : tfjsRuntime).load(artifact),
  };
}

async function readTable(question: TableQuestion, tables: ServedTables): Promise<SourcedTable> {
  const { data } = question.spec;
  switch (data.source) {
    case "labelled":
      return readLabelled(question, data, tables);
    case "query":
      return readQuery(data, question.task);
    case "file":
      throw invalid("is for the command line: an engine reads no files. Take a query, or millrace train");
  }
}

async function readLabelled(
  { task, spec, champion }: TableQuestion,
  data: LabelledData,
  tables: ServedTables,
): Promise<SourcedTable> {
  if (champion === undefined)
    throw invalid(
      `is for a model that serves already, and ${spec.model_name} does not: train the first version from a query, or from a file with millrace train`,
    );
  const versions = task.versions.map(parseManifest);
  const nowMs = Date.parse(task.request.requested_at);
  return labelledTable(
    { data: { ...data, features: {} }, manifest: champion, versions, nowMs, upTo: task.upTo },
    tables,
  );
}

/** As an analyst, under the limits of that user. */
async function readQuery(
  data: TableData & { readonly source: "query" },
  task: TrainingTask,
): Promise<SourcedTable> {
  const analyst = openAnalystClickHouse(task.analystUrl, QUERY_TIMEOUT_MS);
  try {
    const text = await openQueryTable(analyst, data.sql);
    const { table, totalRows, notes } = await columnTable(
      { ...data, features: {} },
      {
        names: text.names,
        profile: async (names) => profileTable(text, names),
        read: async (columns, rowsMax) =>
          readTableColumns({ table: text, columns, rowsMax, onProgress: () => undefined }),
      },
    );
    const { sql } = data;
    const source = {
      source: "query",
      sql,
      asked_at: task.request.requested_at,
      total_rows: totalRows,
    } as const;
    return { table, notes, source };
  } finally {
    await analyst.close();
  }
}

function invalid(message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `data.source ${message}`, {
    details: [{ field: "data.source", message }],
  });
}

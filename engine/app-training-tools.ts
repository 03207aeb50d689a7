/**
 * Builds what training needs: reading of rows from ClickHouse, the trainers, the runtimes.
 */
import { readPositions } from "../storage/changed-label-hours.ts";
import type { ClickHouse } from "../storage/clickhouse.ts";
import { countServedRows, readServedRows } from "../storage/served-rows.ts";
import { onnxRuntime } from "../workers/runtime-onnx.ts";
import { tfjsRuntime } from "../workers/runtime-tfjs.ts";
import { defaultSearch } from "../workers/train/search/default-searches.ts";
import { runSearch } from "../workers/train/search/run-search.ts";
import { type RegisteredTrainer, TRAINERS } from "../workers/train/trainers.ts";
import { EngineError } from "./core/errors.ts";
import { parseManifest } from "./core/manifest.ts";
import { labelledTable, type ServedTables } from "./train/data/labelled-table.ts";
import type { TableQuestion, TrainingTools } from "./train/training-tools.ts";

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

async function readTable({ task, spec, champion }: TableQuestion, tables: ServedTables) {
  const { data } = spec;
  if (data.source !== "labelled")
    throw new EngineError("INVALID_REQUEST", `data.source: ${data.source} is not read here`);
  if (champion === undefined) {
    const message = `is for a model that serves already, and ${spec.model_name} does not: train the first version from a query, or from a file with millrace train`;
    throw new EngineError("INVALID_REQUEST", `data.source ${message}`, {
      details: [{ field: "data.source", message }],
    });
  }
  const everything = { ...data, features: {} };
  const versions = task.versions.map(parseManifest);
  const nowMs = Date.parse(task.request.requested_at);
  return labelledTable({ data: everything, manifest: champion, versions, nowMs, upTo: task.upTo }, tables);
}

/**
 * What a version remembers of its own training, as the file `training.json` of its model folder: under its digest, and its signature.
 */
import { z } from "zod";
import type { ModelManifest } from "../core/manifest.ts";
import { utcTime } from "../core/retrain-request.ts";
import type { TrainingLineage } from "../core/training-lineage.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import { type TrainingValidation, trainingValidation } from "../core/training-validation.ts";
import type { SourcedTable } from "./data/labelled-table.ts";
import { lineageOf } from "./data/lineage.ts";
import type { DataSplit } from "./data/splits.ts";
import type { TrainingTable } from "./data/training-table.ts";
import type { Learned } from "./learn-model.ts";
import type { TrainingTask } from "./training-task.ts";

export const TRAINING_FILE = "training.json";

export interface RecordParts {
  readonly task: TrainingTask;
  readonly spec: TrainingSpec;
  readonly learned: Learned;
  readonly champion: ModelManifest | undefined;
  readonly source: SourcedTable["source"];
  readonly split: DataSplit;
  readonly table: TrainingTable;
}

export interface TrainingRecord {
  readonly model_type: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly iterations: number;
  readonly importances: Learned["importances"];
  readonly lineage: TrainingLineage;
  readonly spec: TrainingSpec;
}

export function trainingRecord(parts: RecordParts): TrainingRecord {
  const { task, spec, learned, champion, source, split, table } = parts;
  const { job_id, cause, evidence } = task.request;
  const digest = task.championDigest;
  const lineage = lineageOf({
    table,
    source,
    split,
    validation: spec.validation,
    seed: spec.seed,
    trigger: { job_id, cause, evidence },
    ...(champion === undefined || digest === undefined
      ? {}
      : { parent: { version: champion.version, digest } }),
  });
  const { parameters, iterations, importances } = learned;
  return { model_type: spec.model_type, parameters, iterations, importances, lineage, spec };
}

const remembered = z.looseObject({
  model_type: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  spec: z.looseObject({ data: z.looseObject({ source: z.string() }) }).optional(),
});

/**
 * How a version was trained, as the specification of the next training: all but a file, which a later job cannot read again. Undefined
 * for a version that was not trained here.
 */
export function specRemembered(files: ReadonlyMap<string, Uint8Array> | undefined): object | undefined {
  const bytes = files?.get(TRAINING_FILE);
  if (bytes === undefined) return undefined;
  const { data: record } = remembered.safeParse(parseJson(bytes));
  if (record === undefined) return undefined;
  const { model_type, parameters, spec } = record;
  if (spec === undefined) return { model_type, parameters };
  const { data, ...rest } = spec;
  return data.source === "file" ? rest : spec;
}

const learned = z.looseObject({
  lineage: z.looseObject({
    validation: trainingValidation,
    data: z.looseObject({ trained_until: utcTime }),
  }),
});

/** How a version's rows were split, and when the newest happened that it learned from (ms since 1970); undefined where nothing says so. */
export function rowsRemembered(
  files: ReadonlyMap<string, Uint8Array> | undefined,
): { readonly validation: TrainingValidation; readonly untilMs: number } | undefined {
  const bytes = files?.get(TRAINING_FILE);
  const lineage = bytes === undefined ? undefined : learned.safeParse(parseJson(bytes)).data?.lineage;
  return lineage && { validation: lineage.validation, untilMs: Date.parse(lineage.data.trained_until) };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

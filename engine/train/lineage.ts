/**
 * Where a trained version comes from, as the file `lineage.json` of its model folder: under the version's digest, and its signature.
 */
import type { ModelManifest } from "../core/manifest.ts";
import { type TrainingLineage, trainingLineage } from "../core/training-lineage.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import type { SourcedTable } from "./data/labelled-table.ts";
import type { DataSplit } from "./data/splits.ts";
import type { TrainingTable } from "./data/training-table.ts";
import type { Learned } from "./learn-model.ts";
import type { TrainingTask } from "./training-task.ts";

export const LINEAGE_FILE = "lineage.json";

export interface LineageParts {
  readonly task: TrainingTask;
  readonly spec: TrainingSpec;
  readonly learned: Learned;
  readonly champion: ModelManifest | undefined;
  readonly sourced: SourcedTable;
  readonly split: DataSplit;
  readonly fingerprint: string;
  readonly table: TrainingTable;
}

export interface TrainedLineage extends TrainingLineage {
  readonly model_type: string;
  readonly mode: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What a later job needs to train the version again, or to go on from it. */
export function lineageOf(parts: LineageParts): Readonly<Record<string, unknown>> {
  const { task, spec, learned, champion, sourced, split, fingerprint, table } = parts;
  const { job_id, cause, evidence } = task.request;
  const sets = new Map(
    table.inputs.flatMap(({ feature }) =>
      feature === undefined ? [] : [[`${feature.set}@${feature.version}`, feature] as const],
    ),
  );
  const lineage = trainingLineage.parse({
    format: 1,
    data: {
      fingerprint,
      rows: table.raw.count,
      parts: {
        training: split.final.training.length,
        validation: split.final.validation.length,
        test: split.test.length,
      },
      inputs: table.inputs.map(({ name }) => name),
      source: sourced.source,
    },
    validation: spec.validation,
    trigger: { job_id, cause, evidence },
    feature_sets: [...sets.values()].map(({ set, version }) => ({ set, version })),
    code_version: task.codeVersion,
    seed: spec.seed,
    ...(champion === undefined || task.championDigest === undefined
      ? {}
      : { parent: { version: champion.version, digest: task.championDigest } }),
  });
  return {
    ...lineage,
    model: {
      model_type: spec.model_type,
      mode: spec.mode,
      parameters: learned.parameters,
      iterations: learned.iterations,
      ...(learned.importances === undefined ? {} : { importances: learned.importances }),
    },
    spec,
  };
}

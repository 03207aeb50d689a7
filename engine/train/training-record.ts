/**
 * What a version remembers of its own training, as the file `training.json` of its model folder: under its digest, and its signature. What is read back of
 * it: remembered-training.
 */
import type { TrainingLineage } from "../core/training-lineage.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import type { RealisedPerformance } from "../monitor/performance/realised-performance.ts";
import type { Learned } from "./learn-model.ts";

export interface TrainingRecord {
  readonly model_type: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly iterations: number;
  readonly importances: Learned["importances"];
  readonly lineage: TrainingLineage;
  /** Of a job, for the jobs that come after it. */
  readonly spec?: TrainingSpec;
  /** Of rows from a file, which no later job can read: how the model did, since no job keeps that. */
  readonly test?: RealisedPerformance;
}

export interface RecordParts {
  readonly spec: TrainingSpec;
  readonly learned: Learned;
  readonly lineage: TrainingLineage;
  readonly metrics: RealisedPerformance;
}

export function trainingRecord({ spec, learned, lineage, metrics }: RecordParts): TrainingRecord {
  const { parameters, iterations, importances } = learned;
  const rest = spec.data.source === "file" ? { test: metrics } : { spec };
  return { model_type: spec.model_type, parameters, iterations, importances, lineage, ...rest };
}

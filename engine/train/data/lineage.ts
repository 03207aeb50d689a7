/**
 * The lineage of a model from what it was trained on.
 */
import { EngineError } from "../../core/errors.ts";
import type { ModelInput } from "../../core/model-input.ts";
import { type TrainingLineage, type TrainingSource, trainingLineage } from "../../core/training-lineage.ts";
import type { TrainingValidation } from "../../core/training-validation.ts";
import { VERSION } from "../../version.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type DataSplit, newestLearned } from "./splits.ts";
import type { TrainingTable } from "./training-table.ts";

export interface LineageParts extends Partial<Pick<TrainingLineage, "trigger" | "parent">> {
  readonly table: TrainingTable;
  readonly source: TrainingSource;
  readonly split: DataSplit;
  readonly validation: TrainingValidation;
  readonly seed: number;
  /** When the newest row happened that the version learned from which training goes on from, ms since 1970. */
  readonly continuedUntilMs?: number | undefined;
}

/** @throws EngineError INTERNAL when it is none: all of its parts were checked before. */
export function lineageOf({
  table,
  source,
  split,
  validation,
  seed,
  continuedUntilMs = -Infinity,
  ...more
}: LineageParts): TrainingLineage {
  const { final, test } = split;
  const newestMs = newestLearned(split, table.timesMs);
  const lineage = trainingLineage.safeParse({
    format: 1,
    data: {
      fingerprint: fingerprintOf(table),
      rows: table.raw.count,
      parts: { training: final.training.length, validation: final.validation.length, test: test.length },
      inputs: table.inputs.map((input) => input.name),
      source,
      ...(newestMs === undefined
        ? {}
        : { trained_until: new Date(Math.max(newestMs, continuedUntilMs)).toISOString() }),
    },
    validation,
    feature_sets: featureSetsOf(table.inputs),
    code_version: VERSION,
    seed,
    ...more,
  });
  if (lineage.success) return lineage.data;
  throw new EngineError("INTERNAL", "the lineage of a training is none", { cause: lineage.error });
}

/** Those that fill inputs, each once, in the order of the inputs. */
function featureSetsOf(inputs: readonly ModelInput[]): TrainingLineage["feature_sets"] {
  const found = new Map<string, TrainingLineage["feature_sets"][number]>();
  for (const { feature } of inputs)
    if (feature !== undefined)
      found.set(`${feature.set}@${feature.version}`, { set: feature.set, version: feature.version });
  return [...found.values()];
}

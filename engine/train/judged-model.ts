/**
 * A model with what it says of the rows that judge it, as gate and comparison take it: predictions, size, and time per row.
 *
 * Times of several models are measured in turns, so that what slows the machine slows all.
 */
import type { LoadedModel, ModelArtifact, Runtime } from "../../workers/runtime.ts";
import { type ModelManifest, modelKey, parseManifest } from "../core/manifest.ts";
import { withExampleRow } from "../example-row.ts";
import type { Slices } from "../monitor/performance/performance-slices.ts";
import { thresholdOf } from "../monitor/performance/performance-version.ts";
import type { RawRows } from "../transform/raw-rows.ts";
import { rawColumn, rawRowsAt, type TrainingTable } from "./data/training-table.ts";
import type { Candidate } from "./gate/out-of-time-rows.ts";
import { createScorer, predictionsOf, type ScoreRows } from "./model-scores.ts";

/** Columns of more values are no slices. */
const SLICE_VALUES_MAX = 20;
const TIMED_ROWS = 200;
const TIMED_ROUNDS = 5;

export interface Judged {
  readonly manifest: ModelManifest;
  readonly model: LoadedModel;
  readonly score: ScoreRows;
  /** The test rows as it reads them. */
  readonly raw: RawRows;
  readonly bytes: number;
  readonly outputs: Float32Array;
}

/** Loads the model and lets it score the rows. The caller closes it. @throws EngineError MODEL_INVALID, INVALID_FEATURES. */
export async function judged(load: Runtime["load"], artifact: ModelArtifact, raw: RawRows): Promise<Judged> {
  const manifest = parseManifest(artifact.manifest);
  const model = await load(withExampleRow({ ...artifact, manifest }));
  let bytes = 0;
  for (const file of artifact.files.values()) bytes += file.length;
  const score = createScorer(model, manifest);
  return { manifest, model, score, raw, bytes, outputs: await score(raw) };
}

export function candidateOf({ manifest, outputs, bytes }: Judged, latencyUs: number): Candidate {
  const predictions = predictionsOf(manifest, outputs);
  return { name: modelKey(manifest), predictions, threshold: thresholdOf(manifest), bytes, latencyUs };
}

/** Median microseconds of a single row through preprocessing and model, of each. */
export async function timesPerRow(models: readonly Pick<Judged, "score" | "raw">[]): Promise<number[]> {
  const times = models.map((): number[] => []);
  for (let round = 0; round < TIMED_ROUNDS; round++)
    for (const [at, { score, raw }] of models.entries()) {
      const rows = Math.min(TIMED_ROWS, raw.count);
      for (let row = 0; row < rows; row++) {
        const one = rawRowsAt(raw, Uint32Array.of(row));
        const startedMs = performance.now();
        await score(one);
        times[at]?.push((performance.now() - startedMs) * 1000);
      }
    }
  return times.map((all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0);
}

/** By inputs of few values. */
export function slicesOf(table: TrainingTable): Slices[] {
  return table.inputs.flatMap(({ name, type }, at) => {
    if (type !== "category" && type !== "text" && type !== "bool") return [];
    const column = rawColumn(table, at);
    const values = Array.from(column as ArrayLike<string | number>, textOf);
    const names = [...new Set(values)].sort();
    if (names.length < 2 || names.length > SLICE_VALUES_MAX) return [];
    const codes = Uint16Array.from(values, (value) => names.indexOf(value));
    return [{ codes, names: names.map((value) => `${name}=${value}`), others: `${name}=(other)` }];
  });
}

function textOf(value: string | number): string {
  if (typeof value === "string") return value === "" ? "(null)" : value;
  return Number.isNaN(value) ? "(null)" : String(value === 1);
}

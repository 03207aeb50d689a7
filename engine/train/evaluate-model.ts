/**
 * The judgement of a new model: its metrics on rows kept apart, and the gate, against the version that serves.
 *
 * Both are run as they are served, on the same rows. Their times per row are measured in turns, so that what slows the machine
 * slows both.
 */
import type { LoadedModel, ModelArtifact } from "../../workers/runtime.ts";
import { type ModelManifest, parseManifest } from "../core/manifest.ts";
import { predictionWidth } from "../core/training-set.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import { withExampleRow } from "../example-row.ts";
import type { LabelledRows } from "../monitor/performance/labelled-rows.ts";
import type { Slices } from "../monitor/performance/performance-slices.ts";
import { thresholdOf } from "../monitor/performance/performance-version.ts";
import { measurePerformance, type RealisedPerformance } from "../monitor/performance/realised-performance.ts";
import { OutputReading } from "../output-reading.ts";
import type { RawRows } from "../transform/raw-rows.ts";
import { championRows } from "./champion-rows.ts";
import type { DataSplit } from "./data/splits.ts";
import { rawColumn, rawRowsAt, type TrainingTable, taskOf } from "./data/training-table.ts";
import { type GateVerdict, judgeChallenger } from "./gate/gate-verdict.ts";
import type { Candidate } from "./gate/out-of-time-rows.ts";
import type { Learned } from "./learn-model.ts";
import { labelledScores, scoreRows } from "./model-scores.ts";
import type { TrainingTask } from "./training-task.ts";
import type { TrainingTools } from "./training-tools.ts";

/** Columns of more values are no slices. */
const SLICE_VALUES_MAX = 20;
const TIMED_ROWS = 200;
const TIMED_ROUNDS = 5;

export interface EvaluationQuestion {
  readonly task: TrainingTask;
  readonly spec: TrainingSpec;
  readonly learned: Learned;
  readonly champion: ModelManifest | undefined;
  /** Rows that judge: with all inputs that were read, and with those that were learned from. */
  readonly test: { readonly all: TrainingTable; readonly table: TrainingTable };
  /** All rows, with the split of which the test rows come. */
  readonly table: TrainingTable;
  readonly split: DataSplit;
}

export interface Evaluation {
  readonly verdict: GateVerdict;
  readonly metrics: RealisedPerformance;
  readonly challenger: { readonly outputs: Float32Array; readonly labelled: LabelledRows };
}

interface Judged {
  readonly manifest: ModelManifest;
  readonly model: LoadedModel;
  /** The test rows as it reads them. */
  readonly raw: RawRows;
  readonly bytes: number;
  readonly outputs: Float32Array;
}

/** @throws EngineError MODEL_INVALID when a model cannot be loaded, INVALID_REQUEST for a gate that does not fit the task. */
export async function evaluateModel(
  question: EvaluationQuestion,
  { load }: Pick<TrainingTools, "load">,
): Promise<Evaluation> {
  const { task, spec, learned, champion, test } = question;
  const challenger = await judged(load, { manifest: learned.manifest, files: learned.files }, test.table.raw);
  const former =
    champion === undefined
      ? undefined
      : await judged(
          load,
          { manifest: champion, files: task.champion?.files ?? new Map() },
          championRows(champion, test.all),
        );
  try {
    const times = await timesPerRow(former === undefined ? [challenger] : [challenger, former]);
    const { targets, timesMs } = test.table;
    const labelled = labelledScores(learned.manifest, challenger.outputs, targets);
    const trainedUntil = trainedUntilOf(question);
    const verdict = judgeChallenger(spec.gate, {
      rows: {
        task: taskOf(test.table),
        targets,
        ...(timesMs === undefined || trainedUntil === undefined ? {} : { times: timesMs }),
        slices: slicesOf(test.table),
      },
      challenger: candidateOf(challenger, times[0] as number),
      ...(former === undefined ? {} : { champion: candidateOf(former, times[1] as number) }),
      ...(trainedUntil === undefined ? {} : { trainedUntil }),
    });
    return {
      verdict,
      metrics: measurePerformance(labelled),
      challenger: { outputs: challenger.outputs, labelled },
    };
  } finally {
    await Promise.all([challenger.model.close(), former?.model.close()]);
  }
}

async function judged(load: TrainingTools["load"], artifact: ModelArtifact, raw: RawRows): Promise<Judged> {
  const manifest = parseManifest(artifact.manifest);
  const model = await load(withExampleRow({ ...artifact, manifest }));
  let bytes = 0;
  for (const file of artifact.files.values()) bytes += file.length;
  const outputs = await scoreRows(model, manifest, raw);
  return { manifest, model, raw, bytes, outputs };
}

function candidateOf({ manifest, outputs, raw, bytes }: Judged, latencyUs: number): Candidate {
  const reading = new OutputReading(manifest);
  const width = predictionWidth(taskOf(manifest.classes === undefined ? {} : { classes: manifest.classes }));
  const predictions = new Float64Array(raw.count * width);
  for (let row = 0; row < raw.count; row++) {
    const offset = row * reading.outputWidth;
    if (width === 1) predictions[row] = reading.value(outputs, offset);
    else
      for (let label = 0; label < width; label++)
        predictions[row * width + label] = outputs[offset + label] as number;
  }
  const name = `${manifest.name}@${manifest.version}`;
  return { name, predictions, threshold: thresholdOf(manifest), bytes, latencyUs };
}

/** Median microseconds of a single row through preprocessing and model, of each. */
async function timesPerRow(models: readonly Judged[]): Promise<number[]> {
  const times = models.map((): number[] => []);
  for (let round = 0; round < TIMED_ROUNDS; round++)
    for (const [at, { model, manifest, raw }] of models.entries()) {
      const rows = Math.min(TIMED_ROWS, raw.count);
      for (let row = 0; row < rows; row++) {
        const one = rawRowsAt(raw, Uint32Array.of(row));
        const startedMs = performance.now();
        await scoreRows(model, manifest, one);
        times[at]?.push((performance.now() - startedMs) * 1000);
      }
    }
  return times.map((all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0);
}

/** By inputs of few values. */
function slicesOf(table: TrainingTable): Slices[] {
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

/** Of a split by time; rows that were split by hash are not later than what was trained on, and nobody says so. */
function trainedUntilOf({ spec, table, split }: EvaluationQuestion): number | undefined {
  const { timesMs } = table;
  const isByTime = spec.validation.method === "out_of_time" || spec.validation.method === "time_series";
  if (!isByTime || timesMs === undefined) return undefined;
  let last = -Infinity;
  for (const part of [split.final.training, split.final.validation])
    for (const row of part) last = Math.max(last, timesMs[row] as number);
  return last;
}

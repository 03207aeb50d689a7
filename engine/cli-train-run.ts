/**
 * What `millrace train` does: a model from a file of rows, without an engine. Loaded when it is asked for, with all trainers.
 *
 *     options → specification → run-training, as a job is trained → model folder, and how good the model is
 */
import { basename, extname, resolve } from "node:path";
import { checkFreeFolder, writeModelFolder } from "../storage/model-folder-writer.ts";
import { TRAINERS } from "../workers/train/trainers.ts";
import { readFileRows } from "./app-training-rows.ts";
import { createTrainingTools } from "./app-training-tools.ts";
import { printTable, toCell, toPercent } from "./cli-table.ts";
import { EngineError } from "./core/errors.ts";
import type { FileData } from "./core/training-data.ts";
import { parseTrainingSpec, type TrainingSpec } from "./core/training-spec.ts";
import { METRICS, type MetricName } from "./monitor/performance/metric-table.ts";
import { unknownName } from "./train/data/nearest-name.ts";
import { runTraining, type TrainingRun } from "./train/run-training.ts";
import type { OnNews } from "./train/training-task.ts";

const PROGRESS_MS = 1_000;
const IMPORTANCES_SHOWN = 10;

export interface TrainOptions {
  readonly label: string;
  readonly modelType: string;
  readonly name?: string;
  readonly version: string;
  readonly out?: string;
  readonly timeColumn?: string;
  readonly entityColumn?: string;
  readonly weightColumn?: string;
  readonly exclude?: string;
  readonly allowLeak?: string;
  readonly classWeight: string;
  readonly testShare?: string;
  readonly embargo?: string;
  readonly parameters: string;
  readonly seed: string;
}

export async function train(file: string, options: TrainOptions): Promise<void> {
  const spec = specOf(file, options);
  const name = spec.model_name;
  const { version } = options;
  const folder = resolve(options.out ?? name);
  await checkFreeFolder(folder);
  const task = { spec, version, champion: undefined, championDigest: undefined, trials: [] };
  const run = await runTraining(
    task,
    createTrainingTools(async () => readFileRows(spec.data as FileData)),
    teller(),
  );
  const { manifest, files } = run.result.model;
  await writeModelFolder(folder, manifest, files);
  report(run);
  console.log(`\n${name} ${version} is in ${folder}`);
  console.log(`serve it with: millrace models push ${folder} --promote`);
}

/** @throws EngineError INVALID_REQUEST naming the option, or the field that it fills. */
function specOf(path: string, options: TrainOptions): TrainingSpec {
  const { modelType, timeColumn } = options;
  if (!TRAINERS.has(modelType))
    throw new EngineError("INVALID_REQUEST", `--model-type: ${unknownName(modelType, [...TRAINERS.keys()])}`);
  const list = (text: string | undefined): string[] | undefined =>
    text?.split(",").map((name) => name.trim());
  return parseTrainingSpec({
    model_name: options.name ?? nameOf(path),
    model_type: modelType,
    parameters: jsonOf(options.parameters),
    seed: Number(options.seed),
    data: withoutUndefined({
      source: "file",
      path,
      label_column: options.label,
      time_column: timeColumn,
      entity_column: options.entityColumn,
      weight_column: options.weightColumn,
      class_weight: options.classWeight,
      features: withoutUndefined({ exclude: list(options.exclude) }),
      leakage: withoutUndefined({ allow: list(options.allowLeak) }),
    }),
    validation: withoutUndefined({
      method: timeColumn === undefined ? "holdout" : "out_of_time",
      test_share: options.testShare === undefined ? undefined : Number(options.testShare),
      embargo: options.embargo,
    }),
  });
}

function withoutUndefined(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EngineError("INVALID_REQUEST", `--parameters is no JSON: write it as '{"C": 0.1}'`);
  }
}

/** The file's name as a model may be called. */
function nameOf(file: string): string {
  const plain = basename(file, extname(file))
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "_");
  return (/^[a-z]/.test(plain) ? plain : `model_${plain}`).slice(0, 63);
}

/** Tells on stderr what there is to say of the rows, and how far training is, at most every PROGRESS_MS. */
function teller(): OnNews {
  let toldMs = performance.now();
  return (news) => {
    if (news.kind !== "log") return;
    if (news.level === "info") {
      if (performance.now() - toldMs < PROGRESS_MS) return;
      toldMs = performance.now();
    }
    console.error(news.message);
  };
}

function report({ metrics: { metrics }, record }: TrainingRun): void {
  const { training, validation, test } = record.lineage.data.parts;
  console.log(`trained on ${training} rows, stopped by ${validation}, judged by ${test} others:\n`);
  const names = (Object.keys(METRICS) as MetricName[]).filter((name) => metrics[name] !== undefined);
  printTable([
    ["metric", "value", "low", "high", ""],
    ...names.map((name) => {
      const { value = null, interval, reason = "" } = metrics[name] ?? {};
      return [METRICS[name].title, ...[value, interval?.low, interval?.high].map(toCell), reason];
    }),
  ]);
  if (record.importances.length === 0) return;
  console.log();
  const shown = record.importances.slice(0, IMPORTANCES_SHOWN);
  printTable([["column", "importance"], ...shown.map(({ name, share }) => [name, toPercent(share)])]);
}

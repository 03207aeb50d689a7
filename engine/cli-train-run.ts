/**
 * What `millrace train` does: a model from a file of rows, without an engine. Loaded when it is asked for, with all trainers.
 *
 *     file → columns → inputs, table → checks → split → (thread) trainer → metrics → model folder
 */
import { basename, extname, resolve } from "node:path";
import type { z } from "zod";
import { checkFreeFolder, writeModelFolder } from "../storage/model-folder-writer.ts";
import { readTableColumns } from "../storage/table-columns.ts";
import { openTableFiles } from "../storage/table-files.ts";
import { profileTable } from "../storage/table-profile.ts";
import { openFileTable } from "../storage/text-table.ts";
import type { Iteration } from "../workers/train/trainer.ts";
import { type RegisteredTrainer, TRAINERS } from "../workers/train/trainers.ts";
import { printTable, toCell, toPercent } from "./cli-table.ts";
import { trainInThread } from "./cli-train-thread.ts";
import { EngineError } from "./core/errors.ts";
import { invalidBy } from "./core/schema-details.ts";
import { type TableData, trainingData } from "./core/training-data.ts";
import { trainingValidation } from "./core/training-validation.ts";
import { METRICS, type MetricName } from "./monitor/performance/metric-table.ts";
import { columnTable, type ReadTable } from "./train/data/column-table.ts";
import { checkClasses, checkTable } from "./train/data/data-checks.ts";
import { defaultPreprocessing } from "./train/data/default-preprocessing.ts";
import { lineageOf } from "./train/data/lineage.ts";
import { unknownName } from "./train/data/nearest-name.ts";
import type { Preparation } from "./train/data/prepared-sets.ts";
import { type DataSplit, splitRows } from "./train/data/splits.ts";
import type { DataNote } from "./train/data/training-table.ts";
import { manifestOf, type TrainingOutcome } from "./train/train-model.ts";
import { TRAINING_FILE } from "./train/training-record.ts";

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
  const registered = trainerOf(options.modelType);
  const parameters = parsed(registered.trainer.parameters, jsonOf(options.parameters), "parameters");
  const data = parsed(trainingData, dataOf(file, options), "options") as TableData;
  const validation = parsed(trainingValidation, validationOf(options), "options");
  const seed = seedOf(options.seed);
  const name = options.name ?? nameOf(file);
  const folder = resolve(options.out ?? name);
  await checkFreeFolder(folder);
  const read = await readFile(data);
  const { table } = read;
  tell([...read.notes, ...checkTable(table, data.leakage)]);
  const split = splitRows({ ...table, rows: table.raw.count }, validation);
  checkClasses(table, split);
  const preparation = preparationOf(read, data, registered);
  const job = { table, split, preparation, parameters, seed };
  const outcome = await trainInThread(options.modelType, job, progressTeller());
  const { missing } = preparation;
  const { inputs, classes } = table;
  const parts = {
    name,
    version: options.version,
    inputs,
    missing,
    ...(classes === undefined ? {} : { classes }),
  };
  const manifest = manifestOf(parts, outcome);
  const source = { source: "file" as const, name: basename(file).slice(0, 256), total_rows: read.totalRows };
  const lineage = lineageOf({ table, source, split, validation, seed });
  const { importances, iterations, test } = outcome;
  const training = { model_type: options.modelType, parameters, iterations, lineage, test, importances };
  await writeModelFolder(folder, manifest, outcome.exported.files, { [TRAINING_FILE]: training });
  report(outcome, split);
  console.log(`\n${name} ${options.version} is in ${folder}`);
  console.log(`serve it with: millrace models push ${folder} --promote`);
}

function trainerOf(type: string): RegisteredTrainer {
  const found = TRAINERS.get(type);
  if (found !== undefined) return found;
  throw new EngineError("INVALID_REQUEST", `--model-type: ${unknownName(type, [...TRAINERS.keys()])}`);
}

function dataOf(path: string, options: TrainOptions): unknown {
  const list = (text: string | undefined): string[] | undefined =>
    text?.split(",").map((name) => name.trim());
  return withoutUndefined({
    source: "file",
    path,
    label_column: options.label,
    time_column: options.timeColumn,
    entity_column: options.entityColumn,
    weight_column: options.weightColumn,
    class_weight: options.classWeight,
    features: withoutUndefined({ exclude: list(options.exclude) }),
    leakage: withoutUndefined({ allow: list(options.allowLeak) }),
  });
}

function validationOf({ timeColumn, testShare, embargo }: TrainOptions): unknown {
  return withoutUndefined({
    method: timeColumn === undefined ? "holdout" : "out_of_time",
    test_share: testShare === undefined ? undefined : Number(testShare),
    embargo,
  });
}

function withoutUndefined(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, whole: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalidBy(result.error, whole);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EngineError("INVALID_REQUEST", `--parameters is no JSON: write it as '{"C": 0.1}'`);
  }
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && Math.abs(seed) < 2 ** 31) return seed;
  throw new EngineError("INVALID_REQUEST", `--seed ${text} must be a whole number of 32 bits`);
}

/** The file's name as a model may be called. */
function nameOf(file: string): string {
  const plain = basename(file, extname(file))
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "_");
  return (/^[a-z]/.test(plain) ? plain : `model_${plain}`).slice(0, 63);
}

async function readFile(data: TableData): Promise<ReadTable> {
  if (data.source !== "file") throw new Error("the command line reads files");
  await using files = await openTableFiles();
  const table = await openFileTable(files, data.path);
  return columnTable(data, {
    names: table.names,
    profile: async (names) => profileTable(table, names),
    read: async (columns, rowsMax) =>
      readTableColumns({ table, columns, rowsMax, onProgress: () => undefined }),
  });
}

function preparationOf({ table }: ReadTable, data: TableData, { takes }: RegisteredTrainer): Preparation {
  return {
    steps: defaultPreprocessing(table.inputs, takes === "anything" ? "trees" : "linear"),
    missing: takes === "anything" ? "allowed" : "refused",
    classWeight: data.class_weight,
  };
}

function tell(notes: readonly DataNote[]): void {
  for (const { field, message } of notes) console.error(`${field}: ${message}`);
}

/** Tells on stderr how far training is, every PROGRESS_MS. */
function progressTeller(): (iteration: Iteration) => void {
  let toldMs = performance.now();
  return ({ iteration, iterationsMax, trainingLoss, validationLoss }) => {
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    const losses = [
      ...(trainingLoss === undefined ? [] : [`loss ${toCell(trainingLoss)}`]),
      ...(validationLoss === undefined ? [] : [`validation ${toCell(validationLoss)}`]),
    ];
    console.error(`iteration ${iteration} of at most ${iterationsMax} ${losses.join(", ")}`.trimEnd());
  };
}

function report({ test, importances }: TrainingOutcome, { final, test: testRows }: DataSplit): void {
  const { training, validation } = final;
  console.log(
    `trained on ${training.length} rows, stopped by ${validation.length}, judged by ${testRows.length} others:\n`,
  );
  const names = (Object.keys(METRICS) as MetricName[]).filter((name) => test.metrics[name] !== undefined);
  printTable([
    ["metric", "value", "low", "high", ""],
    ...names.map((name) => {
      const { value = null, interval, reason = "" } = test.metrics[name] ?? {};
      return [METRICS[name].title, ...[value, interval?.low, interval?.high].map(toCell), reason];
    }),
  ]);
  if (importances.length === 0) return;
  console.log();
  const shown = importances.slice(0, IMPORTANCES_SHOWN);
  printTable([["column", "importance"], ...shown.map(({ name, share }) => [name, toPercent(share)])]);
}

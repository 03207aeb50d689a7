/**
 * From rows to a trained model: the best hyperparameters, if they are searched for, then one model of all training rows.
 */
import type { Iteration, Trainer, WarmStart } from "../../workers/train/trainer.ts";
import { EngineError } from "../core/errors.ts";
import type { ModelManifest } from "../core/manifest.ts";
import { invalidBy } from "../core/schema-details.ts";
import type { TrainingMode, TrainingSpec } from "../core/training-spec.ts";
import { withBackground } from "./background.ts";
import { prepareSets } from "./data/prepared-sets.ts";
import { taskOf } from "./data/training-table.ts";
import type { LearningQuestion } from "./learning-plan.ts";
import { searchParameters } from "./search-parameters.ts";
import { importancesOf, type ManifestParts, manifestOf, type TrainingOutcome } from "./train-model.ts";
import type { OnNews, TrainingTask } from "./training-task.ts";
import type { TrainingTools } from "./training-tools.ts";

/** Of a training, in the job's logs. */
const LINES = 10;
const EMPTY = new Uint32Array(0);

export interface Learned {
  readonly manifest: ModelManifest;
  /** Beside model.json. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly iterations: number;
  readonly importances: TrainingOutcome["importances"];
}

/** @throws EngineError INVALID_REQUEST naming the parameter or column; MODEL_INVALID for preprocessing that does not fit. */
export async function learnModel(
  question: LearningQuestion,
  tools: TrainingTools,
  onNews: OnNews,
): Promise<Learned> {
  const { task, spec, table, split, plan, champion } = question;
  const registered = tools.trainerOf(spec.model_type);
  const { trainer } = registered;
  const trainingTask = taskOf(table);
  if (!trainer.tasks.includes(trainingTask.kind))
    throw invalid(
      "model_type",
      `${spec.model_type} does not learn ${trainingTask.kind} labels: take another type`,
    );
  const found =
    spec.search === undefined
      ? spec.parameters
      : await searchParameters(question, registered, spec.search, tools, onNews);
  const parameters = parsed(trainer, found);
  const preparation = { ...plan, classWeight: spec.data.class_weight };
  const { preprocessing, training, validation } = prepareSets(table, split.final, EMPTY, preparation);
  onNews({ kind: "progress", stage: "TRAINING", share: 0 });
  const trained = await trainer.train({
    task: trainingTask,
    training,
    ...(validation === undefined ? {} : { validation }),
    parameters,
    seed: spec.seed,
    ...goOn(spec.mode, trainer, task, champion),
    onIteration: (iteration) => {
      const { iteration: at, iterationsMax } = iteration;
      onNews({ kind: "progress", stage: "TRAINING", share: at / iterationsMax });
      if (at % Math.ceil(iterationsMax / LINES) === 0)
        onNews({ kind: "log", level: "info", message: toldBy(iteration) });
      return "continue";
    },
  });
  const exported = await trained.export();
  return {
    manifest: manifestOf(partsOf(question), { exported, preprocessing }),
    files: withBackground(exported.files, registered, training),
    parameters: parameters as Readonly<Record<string, unknown>>,
    iterations: trained.iterations,
    importances: importancesOf(training.columns, trained),
  };
}

/** A version of the same classes keeps the threshold, any keeps the description. */
function partsOf({ task, spec, table, plan, champion }: LearningQuestion): ManifestParts {
  const { inputs, classes } = table;
  const isSameClasses = JSON.stringify(classes) === JSON.stringify(champion?.classes);
  return {
    name: spec.model_name,
    version: task.version,
    inputs,
    missing: plan.missing,
    ...(classes === undefined ? {} : { classes }),
    ...(champion?.description === undefined ? {} : { description: champion.description }),
    ...(isSameClasses && champion?.threshold !== undefined ? { threshold: champion.threshold } : {}),
  };
}

/** @throws EngineError INVALID_REQUEST with one detail per wrong parameter. */
function parsed(trainer: Trainer<unknown>, parameters: TrainingSpec["parameters"]): unknown {
  const result = trainer.parameters.safeParse(parameters);
  if (!result.success) throw invalidBy(result.error, "parameters");
  return result.data;
}

/** What the mode adds to a run. @throws EngineError INVALID_REQUEST when there is nothing to go on from. */
function goOn(
  mode: TrainingMode,
  trainer: Trainer<unknown>,
  { champion: files }: TrainingTask,
  champion: ModelManifest | undefined,
): { readonly initial?: ReturnType<typeof exportedOf>; readonly warmStart?: WarmStart } {
  if (mode === "FULL_RETRAIN") return {};
  if (!trainer.warmStarts.includes(mode)) {
    const modes = ["FULL_RETRAIN", ...trainer.warmStarts].join(", ");
    throw invalid("mode", `${mode} is nothing that this model type can do: take one of ${modes}`);
  }
  if (files === undefined || champion === undefined)
    throw invalid(
      "mode",
      `${mode} goes on from the version in production, and there is none: take FULL_RETRAIN`,
    );
  return { initial: exportedOf(champion, files.files), warmStart: mode };
}

function exportedOf(manifest: ModelManifest, files: ReadonlyMap<string, Uint8Array>) {
  const { runtime, input_tensor, outputs } = manifest;
  const [output] = outputs;
  if (input_tensor === undefined || output === undefined || output.type === "probability")
    throw invalid(
      "mode",
      "the version in production was not trained here, so nothing can go on from it: take FULL_RETRAIN",
    );
  return { runtime, files, inputTensor: input_tensor, output: { name: output.name, type: output.type } };
}

function toldBy({ iteration, iterationsMax, trainingLoss, validationLoss }: Iteration): string {
  const loss = (name: string, value: number | undefined): string =>
    value === undefined ? "" : `, ${name} loss ${Number(value.toPrecision(5))}`;
  return `iteration ${iteration} of ${iterationsMax}${loss("training", trainingLoss)}${loss("validation", validationLoss)}`;
}

function invalid(field: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `${field}: ${message}`, { details: [{ field, message }] });
}

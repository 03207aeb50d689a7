/**
 * From rows to a trained model: the best hyperparameters, if they are searched for, then one model of all training rows.
 */
import type { ExportedModel, Iteration } from "../../workers/train/trainer.ts";
import type { RegisteredTrainer } from "../../workers/train/trainers.ts";
import { fieldInvalid } from "../core/errors.ts";
import { type ModelManifest, parseManifest } from "../core/manifest.ts";
import type { PreprocessingStep } from "../core/preprocessing.ts";
import { invalidBy } from "../core/schema-details.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import { withBackground } from "./background.ts";
import { prepareSets } from "./data/prepared-sets.ts";
import { taskOf } from "./data/training-table.ts";
import type { LearningQuestion } from "./learning-plan.ts";
import { searchParameters } from "./search-parameters.ts";
import type { OnNews } from "./training-task.ts";
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
  /** Of the columns that matter at all, those that matter most first. Empty where the type has none. */
  readonly importances: readonly { readonly name: string; readonly share: number }[];
}

/** @throws EngineError INVALID_REQUEST naming the parameter or column; MODEL_INVALID for preprocessing that does not fit. */
export async function learnModel(
  question: LearningQuestion,
  tools: Pick<TrainingTools, "search" | "defaultSearch">,
  onNews: OnNews,
): Promise<Learned> {
  const { spec, table, split, plan, registered, continuation } = question;
  const { trainer } = registered;
  const task = taskOf(table);
  if (!trainer.tasks.includes(task.kind))
    throw fieldInvalid(
      "model_type",
      `${spec.model_type} does not learn ${task.kind} labels: take another type`,
    );
  const found =
    spec.search === undefined
      ? spec.parameters
      : await searchParameters(question, spec.search, tools, onNews);
  const parameters = parsedParameters(registered, found);
  const preparation = { ...plan, classWeight: spec.data.class_weight };
  const { preprocessing, training, validation } = prepareSets(table, split.final, EMPTY, preparation);
  onNews({ kind: "progress", stage: "TRAINING", share: 0 });
  const trained = await trainer.train({
    task,
    training,
    ...(validation === undefined ? {} : { validation }),
    parameters,
    seed: spec.seed,
    ...(continuation && { initial: continuation.initial, warmStart: continuation.warmStart }),
    onIteration: (iteration) => {
      tell(iteration, onNews);
      return "continue";
    },
  });
  const exported = await trained.export();
  const importances = training.columns
    .map(({ name }, at) => ({ name, share: trained.importances?.[at] ?? 0 }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1));
  return {
    manifest: manifestOf(question, exported, preprocessing),
    files: withBackground(exported.files, registered, training),
    parameters: parameters as Readonly<Record<string, unknown>>,
    iterations: trained.iterations,
    importances,
  };
}

/** With the trainer's defaults filled in. @throws EngineError INVALID_REQUEST with one detail per wrong parameter. */
export function parsedParameters(
  { trainer }: RegisteredTrainer,
  parameters: TrainingSpec["parameters"],
): unknown {
  const result = trainer.parameters.safeParse(parameters);
  if (!result.success) throw invalidBy(result.error, "parameters");
  return result.data;
}

/** A version of the same classes keeps the champion's threshold, any keeps its description. */
function manifestOf(
  { task, spec, table, plan, champion }: LearningQuestion,
  { runtime, inputTensor, output }: ExportedModel,
  preprocessing: readonly PreprocessingStep[],
): ModelManifest {
  const { inputs, classes } = table;
  const isSameClasses = JSON.stringify(classes) === JSON.stringify(champion?.classes);
  return parseManifest({
    name: spec.model_name,
    version: task.version,
    inputs,
    ...(classes === undefined ? {} : { classes }),
    ...(champion?.description === undefined ? {} : { description: champion.description }),
    ...(isSameClasses && champion?.threshold !== undefined ? { threshold: champion.threshold } : {}),
    runtime,
    input_tensor: inputTensor,
    outputs: [output],
    ...(preprocessing.length === 0 ? {} : { preprocessing }),
    ...(plan.missing === "allowed" ? { allow_nan: true } : {}),
  });
}

function tell(iteration: Iteration, onNews: OnNews): void {
  const { iteration: at, iterationsMax, trainingLoss, validationLoss } = iteration;
  onNews({ kind: "progress", stage: "TRAINING", share: at / iterationsMax });
  if (at % Math.ceil(iterationsMax / LINES) !== 0) return;
  const loss = (name: string, value: number | undefined): string =>
    value === undefined ? "" : `, ${name} loss ${Number(value.toPrecision(5))}`;
  const losses = `${loss("training", trainingLoss)}${loss("validation", validationLoss)}`;
  onNews({ kind: "log", level: "info", message: `iteration ${at} of ${iterationsMax}${losses}` });
}

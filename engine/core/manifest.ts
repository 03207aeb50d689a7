/**
 * The manifest of a model version: what `model.json` in a model folder must say, and its type.
 *
 * A manifest is checked once, when it enters (push, or load from the registry); everything behind that
 * trusts its type. Invariant: names are safe as a NATS subject token, a KV key and a ClickHouse identifier.
 */
import { z } from "zod";
import { layoutOf, problemWithSteps } from "./column-layout.ts";
import { EngineError } from "./errors.ts";
import { checkInput, isKeptAsText, modelInput, problemWithTexts } from "./model-input.ts";
import { MODEL_NAME, MODEL_VERSION } from "./names.ts";
import { FEATURES_MAX, preprocessingSteps } from "./preprocessing.ts";
import { layTensors } from "./tensor-layout.ts";
import { checkTensors, modelTensors } from "./tensor-model.ts";

const CLASSES_MAX = 1000;

const modelOutput = z.strictObject({
  /** Name of the model's output tensor. */
  name: z.string().min(1).max(256),
  /**
   * probabilities: [rows, classes], each row summing to 1. probability: [rows] or [rows, 1], of the last of two
   * classes. value: [rows] or [rows, 1], the prediction itself.
   */
  type: z.enum(["probabilities", "probability", "value"]),
});

export const modelManifest = z
  .strictObject({
    name: z
      .string()
      .regex(MODEL_NAME, "a lower-case letter, then lower-case letters, digits, _ or - (at most 63)"),
    version: z.string().regex(MODEL_VERSION, "a semantic version such as 1.0.0"),
    description: z.string().max(4000).optional(),
    runtime: z.enum(["onnx", "tfjs"]),
    /** Features in the order in which the model takes them. */
    inputs: z.array(modelInput).max(FEATURES_MAX).default([]),
    /**
     * Name of the one [rows, features] float32 tensor that takes all inputs, categories as their index, or what
     * preprocessing makes of them. Without it the model takes one [rows, 1] tensor per input, of the input's name:
     * float32, int64, bool or string.
     */
    input_tensor: z.string().min(1).max(256).optional(),
    /** Transforms between the inputs and input_tensor, fitted in training. Without them the tensor takes the inputs. */
    preprocessing: preprocessingSteps.optional(),
    /** The model takes NaN in input_tensor for what is missing, as trees do. Without it nothing may be missing there. */
    allow_nan: z.boolean().optional(),
    /** The tensor that predictions are read from: exactly one. */
    outputs: z.array(modelOutput).max(1).default([]),
    /** Instead of inputs and outputs: tensors of any datatype, for a model that is asked over the Open Inference Protocol. */
    tensors: modelTensors.optional(),
    /** Labels of a classifier in the order of its probabilities; absent for a regression. */
    classes: z.array(z.string().min(1).max(256)).min(2).max(CLASSES_MAX).optional(),
    /** Two classes: predict the last one when its probability is at least this. */
    threshold: z.number().min(0).max(1).optional(),
  })
  .superRefine(checkAgreement);

export type ModelManifest = z.infer<typeof modelManifest>;

type Issue = (path: (string | number)[], message: string) => void;

function checkAgreement(manifest: ModelManifest, context: z.RefinementCtx): void {
  const issue: Issue = (path, message) => context.addIssue({ code: "custom", path, message });
  if (manifest.tensors !== undefined) return checkTensorModel(manifest, manifest.tensors, issue);
  if (manifest.inputs.length === 0) issue(["inputs"], "required: at least one (or tensors instead)");
  if (manifest.outputs.length === 0) issue(["outputs"], "required: exactly one (or tensors instead)");
  const seen = new Set<string>();
  manifest.inputs.forEach((input, index) => {
    if (seen.has(input.name)) issue(["inputs", index, "name"], `"${input.name}" is used twice`);
    seen.add(input.name);
    checkInput(input, (field, message) => issue(["inputs", index, field], message));
    if (manifest.preprocessing !== undefined) return;
    if (isKeptAsText(input)) issue(["inputs", index, "type"], `"${input.type}" needs preprocessing`);
    if (input.nullable === true && manifest.allow_nan !== true)
      issue(["inputs", index, "nullable"], "needs preprocessing, or a model that takes NaN: allow_nan");
  });
  const problem = problemWithTexts(manifest.inputs);
  if (problem !== undefined) issue(["inputs"], problem);
  checkClasses(manifest, issue);
  if (manifest.allow_nan === true && manifest.input_tensor === undefined)
    issue(["input_tensor"], "required with allow_nan: the tensor that takes NaN");
  checkPreprocessing(manifest, issue);
}

function checkTensorModel(
  manifest: ModelManifest,
  tensors: NonNullable<ModelManifest["tensors"]>,
  issue: Issue,
): void {
  const { inputs, outputs, runtime, input_tensor, preprocessing, allow_nan, classes, threshold } = manifest;
  const message = "not allowed beside tensors: what the model takes and gives is said there";
  if (inputs.length > 0) issue(["inputs"], message);
  if (outputs.length > 0) issue(["outputs"], message);
  for (const [field, value] of Object.entries({ input_tensor, preprocessing, allow_nan, classes, threshold }))
    if (value !== undefined) issue([field], message);
  if (runtime !== "onnx") issue(["runtime"], 'tensors are for models of the runtime "onnx"');
  checkTensors(tensors, (path, problem) => issue(["tensors", ...path], problem));
}

function checkPreprocessing(manifest: ModelManifest, issue: Issue): void {
  const { inputs, preprocessing, input_tensor, allow_nan } = manifest;
  if (preprocessing === undefined || preprocessing.length === 0) return;
  if (input_tensor === undefined)
    issue(["input_tensor"], "required with preprocessing: the tensor that takes what the steps make");
  const problem = problemWithSteps(inputs, preprocessing, allow_nan === true ? "allowed" : "refused");
  if (problem !== undefined) issue(problem.field.split("."), problem.message);
}

function checkClasses(manifest: ModelManifest, issue: Issue): void {
  const output = manifest.outputs[0];
  if (output === undefined) return;
  const classes = manifest.classes?.length ?? 0;
  if (new Set(manifest.classes).size !== classes) issue(["classes"], "a class is listed twice");
  if (output.type === "value" && classes > 0)
    issue(["classes"], 'not allowed with an output of type "value"');
  if (output.type === "probabilities" && classes === 0)
    issue(["classes"], "required: one label per probability");
  if (output.type === "probability" && classes !== 2) issue(["classes"], "required: exactly two labels");
  if (manifest.threshold !== undefined && classes !== 2)
    issue(["threshold"], "allowed with exactly two classes");
}

/**
 * Checks a parsed `model.json`.
 * @throws EngineError MODEL_INVALID with one detail per wrong field.
 */
export function parseManifest(json: unknown): ModelManifest {
  const result = modelManifest.safeParse(json);
  if (result.success) return result.data;
  const details = result.error.issues.map((issue) => ({
    field: issue.path.join(".") || "model.json",
    message: issue.message,
  }));
  const first = details[0];
  throw new EngineError("MODEL_INVALID", `model.json: ${first?.field}: ${first?.message}`, { details });
}

/** Floats per row that the model reads: one per input, or what preprocessing makes of them, or the room that its tensors take. */
export function inputWidth({ inputs, preprocessing, tensors }: ModelManifest): number {
  if (tensors !== undefined) return layTensors(tensors.inputs).width;
  return preprocessing === undefined ? inputs.length : layoutOf(inputs, preprocessing).features.length;
}

/** Floats per row that the model gives back: one for a value or a probability, one per class for probabilities. */
export function outputWidth(manifest: Pick<ModelManifest, "outputs" | "classes">): number {
  return manifest.outputs[0]?.type === "probabilities" ? (manifest.classes?.length ?? 1) : 1;
}

/** `name@version`, the key of a model version in logs, workers and metrics. */
export function modelKey(model: { readonly name: string; readonly version: string }): string {
  return `${model.name}@${model.version}`;
}

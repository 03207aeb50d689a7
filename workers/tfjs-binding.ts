/**
 * Compares what model.json says with what a TensorFlow.js model takes and returns, and binds the one to the other.
 *
 * Names may be those of layers, of tensors or of the signature: all that the model goes by. Every disagreement is
 * a MODEL_INVALID that names the field of model.json and lists what the model has.
 */
import { inputWidth, type ModelManifest, outputWidth } from "../engine/core/manifest.ts";
import type { ModelInput } from "../engine/core/model-input.ts";
import { modelInvalid, quoted, widthInvalid } from "./model-invalid.ts";

/** One input or output of the model; a free dimension is undefined. `names`: all names that it goes by, the best first. */
export interface TfjsValue {
  readonly names: readonly string[];
  readonly dtype: string;
  readonly shape?: readonly (number | undefined)[];
}

export interface TfjsSignature {
  readonly inputs: readonly TfjsValue[];
  readonly outputs: readonly TfjsValue[];
}

export interface TfjsColumn {
  /** Index of the first feature in a row, and how many the tensor takes. */
  readonly offset: number;
  readonly width: number;
  readonly dtype: "float32" | "int32" | "bool";
}

export interface TfjsBinding {
  /** One per input of the model, in the model's order. */
  readonly columns: readonly TfjsColumn[];
  /** Index of the output that is read. */
  readonly output: number;
}

/** @throws EngineError MODEL_INVALID */
export function bindTfjs(manifest: ModelManifest, signature: TfjsSignature): TfjsBinding {
  const [only] = signature.inputs;
  const isMatrix =
    manifest.input_tensor !== undefined ||
    (signature.inputs.length === 1 &&
      only !== undefined &&
      !manifest.inputs.some(({ name }) => has(only, name)));
  return {
    columns: isMatrix ? [bindMatrix(manifest, signature.inputs)] : bindColumns(manifest, signature.inputs),
    output: bindOutput(manifest, signature.outputs),
  };
}

function bindMatrix(manifest: ModelManifest, values: readonly TfjsValue[]): TfjsColumn {
  const [value] = values;
  const name = manifest.input_tensor;
  if (value === undefined || values.length > 1 || (name !== undefined && !has(value, name))) {
    const problem =
      values.length > 1 ? "the model takes more than one input" : `the model has no input "${name}"`;
    throw modelInvalid("input_tensor", `${problem}. Its inputs: ${described(values)}.`);
  }
  const count = inputWidth(manifest);
  if (value.dtype !== "float32" || (value.shape !== undefined && value.shape.length !== 2)) {
    throw modelInvalid(
      "input_tensor",
      `the input is ${described(values)}; float32 [rows, ${count}] is needed.`,
    );
  }
  const width = value.shape?.[1];
  if (width !== undefined && width !== count) {
    if (manifest.preprocessing !== undefined) throw widthInvalid(count, width, described(values));
    throw modelInvalid(
      "inputs",
      `model.json lists ${count} inputs, but the model takes ${width} (${described(values)}). ` +
        "List every input, in the order of the matrix.",
    );
  }
  return { offset: 0, width: count, dtype: "float32" };
}

function bindColumns(manifest: ModelManifest, values: readonly TfjsValue[]): TfjsColumn[] {
  manifest.inputs.forEach((input, index) => {
    if (values.some((value) => has(value, input.name))) return;
    throw modelInvalid(
      `inputs.${index}.name`,
      `the model has no input "${input.name}". Its inputs: ${described(values)}.`,
    );
  });
  return values.map((value) => {
    const offset = manifest.inputs.findIndex((input) => has(value, input.name));
    const input = manifest.inputs[offset];
    if (input === undefined) {
      throw modelInvalid("inputs", `the model also takes ${described([value])}. List one input per tensor.`);
    }
    return { offset, width: 1, dtype: columnType(input, offset, value) };
  });
}

function columnType(input: ModelInput, index: number, value: TfjsValue): TfjsColumn["dtype"] {
  const { dtype, shape } = value;
  if (shape !== undefined && (shape.length !== 2 || (shape[1] ?? 1) !== 1)) {
    throw modelInvalid(
      `inputs.${index}.name`,
      `the input is ${described([value])}; a column [rows, 1] is needed.`,
    );
  }
  if (dtype === "float32") return dtype;
  if (dtype === "int32" && input.type !== "float") return dtype;
  if (dtype === "bool" && input.type === "bool") return dtype;
  throw modelInvalid(
    `inputs.${index}.type`,
    `the model takes ${described([value])}, which does not fit "${input.type}". ` +
      "Change the type here or the input of the model; text is not taken, categories go in as their index.",
  );
}

function bindOutput(manifest: ModelManifest, values: readonly TfjsValue[]): number {
  const name = manifest.outputs[0]?.name ?? "";
  const index = values.findIndex((candidate) => has(candidate, name));
  const value = values[index];
  if (value === undefined) {
    throw modelInvalid(
      "outputs.0.name",
      `the model has no output "${name}". Its outputs: ${described(values)}.`,
    );
  }
  const width = outputWidth(manifest);
  const columns = value.shape?.length === 2 ? value.shape[1] : undefined;
  const isClasses = manifest.outputs[0]?.type === "probabilities";
  if (columns !== undefined && columns !== width) {
    throw modelInvalid(
      isClasses ? "classes" : "outputs.0.type",
      isClasses
        ? `model.json lists ${width} classes, but the model gives ${columns} probabilities (${described([value])}).`
        : `the output is ${described([value])}; [rows] or [rows, 1] is needed. For [rows, classes] set the type to "probabilities".`,
    );
  }
  return index;
}

function has(value: TfjsValue, name: string): boolean {
  return value.names.includes(name);
}

function described(values: readonly TfjsValue[]): string {
  if (values.length === 0) return "none";
  const shown = values.slice(0, 10).map(({ names, dtype, shape }) => {
    const sizes = shape?.map((size, index) => size ?? (index === 0 ? "rows" : "?")).join(", ");
    return `${quoted(names.slice(0, 1))} ${dtype} [${sizes ?? "any shape"}]`;
  });
  return shown.join("; ") + (values.length > 10 ? `; and ${values.length - 10} more` : "");
}

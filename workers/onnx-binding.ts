/**
 * Compares what model.json says with what the graph of model.onnx takes and returns, and binds the one to the
 * other: which tensor takes which feature in which type, and where the prediction comes from.
 *
 * Every disagreement is a MODEL_INVALID that names the field of model.json and lists what the file has.
 */
import { inputWidth, type ModelManifest, outputWidth } from "../engine/core/manifest.ts";
import type { ModelInput } from "../engine/core/model-input.ts";
import { modelInvalid, quoted, widthInvalid } from "./model-invalid.ts";
import type { OnnxGraph, OnnxValue } from "./onnx-inspect.ts";

const INPUT_TYPES = ["float32", "float64", "int64", "int32", "bool", "string"] as const;
const OUTPUT_TYPES = ["float32", "float64", "int64"] as const;

export type InputType = (typeof INPUT_TYPES)[number];
export type OutputType = (typeof OUTPUT_TYPES)[number];

/** One tensor of the model and the features it takes: all of them (a matrix) or one (a column). */
export interface BoundInput {
  readonly name: string;
  readonly type: InputType;
  readonly features: readonly ModelInput[];
  /** Floats of a row that it takes: one per feature, or what preprocessing makes of them. */
  readonly width: number;
  /** Index of the first of them in a row. */
  readonly offset: number;
  /** Whether the tensor is [rows] instead of [rows, features]. */
  readonly isFlat: boolean;
}

export interface OnnxBinding {
  readonly inputs: readonly BoundInput[];
  readonly output: { readonly name: string; readonly type: OutputType; readonly width: number };
  /** Whether the graph takes exactly one row a call (a common default of exporters) instead of any number. */
  readonly isSingleRow: boolean;
}

/** @throws EngineError MODEL_INVALID */
export function bindOnnx(manifest: ModelManifest, graph: OnnxGraph): OnnxBinding {
  const inputs =
    manifest.input_tensor === undefined
      ? bindColumns(manifest, graph)
      : [bindMatrix(manifest, manifest.input_tensor, graph)];
  const output = bindOutput(manifest, graph);
  return { inputs, output, isSingleRow: isSingleRow(manifest, graph) };
}

function bindMatrix(manifest: ModelManifest, name: string, graph: OnnxGraph): BoundInput {
  const field = "input_tensor";
  const value = graph.inputs.find((input) => input.name === name);
  if (value === undefined) {
    throw modelInvalid(
      field,
      `model.onnx has no input ${quoted([name])}. Its inputs: ${described(graph.inputs)}.`,
    );
  }
  if (graph.inputs.length > 1) {
    throw modelInvalid(
      field,
      `model.onnx takes ${graph.inputs.length} inputs (${described(graph.inputs)}). ` +
        "Leave input_tensor out and list one input per tensor.",
    );
  }
  const type = inputType(value, field);
  if (type !== "float32" && type !== "float64") {
    throw modelInvalid(field, `the input is ${describe(value)}; a matrix must be float32 or float64.`);
  }
  const count = inputWidth(manifest);
  const width = value.shape?.[1];
  if (value.shape !== undefined && value.shape.length !== 2) {
    throw modelInvalid(field, `the input is ${describe(value)}; a matrix [rows, ${count}] is needed.`);
  }
  if (width !== undefined && width !== count) {
    if (manifest.preprocessing !== undefined) throw widthInvalid(count, width, describe(value));
    throw modelInvalid(
      "inputs",
      `model.json lists ${count} inputs, but model.onnx takes ${width} (${describe(value)}). ` +
        "List every input, in the order of the matrix.",
    );
  }
  return { name, type, features: manifest.inputs, width: count, offset: 0, isFlat: false };
}

function bindColumns(manifest: ModelManifest, graph: OnnxGraph): BoundInput[] {
  const [only] = graph.inputs;
  if (
    graph.inputs.length === 1 &&
    only !== undefined &&
    !manifest.inputs.some(({ name }) => name === only.name)
  ) {
    throw modelInvalid(
      "input_tensor",
      `missing: model.onnx takes one matrix, ${describe(only)}. Set input_tensor to ${quoted([only.name])}.`,
    );
  }
  const extra = graph.inputs.filter(({ name }) => !manifest.inputs.some((input) => input.name === name));
  if (extra.length > 0) {
    throw modelInvalid("inputs", `model.onnx also takes ${described(extra)}. List one input per tensor.`);
  }
  return manifest.inputs.map((feature, index) => {
    const value = graph.inputs.find((input) => input.name === feature.name);
    if (value === undefined) {
      throw modelInvalid(
        `inputs.${index}.name`,
        `model.onnx has no input ${quoted([feature.name])}. Its inputs: ${described(graph.inputs)}.`,
      );
    }
    return bindColumn(feature, index, value);
  });
}

function bindColumn(feature: ModelInput, offset: number, value: OnnxValue): BoundInput {
  const field = `inputs.${offset}`;
  const type = inputType(value, `${field}.name`);
  const shape = value.shape;
  if (shape !== undefined && (shape.length > 2 || shape.length === 0 || (shape[1] ?? 1) !== 1)) {
    throw modelInvalid(`${field}.name`, `the input is ${describe(value)}; a column [rows, 1] is needed.`);
  }
  const allowed = allowedTypes(feature);
  if (!allowed.includes(type)) {
    throw modelInvalid(
      `${field}.type`,
      `model.onnx takes ${describe(value)}; an input of type "${feature.type}" fits ${allowed.join(", ")}. ` +
        "Change the type here or the graph's input.",
    );
  }
  return { name: feature.name, type, features: [feature], width: 1, offset, isFlat: shape?.length === 1 };
}

/** Tensor types that hold a feature without loss. */
function allowedTypes(feature: ModelInput): readonly InputType[] {
  switch (feature.type) {
    case "float":
      return ["float32", "float64"];
    case "int":
      return ["float32", "float64", "int64", "int32"];
    case "bool":
      return ["bool", "float32", "float64", "int64", "int32"];
    case "category":
      return ["string", "float32", "float64", "int64", "int32"];
    case "text":
    case "timestamp":
      return [];
  }
}

function inputType(value: OnnxValue, field: string): InputType {
  const type = INPUT_TYPES.find((name) => name === value.type);
  if (value.kind === "tensor" && type !== undefined) return type;
  throw modelInvalid(field, `the input is ${describe(value)}; one of ${INPUT_TYPES.join(", ")} is needed.`);
}

function bindOutput(manifest: ModelManifest, graph: OnnxGraph): OnnxBinding["output"] {
  const output = manifest.outputs[0];
  const name = output?.name ?? "";
  const value = graph.outputs.find((candidate) => candidate.name === name);
  if (value === undefined) {
    throw modelInvalid(
      "outputs.0.name",
      `model.onnx has no output ${quoted([name])}. Its outputs: ${described(graph.outputs)}.`,
    );
  }
  if (value.kind !== "tensor") {
    throw modelInvalid(
      "outputs.0.name",
      `the output ${quoted([name])} is a ${value.kind}, not a tensor. ` +
        'Export with zipmap=False (skl2onnx: to_onnx(model, X, options={"zipmap": False})).',
    );
  }
  const type = OUTPUT_TYPES.find((candidate) => candidate === value.type);
  if (type === undefined) {
    throw modelInvalid(
      "outputs.0.name",
      `the output is ${describe(value)}; ${OUTPUT_TYPES.join(", ")} are read.`,
    );
  }
  const width = outputWidth(manifest);
  checkOutputShape(manifest, value, width);
  return { name, type, width };
}

function checkOutputShape(manifest: ModelManifest, value: OnnxValue, width: number): void {
  const shape = value.shape;
  if (shape === undefined) return;
  if (manifest.outputs[0]?.type === "probabilities") {
    const columns = shape[1];
    if (shape.length !== 2) {
      throw modelInvalid(
        "outputs.0.type",
        `the output is ${describe(value)}; probabilities are [rows, classes].`,
      );
    }
    if (columns === undefined || columns === width) return;
    throw modelInvalid(
      "classes",
      `model.json lists ${width} classes, but model.onnx gives ${columns} probabilities (${describe(value)}). ` +
        "List every class, in the order of the model.",
    );
  }
  if (shape.length === 1 || (shape.length === 2 && (shape[1] ?? 1) === 1)) return;
  throw modelInvalid(
    "outputs.0.type",
    `the output is ${describe(value)}; [rows] or [rows, 1] is needed for "${manifest.outputs[0]?.type}". ` +
      'For [rows, classes] set the type to "probabilities".',
  );
}

function isSingleRow(manifest: ModelManifest, graph: OnnxGraph): boolean {
  const rows = new Set(graph.inputs.map((input) => input.shape?.[0]));
  const [first] = rows;
  if (rows.size === 1 && (first === undefined || first === 1)) return first === 1;
  throw modelInvalid(
    manifest.input_tensor === undefined ? "inputs" : "input_tensor",
    `the number of rows is fixed in model.onnx: ${described(graph.inputs)}. ` +
      "Export the model with a free first dimension.",
  );
}

function described(values: readonly OnnxValue[]): string {
  if (values.length === 0) return "none";
  const more = values.length - 10;
  const shown = values.slice(0, 10).map(describe).join("; ");
  return more > 0 ? `${shown}; and ${more} more` : shown;
}

function describe(value: OnnxValue): string {
  if (value.kind !== "tensor") return `${quoted([value.name])} (${value.kind})`;
  const shape = value.shape?.map((size, index) => size ?? (index === 0 ? "rows" : "?")).join(", ");
  return `${quoted([value.name])} ${value.type} [${shape ?? "any shape"}]`;
}

// hot path
/**
 * From the tensors of a request to rows of its model: everything is checked before the first row is accepted, so that a request is
 * taken whole or not at all.
 *
 *     tensors    of a model of tensors: bytes as they are
 *     matrix     [rows, features] of floats: range by range, then copied
 *     columns    [rows, 1] a feature: values by name, as POST /predict has them, through preprocessing and online features
 */
import { elementsIn, type Tensor, type TensorSpec } from "../core/tensor.ts";
import type { ServedModel } from "../served-model.ts";
import { TensorRows } from "../tensor-plan.ts";
import { columnRows } from "./column-rows.ts";
import { type InputRows, tensorInvalid } from "./input-source.ts";
import { matrixRows } from "./matrix-rows.ts";

/** @throws EngineError INVALID_REQUEST or INVALID_FEATURES naming the tensor, and the row where one is to blame. */
export function toInputRows(model: ServedModel, tensors: readonly Tensor[], rowsMax: number): InputRows {
  const { tensorPlan } = model;
  const count = rowsOf(model, tensors, rowsMax);
  for (const tensor of tensors) checkTensor(model, tensor, count);
  if (tensorPlan !== undefined) {
    const ordered = model.tensors.inputs.map((spec) => required(tensors, spec));
    const rows = new TensorRows(tensorPlan, ordered);
    const sourceOf = (index: number): TensorRows => {
      rows.row = index;
      return rows;
    };
    return { count, sourceOf };
  }
  const [only] = model.tensors.inputs;
  return only !== undefined && isMatrix(model, only)
    ? matrixRows(model, required(tensors, only), count)
    : columnRows(model, tensors, count);
}

/** Whether the model's own tensor takes all features: it is none of them by name, but where model.json says so. */
function isMatrix({ manifest, pipeline, lookup }: ServedModel, { name }: TensorSpec): boolean {
  if (pipeline !== undefined || lookup !== undefined) return false;
  return name === manifest.input_tensor || !manifest.inputs.some((input) => input.name === name);
}

function rowsOf({ tensors: { inputs } }: ServedModel, tensors: readonly Tensor[], rowsMax: number): number {
  const [first] = tensors;
  const count = first?.shape[0] ?? 0;
  const name = first?.name ?? inputs[0]?.name ?? "";
  if (count === 0) throw tensorInvalid(name, "has no rows: its first dimension must be at least 1");
  if (count <= rowsMax) return count;
  throw tensorInvalid(name, `has ${count} rows, more than the ${rowsMax} allowed; send several requests`);
}

function checkTensor({ tensors: { inputs } }: ServedModel, tensor: Tensor, rows: number): void {
  const { name, datatype, shape, data } = tensor;
  const spec = inputs.find((input) => input.name === name);
  if (spec === undefined) {
    const names = inputs.map((input) => JSON.stringify(input.name)).slice(0, 10);
    throw tensorInvalid(name, `is no input of this model, which takes ${names.join(", ")}`);
  }
  if (datatype !== spec.datatype)
    throw tensorInvalid(name, `has datatype ${datatype}; the model takes ${spec.datatype}`);
  if (shape[0] !== rows)
    throw tensorInvalid(name, `has ${shape[0]} rows, other tensors of this request ${rows}`);
  if (!isShape(shape.slice(1), spec.shape.slice(1)))
    throw tensorInvalid(name, `has shape [${shape.join(", ")}]; the model takes [${spec.shape.join(", ")}]`);
  const cut = data instanceof Uint8Array ? -1 : data.findIndex((text) => text.includes("\0"));
  if (cut >= 0) throw tensorInvalid(name, `has a NUL in element ${cut}, where the model would cut it off`);
}

/** Of one element a row, [rows] and [rows, 1] say the same. */
function isShape(shape: readonly number[], expected: readonly number[]): boolean {
  if (elementsIn(expected) === 1 && elementsIn(shape) === 1) return true;
  return (
    shape.length === expected.length && expected.every((size, index) => size === -1 || size === shape[index])
  );
}

function required(tensors: readonly Tensor[], { name }: TensorSpec): Tensor {
  const tensor = tensors.find((candidate) => candidate.name === name);
  if (tensor === undefined) throw tensorInvalid(name, "is missing");
  return tensor;
}

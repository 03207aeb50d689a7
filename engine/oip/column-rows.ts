/**
 * Rows out of one tensor a feature: each becomes the object of features by name that POST /predict takes, and goes the same way.
 * NaN, and an empty text where one may be missing, stand for a value that is missing.
 */
import { toValues } from "../core/elements.ts";
import type { ModelInput } from "../core/model-input.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ServedModel } from "../served-model.ts";
import { type InputRows, rowInvalid } from "./input-source.ts";

type Value = number | bigint | boolean | string | null;

/** @throws EngineError INVALID_FEATURES naming the first row that is not allowed. */
export function columnRows(model: ServedModel, tensors: readonly Tensor[], count: number): InputRows {
  const columns = tensors.map(({ name, datatype, data }) => {
    const input = model.manifest.inputs.find((candidate) => candidate.name === name);
    const values = toValues(datatype, data);
    return { name, values: input === undefined ? values : values.map((value) => toFeature(input, value)) };
  });
  const sourceOf = (index: number): Record<string, Value> =>
    Object.fromEntries(columns.map(({ name, values }) => [name, values[index] ?? null]));
  if (model.lookup === undefined) for (let row = 0; row < count; row++) check(model, sourceOf(row), row);
  return { count, sourceOf };
}

function toFeature(input: ModelInput, value: Exclude<Value, null>): Value {
  if (Number.isNaN(value)) return null;
  switch (input.type) {
    case "float":
    case "int":
      // one that a double does not hold stays as it is, and is refused
      return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
    case "bool":
      return typeof value === "boolean"
        ? value
        : Number(value) === 1
          ? true
          : Number(value) === 0
            ? false
            : value;
    case "category":
      return typeof value === "string" ? orMissing(input, value) : (input.categories[Number(value)] ?? value);
    case "text":
    case "timestamp":
      return typeof value === "string" ? orMissing(input, value) : value;
  }
}

function orMissing({ nullable }: ModelInput, value: string): string | null {
  return value === "" && nullable === true ? null : value;
}

/** Writes the row where nobody reads it. */
function check({ plan, pipeline }: ServedModel, features: Record<string, Value>, row: number): void {
  const raw = new Float32Array(plan.width);
  const texts = Array.from({ length: plan.texts }, () => "");
  const error = plan.write(features, raw, 0, texts, 0);
  if (error !== undefined) throw rowInvalid(row, error);
  if (pipeline === undefined || pipeline.write(raw, 0, texts, 0, new Float32Array(pipeline.width), 0)) return;
  throw rowInvalid(row, pipeline.explain());
}

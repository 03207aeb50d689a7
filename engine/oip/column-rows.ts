/**
 * Rows out of one tensor a feature: each becomes the object of features by name that POST /predict takes, and goes the same way.
 * NaN, and an empty text where one may be missing, stand for a value that is missing.
 */
import { toValues } from "../core/elements.ts";
import { EngineError } from "../core/errors.ts";
import { isOptional, type ModelInput, problemWith } from "../core/model-input.ts";
import type { Tensor } from "../core/tensor.ts";
import { ID_LENGTH_MAX } from "../predict.ts";
import type { ServedModel } from "../served-model.ts";
import { type InputRows, rowInvalid, tensorInvalid } from "./input-source.ts";

type Value = number | bigint | boolean | string | null;

/** @throws EngineError INVALID_FEATURES naming the first row that is not allowed. */
export function columnRows(model: ServedModel, tensors: readonly Tensor[], count: number): InputRows {
  const keys = new Set(model.lookup?.entities.map(({ key }) => key));
  const isEntity = ({ name }: Tensor): boolean => keys.has(name);
  const columns = tensors
    .filter((tensor) => !isEntity(tensor) || isInput(model, tensor))
    .map((tensor) => toColumn(model, tensor));
  const entities = tensors
    .filter(isEntity)
    .map(({ name, datatype, data }) => ({ name, ids: toValues(datatype, data).map(String) }));
  const sourceOf = (index: number): Record<string, Value> =>
    Object.fromEntries(columns.map(({ name, values }) => [name, values[index] ?? null]));
  const checkRow = model.lookup === undefined ? check : checkGiven;
  for (let row = 0; row < count; row++) checkRow(model, sourceOf(row), row);
  if (entities.length === 0) return { count, sourceOf };
  for (const { name, ids } of entities) checkIds(name, ids);
  const entitiesOf = (index: number): Record<string, string> =>
    Object.fromEntries(entities.map(({ name, ids }) => [name, ids[index] ?? ""]));
  return { count, sourceOf, entitiesOf };
}

function isInput({ manifest }: ServedModel, { name }: Tensor): boolean {
  return manifest.inputs.some((input) => input.name === name);
}

function toColumn(
  { manifest }: ServedModel,
  { name, datatype, data }: Tensor,
): { readonly name: string; readonly values: readonly Value[] } {
  const input = manifest.inputs.find((candidate) => candidate.name === name);
  const values = toValues(datatype, data);
  return { name, values: values.map((value) => toFeature(input ?? NOT_OF_THE_MODEL, value)) };
}

/** What others are derived from is checked where they are. */
const NOT_OF_THE_MODEL = { type: "float" } as const;

function checkIds(name: string, ids: readonly string[]): void {
  const row = ids.findIndex((id) => id.length > ID_LENGTH_MAX);
  if (row >= 0) throw tensorInvalid(name, `has an id of more than ${ID_LENGTH_MAX} characters in row ${row}`);
}

function toFeature(input: ModelInput | typeof NOT_OF_THE_MODEL, value: Exclude<Value, null>): Value {
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

/** What the request says; the rest is looked up, or derived. */
function checkGiven({ manifest }: ServedModel, features: Record<string, Value>, row: number): void {
  for (const input of manifest.inputs) {
    const value = features[input.name] ?? null;
    const problem =
      value !== null ? problemWith(input, value) : isOptional(input) ? undefined : "is required";
    if (problem === undefined) continue;
    const field = `features.${input.name}`;
    const details = [{ field, message: problem }];
    throw rowInvalid(row, new EngineError("INVALID_FEATURES", `${field} ${problem}`, { details }));
  }
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

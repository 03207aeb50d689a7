/**
 * Tensors in the protocol's typed form: each datatype in a field of its own of InferTensorContents.
 *
 * Fields are wider than some datatypes: what a datatype does not hold is refused, not cut off. FP16 has no field.
 */
import { bytesOf, createElements, toValues, WHOLE_RANGES } from "../core/elements.ts";
import { type Datatype, elementsIn, type Tensor, type TensorData, type TensorSpec } from "../core/tensor.ts";
import { dataInvalid } from "../core/tensor-bytes.ts";
import type { ContentsField, ContentsMessage } from "./messages.ts";

const FIELDS = {
  BOOL: "bool_contents",
  UINT8: "uint_contents",
  UINT16: "uint_contents",
  UINT32: "uint_contents",
  UINT64: "uint64_contents",
  INT8: "int_contents",
  INT16: "int_contents",
  INT32: "int_contents",
  INT64: "int64_contents",
  FP16: undefined,
  FP32: "fp32_contents",
  FP64: "fp64_contents",
  BYTES: "bytes_contents",
} as const satisfies Record<Datatype, ContentsField | undefined>;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The elements of `spec` out of the field of its datatype.
 * @throws EngineError INVALID_REQUEST when they stand in another field, are too few, too many, or out of the datatype's range.
 */
export function fromContents(spec: TensorSpec, contents: ContentsMessage | null): TensorData {
  const { name, datatype, shape } = spec;
  const field = FIELDS[datatype];
  if (field === undefined)
    throw dataInvalid(name, `is ${datatype}, which is sent in raw_input_contents only`);
  const wrong = contents === null ? undefined : otherField(contents, field);
  if (wrong !== undefined) throw dataInvalid(name, `is in ${wrong}; ${datatype} belongs into ${field}`);
  const values = contents?.[field] ?? [];
  const count = elementsIn(shape);
  if (values.length !== count)
    throw dataInvalid(
      name,
      `has ${values.length} elements in ${field}; shape [${shape.join(", ")}] says ${count}`,
    );
  if (datatype === "BYTES")
    return (values as readonly Uint8Array[]).map((bytes, at) => decode(name, at, bytes));
  return bytesOf(writeElements(name, datatype, values as readonly (number | boolean | string)[]));
}

/** True where a tensor of the datatype can be sent in contents. */
export function hasContents(datatype: Datatype): boolean {
  return FIELDS[datatype] !== undefined;
}

/** The message that holds a tensor's elements; of a datatype that `hasContents`. */
export function toContents({ datatype, data }: Pick<Tensor, "datatype" | "data">): Partial<ContentsMessage> {
  const field = FIELDS[datatype];
  if (field === undefined) throw new Error(`${datatype} has no contents`);
  const values = toValues(datatype, data);
  if (datatype === "BYTES") return { [field]: values.map((text) => Buffer.from(String(text))) };
  return { [field]: datatype === "INT64" || datatype === "UINT64" ? values.map(String) : values };
}

function otherField(contents: ContentsMessage, right: ContentsField): string | undefined {
  return Object.keys(contents).find(
    (field) => field !== right && contents[field as ContentsField].length > 0,
  );
}

function decode(name: string, index: number, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw dataInvalid(name, `has bytes in element ${index} that are not UTF-8, as the model's texts must be`);
  }
}

function writeElements(
  name: string,
  datatype: Exclude<Datatype, "BYTES">,
  values: readonly (number | boolean | string)[],
): ArrayBufferView {
  const elements = createElements(datatype, values.length);
  if (datatype === "INT64" || datatype === "UINT64") {
    for (const [index, value] of values.entries()) elements[index] = BigInt(value);
    return elements;
  }
  const [low, high] = WHOLE_RANGES[datatype]?.map(Number) ?? [];
  for (let index = 0; index < values.length; index++) {
    const value = Number(values[index]);
    if (low !== undefined && high !== undefined && (value < low || value > high))
      throw dataInvalid(
        name,
        `has an element that is not allowed: element ${index} must be a whole number from ${low} to ${high}`,
      );
    elements[index] = value;
  }
  return elements;
}

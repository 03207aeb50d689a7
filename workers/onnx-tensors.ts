/**
 * The tensors of an ONNX model under the names of the Open Inference Protocol: which its graph takes and gives, and results of
 * ONNX Runtime turned into them. hot path
 */
import { Tensor as OnnxTensor } from "onnxruntime-node";
import { bytesOf, toElements } from "../engine/core/elements.ts";
import type { Datatype, ModelTensors, Tensor, TensorSpec } from "../engine/core/tensor.ts";
import type { OnnxGraph, OnnxValue } from "./onnx-inspect.ts";

/** Element types of onnxruntime-node by datatype. */
const TYPES = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float16",
  FP32: "float32",
  FP64: "float64",
  BYTES: "string",
} as const satisfies Record<Datatype, OnnxTensor.Type>;
const DATATYPE_OF = new Map(
  Object.entries(TYPES).map(([datatype, type]) => [type as string, datatype as Datatype]),
);

/** What the graph takes and gives; outputs that are no tensors of rows (ZipMap's dictionaries, scalars) are none of it. */
export function tensorsOf({ inputs, outputs }: OnnxGraph): ModelTensors {
  return { inputs: inputs.flatMap(toSpec), outputs: outputs.flatMap(toSpec) };
}

function toSpec({ name, kind, type, shape }: OnnxValue): TensorSpec[] {
  const datatype = DATATYPE_OF.get(type);
  if (kind !== "tensor" || datatype === undefined || shape?.length === 0) return [];
  return [{ name, datatype, shape: [-1, ...(shape ?? []).slice(1).map((size) => size ?? -1)] }];
}

/** A tensor for ONNX Runtime; the bytes may be over shared memory, which it does not take, and are copied then. */
export function toOnnxTensor({ datatype, shape, data }: Tensor): OnnxTensor {
  if (!(data instanceof Uint8Array)) return new OnnxTensor("string", [...data], [...shape]);
  if (datatype === "BYTES") throw new Error("texts are no bytes");
  return new OnnxTensor(TYPES[datatype], toElements(datatype, data) as Float32Array, [...shape]);
}

/** A result under its name, with a copy of nothing: its memory is the result's own. @throws Error when it has not as many rows. */
export function fromOnnxTensor(name: string, result: OnnxTensor | undefined, rows: number): Tensor {
  const datatype = DATATYPE_OF.get(result?.type ?? "");
  if (result === undefined || datatype === undefined || result.dims[0] !== rows) {
    const shape = result === undefined ? "none" : `${result.type} [${result.dims.join(", ")}]`;
    throw new Error(`the output ${JSON.stringify(name)} is ${shape} for ${rows} row(s)`);
  }
  const { data, dims } = result;
  return { name, datatype, shape: dims, data: Array.isArray(data) ? data : bytesOf(data) };
}

/** The same output of calls for one rows after the other. @throws Error when their rows differ in shape. */
export function joinTensors(parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first as Tensor;
  const rest = first.shape.slice(1);
  if (parts.some(({ shape }) => shape.slice(1).join() !== rest.join()))
    throw new Error(`the output ${JSON.stringify(first.name)} has rows of different shapes; send them alone`);
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const shape = [rows, ...rest];
  if (first.datatype === "BYTES")
    return { ...first, shape, data: parts.flatMap(({ data }) => data as string[]) };
  return { ...first, shape, data: Buffer.concat(parts.map(({ data }) => data as Uint8Array)) };
}

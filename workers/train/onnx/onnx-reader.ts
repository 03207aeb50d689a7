/**
 * Reads an ONNX model, to go on from it or to explain it. onnx-inspect checks the file's structure first, since pbf trusts what it
 * reads.
 *
 * Invariant: nothing is left out in silence: what these records cannot hold (branches, packed texts, types not used here) is
 * refused.
 */
import { PbfReader } from "pbf";
import { EngineError } from "../../../engine/core/errors.ts";
import { modelInvalid } from "../../model-invalid.ts";
import { inspectOnnx } from "../../onnx-inspect.ts";
import type {
  OnnxAttribute,
  OnnxElement,
  OnnxModel,
  OnnxNode,
  OnnxNumbers,
  OnnxPort,
  OnnxTensor,
} from "./onnx-model.ts";
import { ATTRIBUTES, ELEMENTS } from "./onnx-writer.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** @throws EngineError MODEL_INVALID naming `file` */
export function decodeOnnx(bytes: Uint8Array, file = "model.onnx"): OnnxModel {
  inspectOnnx(bytes, file);
  try {
    return readModel(new PbfReader(bytes));
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw modelInvalid(
      file,
      `no trainer here made this model (${error instanceof Error ? error.message : String(error)}). Train a model anew, with mode FULL_RETRAIN.`,
      error,
    );
  }
}

function readModel(pbf: PbfReader): OnnxModel {
  let graph: Omit<OnnxModel, "opsets"> | undefined;
  const opsets: Record<string, number> = {};
  pbf.readFields((field) => {
    if (field === 7) graph = readGraph(pbf);
    else if (field === 8) {
      const [domain, version] = readOpset(pbf);
      opsets[domain] = version;
    } else if (field === 20 || field === 25) throw new Error(`it has field ${field}`);
  }, undefined);
  if (graph === undefined) throw new Error("it has no graph");
  return { ...graph, opsets };
}

function readOpset(pbf: PbfReader): [string, number] {
  const opset: [string, number] = ["", 0];
  pbf.readMessage((field) => {
    if (field === 1) opset[0] = pbf.readString();
    else if (field === 2) opset[1] = pbf.readVarint(true);
  }, undefined);
  return opset;
}

function readGraph(pbf: PbfReader): Omit<OnnxModel, "opsets"> {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxPort[] = [];
  const outputs: OnnxPort[] = [];
  pbf.readMessage((field) => {
    if (field === 1) nodes.push(readNode(pbf));
    else if (field === 5) initializers.push(readTensor(pbf));
    else if (field === 11) inputs.push(readPort(pbf));
    else if (field === 12) outputs.push(readPort(pbf));
    else if (field === 15) throw new Error("it has sparse tensors");
  }, undefined);
  return { nodes, initializers, inputs, outputs };
}

function readNode(pbf: PbfReader): OnnxNode {
  const node = { operator: "", inputs: [] as string[], outputs: [] as string[] };
  const attributes: [string, OnnxAttribute][] = [];
  let domain = "";
  pbf.readMessage((field) => {
    if (field === 1) node.inputs.push(pbf.readString());
    else if (field === 2) node.outputs.push(pbf.readString());
    else if (field === 4) node.operator = pbf.readString();
    else if (field === 5) attributes.push(readAttribute(pbf));
    else if (field === 7) domain = pbf.readString();
  }, undefined);
  return {
    ...node,
    ...(domain === "ai.onnx.ml" ? { domain } : {}),
    ...(attributes.length === 0 ? {} : { attributes: Object.fromEntries(attributes) }),
  };
}

function readAttribute(pbf: PbfReader): [string, OnnxAttribute] {
  let name = "";
  let type = 0;
  let float = 0;
  let int = 0;
  let string = "";
  let tensor: OnnxTensor | undefined;
  const floats: number[] = [];
  const ints: number[] = [];
  const strings: string[] = [];
  pbf.readMessage((field) => {
    if (field === 1) name = pbf.readString();
    else if (field === 2) float = pbf.readFloat();
    else if (field === 3) int = pbf.readVarint(true);
    else if (field === 4) string = pbf.readString();
    else if (field === 5) tensor = readTensor(pbf);
    else if (field === 7) pbf.readPackedFloat(floats);
    else if (field === 8) pbf.readPackedVarint(ints, true);
    else if (field === 9) strings.push(pbf.readString());
    else if (field === 20) type = pbf.readVarint();
  }, undefined);
  const values: Readonly<Record<number, OnnxAttribute>> = {
    [ATTRIBUTES.float]: { float },
    [ATTRIBUTES.int]: { int },
    [ATTRIBUTES.string]: { string },
    [ATTRIBUTES.floats]: { floats: Float32Array.from(floats) },
    [ATTRIBUTES.ints]: { ints },
    [ATTRIBUTES.strings]: { strings },
    ...(tensor === undefined ? {} : { [ATTRIBUTES.tensor]: { tensor } }),
  };
  const value = values[type];
  if (value === undefined) throw new Error(`its attribute "${name}" is of type ${type}`);
  return [name, value];
}

function readTensor(pbf: PbfReader): OnnxTensor {
  const shape: number[] = [];
  const tensor: Mutable<OnnxTensor> = { name: "", shape, data: new Uint8Array() };
  let type = 0;
  let raw: Uint8Array | undefined;
  const typed: number[] = [];
  pbf.readMessage((field) => {
    if (field === 1) pbf.readPackedVarint(shape, true);
    else if (field === 2) type = pbf.readVarint();
    else if (field === 4) pbf.readPackedFloat(typed);
    else if (field === 5 || field === 7) pbf.readPackedVarint(typed, true);
    else if (field === 8) tensor.name = pbf.readString();
    else if (field === 9) raw = pbf.readBytes();
    else if (field === 10) pbf.readPackedDouble(typed);
  }, undefined);
  tensor.data = numbersOf(raw ?? typed, type, tensor.name);
  if (tensor.data.length !== shape.reduce((product, size) => product * size, 1))
    throw new Error(`its tensor "${tensor.name}" has other data than its shape`);
  return tensor;
}

/** Raw data are copied, because they stand at any address in the file; others are numbers one by one. */
function numbersOf(data: Uint8Array | readonly number[], type: number, name: string): OnnxNumbers {
  const raw = data instanceof Uint8Array ? Uint8Array.from(data).buffer : undefined;
  const numbers = data as readonly number[];
  switch (type) {
    case ELEMENTS.float32:
      return raw === undefined ? Float32Array.from(numbers) : new Float32Array(raw);
    case ELEMENTS.float64:
      return raw === undefined ? Float64Array.from(numbers) : new Float64Array(raw);
    case ELEMENTS.int32:
      return raw === undefined ? Int32Array.from(numbers) : new Int32Array(raw);
    case ELEMENTS.int64:
      return raw === undefined ? BigInt64Array.from(numbers, BigInt) : new BigInt64Array(raw);
    case ELEMENTS.uint8:
      return raw === undefined ? Uint8Array.from(numbers) : new Uint8Array(raw);
    default:
      throw new Error(`its tensor "${name}" is of type ${type}`);
  }
}

function readPort(pbf: PbfReader): OnnxPort {
  const shape: (number | undefined)[] = [];
  let name = "";
  let element = 0;
  const readDimension = (field: number): void => {
    if (field === 1) shape[shape.length - 1] = pbf.readVarint(true);
  };
  const readShape = (field: number): void => {
    if (field !== 1) return;
    shape.push(undefined);
    pbf.readMessage(readDimension, undefined);
  };
  const readTensorType = (field: number): void => {
    if (field === 1) element = pbf.readVarint();
    else if (field === 2) pbf.readMessage(readShape, undefined);
  };
  pbf.readMessage((field) => {
    if (field === 1) name = pbf.readString();
    else if (field === 2)
      pbf.readMessage((kind) => void (kind === 1 && pbf.readMessage(readTensorType, undefined)), undefined);
  }, undefined);
  const type = (Object.keys(ELEMENTS) as OnnxElement[]).find((key) => ELEMENTS[key] === element);
  if (type === undefined) throw new Error(`its value "${name}" is of type ${element}`);
  return { name, type, shape };
}

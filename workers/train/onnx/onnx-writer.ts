/**
 * Encodes an ONNX model: the same records give the same bytes. Field numbers are those of onnx.proto3; numbers of tensors are
 * raw, little endian, which is the order of every platform that Node.js runs on here.
 */
import { PbfWriter } from "pbf";
import {
  DEFAULT_OPSETS,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxNumbers,
  type OnnxPort,
  type OnnxTensor,
} from "./onnx-model.ts";

const IR_VERSION = 8;

/** Element types of onnx.proto3. */
export const ELEMENTS = { float32: 1, uint8: 2, int32: 6, int64: 7, float64: 11 } as const;
/** AttributeProto.AttributeType. */
export const ATTRIBUTES = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

/** @throws Error when a tensor has not the numbers that its shape says */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, IR_VERSION);
  pbf.writeStringField(2, "millrace");
  pbf.writeMessage(7, writeGraph, model);
  for (const opset of Object.entries(model.opsets ?? DEFAULT_OPSETS)) pbf.writeMessage(8, writeOpset, opset);
  return pbf.finish();
}

function writeOpset([domain, version]: readonly [string, number], pbf: PbfWriter): void {
  pbf.writeStringField(1, domain);
  pbf.writeVarintField(2, version);
}

function writeGraph(model: OnnxModel, pbf: PbfWriter): void {
  for (const node of model.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, "millrace");
  for (const tensor of model.initializers) pbf.writeMessage(5, writeTensor, tensor);
  for (const port of model.inputs) pbf.writeMessage(11, writePort, port);
  for (const port of model.outputs) pbf.writeMessage(12, writePort, port);
}

function writeNode(node: OnnxNode, pbf: PbfWriter): void {
  for (const name of node.inputs) pbf.writeStringField(1, name);
  for (const name of node.outputs) pbf.writeStringField(2, name);
  pbf.writeStringField(4, node.operator);
  for (const attribute of Object.entries(node.attributes ?? {}))
    pbf.writeMessage(5, writeAttribute, attribute);
  if (node.domain !== undefined) pbf.writeStringField(7, node.domain);
}

function writeAttribute([name, value]: readonly [string, OnnxAttribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  if ("float" in value) pbf.writeFloatField(2, value.float);
  else if ("int" in value) pbf.writeVarintField(3, value.int);
  else if ("string" in value) pbf.writeStringField(4, value.string);
  else if ("tensor" in value) pbf.writeMessage(5, writeTensor, value.tensor);
  else if ("floats" in value) pbf.writeBytesField(7, bytesOf(value.floats));
  else if ("ints" in value) pbf.writeMessage(8, writeVarints, value.ints);
  else for (const text of value.strings) pbf.writeStringField(9, text);
  pbf.writeVarintField(20, ATTRIBUTES[Object.keys(value)[0] as keyof typeof ATTRIBUTES]);
}

function writeVarints(values: ArrayLike<number>, pbf: PbfWriter): void {
  for (let index = 0; index < values.length; index++) pbf.writeVarint(values[index] as number);
}

function writeTensor({ name, shape, data }: OnnxTensor, pbf: PbfWriter): void {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== data.length)
    throw new Error(`tensor "${name}" of shape [${shape.join(", ")}] has ${data.length} numbers`);
  for (const size of shape) pbf.writeVarintField(1, size);
  pbf.writeVarintField(2, ELEMENTS[elementOf(data)]);
  pbf.writeStringField(8, name);
  pbf.writeBytesField(9, bytesOf(data));
}

function elementOf(data: OnnxNumbers): keyof typeof ELEMENTS {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int32Array) return "int32";
  return data instanceof Uint8Array ? "uint8" : "int64";
}

function bytesOf({ buffer, byteOffset, byteLength }: OnnxNumbers): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function writePort({ name, type, shape }: OnnxPort, pbf: PbfWriter): void {
  const writeDimension = (size: number | undefined, dimension: PbfWriter): void =>
    size === undefined ? dimension.writeStringField(2, "rows") : dimension.writeVarintField(1, size);
  const writeShape = (_: unknown, inner: PbfWriter): void => {
    for (const size of shape) inner.writeMessage(1, writeDimension, size);
  };
  const writeTensorType = (_: unknown, inner: PbfWriter): void => {
    inner.writeVarintField(1, ELEMENTS[type]);
    inner.writeMessage(2, writeShape, undefined);
  };
  pbf.writeStringField(1, name);
  pbf.writeMessage(
    2,
    (_: unknown, inner: PbfWriter) => inner.writeMessage(1, writeTensorType, undefined),
    undefined,
  );
}

/**
 * Tensors in the protocol's binary form: little-endian elements, row-major, unpadded; BOOL a byte each, true unless 0; of BYTES each element's
 * length (uint32) and its bytes, which must be UTF-8, as the texts of models are.
 */
import { EngineError } from "./errors.ts";
import { DATATYPES, elementsIn, type Tensor, type TensorData, type TensorSpec } from "./tensor.ts";

const LENGTH_BYTES = 4;
const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The elements of `spec` out of exactly these bytes.
 * @throws EngineError INVALID_REQUEST when their number is not what datatype and shape say, or a text is not UTF-8.
 */
export function fromTensorBytes(spec: TensorSpec, bytes: Uint8Array): TensorData {
  const { name, datatype, shape } = spec;
  const count = elementsIn(shape);
  if (datatype === "BYTES") return readTexts(name, count, bytes);
  const expected = count * DATATYPES[datatype];
  if (bytes.length !== expected)
    throw dataInvalid(
      name,
      `has ${bytes.length} bytes; shape [${shape.join(", ")}] of ${datatype} takes ${expected}`,
    );
  // perf_analyzer sends any byte for true
  return datatype === "BOOL" && bytes.some((byte) => byte > 1)
    ? bytes.map((byte) => Math.min(byte, 1))
    : bytes;
}

function readTexts(name: string, count: number, bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + LENGTH_BYTES > bytes.length ? -1 : at + LENGTH_BYTES + view.getUint32(at, true);
    if (end < 0 || end > bytes.length)
      throw dataInvalid(name, `is cut off: element ${texts.length} is longer than what is left of the data`);
    if (texts.length === count) throw dataInvalid(name, `has more than the ${count} elements of its shape`);
    texts.push(decode(name, texts.length, bytes.subarray(at + LENGTH_BYTES, end)));
    at = end;
  }
  if (texts.length < count) throw dataInvalid(name, `has ${texts.length} elements; its shape says ${count}`);
  return texts;
}

function decode(name: string, index: number, bytes: Uint8Array): string {
  try {
    return text.decode(bytes);
  } catch {
    throw dataInvalid(name, `has bytes in element ${index} that are not UTF-8, as the model's texts must be`);
  }
}

/** The protocol's binary form of a tensor's elements. */
export function toTensorBytes({ data }: Pick<Tensor, "data">): Uint8Array {
  if (data instanceof Uint8Array) return data;
  const encoded = data.map((element) => Buffer.from(element));
  const bytes = Buffer.allocUnsafe(encoded.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0));
  let at = 0;
  for (const element of encoded) {
    at = bytes.writeUInt32LE(element.length, at);
    at += element.copy(bytes, at);
  }
  return bytes;
}

/** INVALID_REQUEST for the data of a tensor. */
export function dataInvalid(name: string, message: string): EngineError {
  const subject = JSON.stringify(name.slice(0, 128));
  return new EngineError("INVALID_REQUEST", `the data of tensor ${subject} ${message}`, {
    details: [{ field: `inputs.${name.slice(0, 128)}.data`, message }],
  });
}

/**
 * The inputs of a tensor model in the prediction log: elements that a float32 holds exactly as numbers, all others (32- and 64-bit
 * integers, doubles, texts) as strings, each in the order of the manifest's tensors. So they can be read back as they were.
 */
import { halfToNumber, toElements } from "./core/elements.ts";
import type { RowBinaryWriter } from "./core/row-binary.ts";
import type { LaidTensor, TensorLayout } from "./core/tensor-layout.ts";
import { isLoggedAsNumber } from "./core/tensor-layout.ts";

const VARINT_BYTES = 10;
/** UTF-8 bytes of a UTF-16 code unit, at most. */
const UNIT_BYTES_MAX = 3;

/** Appends row `index` as the log's columns have it: numbers, then strings. */
export function writeLoggedTensors(
  writer: RowBinaryWriter,
  { tensors, width, texts: textsOfRow }: TensorLayout,
  rows: Uint8Array,
  texts: readonly string[],
  index: number,
): void {
  const numbers = tensors.filter(isLoggedAsNumber);
  const count = numbers.reduce((sum, { elements }) => sum + elements, 0);
  writer.reserve(VARINT_BYTES + 4 * count);
  writer.varint(count);
  for (const tensor of numbers) writeNumbers(writer, tensor, bytesOfRow(tensor, rows, index * width * 4));
  const strings = tensors.filter((tensor) => !isLoggedAsNumber(tensor));
  writer.reserve(VARINT_BYTES);
  writer.varint(strings.reduce((sum, { elements }) => sum + elements, 0));
  for (const tensor of strings) {
    if (tensor.datatype === "BYTES") {
      const start = index * textsOfRow + tensor.offset;
      for (let at = start; at < start + tensor.elements; at++) writeString(writer, texts[at] ?? "");
    } else {
      const elements = toElements(tensor.datatype, bytesOfRow(tensor, rows, index * width * 4));
      for (const element of elements) writeString(writer, String(element));
    }
  }
}

function bytesOfRow({ offset, bytes }: LaidTensor, rows: Uint8Array, rowAt: number): Uint8Array {
  return rows.subarray(rowAt + offset, rowAt + offset + bytes);
}

function writeNumbers(writer: RowBinaryWriter, { datatype }: LaidTensor, bytes: Uint8Array): void {
  if (datatype === "BYTES") return;
  if (datatype === "FP32") return writer.raw(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const elements = toElements(datatype, bytes);
  if (datatype === "FP16") for (const bits of elements) writer.float32(halfToNumber(Number(bits)));
  else for (const element of elements) writer.float32(Number(element));
}

function writeString(writer: RowBinaryWriter, text: string): void {
  writer.reserve(VARINT_BYTES + UNIT_BYTES_MAX * text.length);
  writer.string(text);
}

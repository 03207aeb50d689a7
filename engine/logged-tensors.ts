/**
 * The inputs of a tensor model in the prediction log: elements that a float32 holds exactly as numbers, all others (32- and 64-bit
 * integers, doubles, texts) as strings, each in the order of the manifest's tensors. So they can be read back as they were.
 */
import { toValues } from "./core/elements.ts";
import type { RowBinaryWriter } from "./core/row-binary.ts";
import type { Datatype } from "./core/tensor.ts";
import type { LaidTensor, TensorLayout } from "./core/tensor-layout.ts";

const EXACT: ReadonlySet<Datatype> = new Set(["BOOL", "UINT8", "UINT16", "INT8", "INT16", "FP16", "FP32"]);
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
  const valuesOf = ({ datatype, bytes, offset, elements }: LaidTensor) => {
    if (datatype === "BYTES")
      return texts.slice(index * textsOfRow + offset, index * textsOfRow + offset + elements);
    const start = index * width * 4 + offset;
    return toValues(datatype, rows.subarray(start, start + bytes));
  };
  const numbers = tensors
    .filter(({ datatype }) => EXACT.has(datatype))
    .flatMap((tensor) => [...valuesOf(tensor)]);
  const strings = tensors
    .filter(({ datatype }) => !EXACT.has(datatype))
    .flatMap((tensor) => [...valuesOf(tensor)]);
  writer.reserve(2 * VARINT_BYTES + 4 * numbers.length);
  writer.varint(numbers.length);
  for (const number of numbers) writer.float32(Number(number));
  writer.varint(strings.length);
  for (const value of strings) {
    const string = String(value);
    writer.reserve(VARINT_BYTES + UNIT_BYTES_MAX * string.length);
    writer.string(string);
  }
}

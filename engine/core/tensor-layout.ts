/**
 * How a row of a tensor model lies in a batch: the bytes of its inputs one behind the other, in the order of the manifest, in
 * the memory that other models keep their floats in; texts stand beside it.
 *
 *     row    x: 3 × INT64 │ y: 2 × FP16 │ up to the next float      width × 4 bytes
 *     texts  z: 2 × BYTES                                           texts strings
 */
import { DATATYPES, type Datatype, elementsIn, type TensorSpec } from "./tensor.ts";

export interface LaidTensor extends TensorSpec {
  /** Elements of a row. */
  readonly elements: number;
  /** Bytes of a row; of BYTES 0. */
  readonly bytes: number;
  /** Where it begins in a row: a byte, or of BYTES a text. */
  readonly offset: number;
}

export interface TensorLayout {
  readonly tensors: readonly LaidTensor[];
  /** Floats that a row takes. */
  readonly width: number;
  /** Texts of a row. */
  readonly texts: number;
}

const EXACT: ReadonlySet<Datatype> = new Set(["BOOL", "UINT8", "UINT16", "INT8", "INT16", "FP16", "FP32"]);
/** Decimal digits of a double or a 64-bit integer, with sign, point and exponent, behind their length. */
const DECIMAL_BYTES = 25;

/** Whether the prediction log keeps its elements as float32, which holds them exactly; all others are kept as texts. */
export function isLoggedAsNumber({ datatype }: TensorSpec): boolean {
  return EXACT.has(datatype);
}

/** Bytes that a row takes in the prediction log, at most, its texts aside. */
export function loggedBytes({ tensors }: TensorLayout): number {
  const bytes = tensors.map((tensor) => tensor.elements * (isLoggedAsNumber(tensor) ? 4 : DECIMAL_BYTES));
  return bytes.reduce((sum, some) => sum + some, 0);
}

export function layTensors(inputs: readonly TensorSpec[]): TensorLayout {
  let bytes = 0;
  let texts = 0;
  const tensors = inputs.map((input): LaidTensor => {
    const elements = elementsIn(input.shape.slice(1));
    const size = elements * DATATYPES[input.datatype];
    const offset = input.datatype === "BYTES" ? texts : bytes;
    if (input.datatype === "BYTES") texts += elements;
    bytes += size;
    return { ...input, elements, bytes: size, offset };
  });
  return { tensors, width: Math.ceil(bytes / 4), texts };
}

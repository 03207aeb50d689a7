/**
 * Tensors as the Open Inference Protocol has them: datatypes, shapes, elements.
 *
 * Elements lie row-major, little-endian, as the protocol's binary form has them; those of BYTES are texts, because that is what
 * models take. An element's size is its datatype's, whatever machine this is.
 */
/** Bytes of an element; 0: it has its own length. */
export const DATATYPES = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
} as const;

export type Datatype = keyof typeof DATATYPES;

/** What a model takes or gives. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** -1: any size. The first dimension is the rows. */
  readonly shape: readonly number[];
}

/** What a model version takes and gives. */
export interface ModelTensors {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Little-endian elements, at any offset of their memory; of BYTES the texts. */
export type TensorData = Uint8Array | readonly string[];

/** A tensor with its elements; its shape has no -1, and their number is what it says. */
export interface Tensor extends TensorSpec {
  readonly data: TensorData;
}

/** How many elements a shape has; of a model's, in one row: `elementsIn(shape.slice(1))`. */
export function elementsIn(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The same elements as bytes that any typed array can be a view of, copied only where they are not aligned. */
export function aligned(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const isAligned = bytes.buffer instanceof ArrayBuffer && bytes.byteOffset % elementBytes === 0;
  return isAligned ? bytes : Uint8Array.from(bytes);
}

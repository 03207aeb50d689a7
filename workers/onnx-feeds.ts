/**
 * Turns rows into the tensors of an ONNX model. hot path
 *
 * One plain buffer per numeric input, allocated once (ONNX Runtime refuses tensors over shared memory), and one
 * tensor per row count over that buffer, made when the count first comes. Bound: `rowsMax` rows a call, so at
 * most `rowsMax` tensors an input.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelInput } from "../engine/core/model-input.ts";
import type { BoundInput, InputType } from "./onnx-binding.ts";

/** Gives the tensor of rows `first` … `first + rows - 1`, valid until the next call. */
type Column = (features: Float32Array, first: number, rows: number) => Tensor;
type NumberCells = Float32Array | Float64Array | Int32Array | Uint8Array;

export interface FeedWriter {
  /** The model's inputs for rows `first` … `first + rows - 1` of a batch; valid until the next call. */
  fill(features: Float32Array, first: number, rows: number): Record<string, Tensor>;
}

/** `stride`: floats per row of a batch. */
export function createFeedWriter(inputs: readonly BoundInput[], stride: number, rowsMax: number): FeedWriter {
  const columns = inputs.map((input) => ({ name: input.name, column: createColumn(input, stride, rowsMax) }));
  const feeds: Record<string, Tensor> = {};
  return {
    fill(features, first, rows) {
      for (const { name, column } of columns) feeds[name] = column(features, first, rows);
      return feeds;
    },
  };
}

function createColumn(input: BoundInput, stride: number, rowsMax: number): Column {
  const [feature] = input.features;
  if (feature === undefined) throw new Error(`input "${input.name}" takes no feature`);
  const count = input.width * rowsMax;
  switch (input.type) {
    case "float32":
      return numberColumn(input, new Float32Array(count), stride);
    case "float64":
      return numberColumn(input, new Float64Array(count), stride);
    case "int32":
      return numberColumn(input, new Int32Array(count), stride, feature);
    case "bool":
      return numberColumn(input, new Uint8Array(count), stride, feature);
    case "int64":
      return bigIntColumn(input, new BigInt64Array(count), stride, feature);
    case "string":
      return stringColumn(input, stride, feature);
  }
}

/** `whole`: the feature whose values must be whole numbers, if they must. */
function numberColumn(input: BoundInput, cells: NumberCells, stride: number, whole?: ModelInput): Column {
  const tensorOf = createTensors(input, cells);
  const { offset } = input;
  const width = input.width;
  return (features, first, rows) => {
    if (width === stride && whole === undefined) {
      cells.set(features.subarray(first * stride, (first + rows) * stride));
    } else {
      for (let row = 0; row < rows; row += 1) {
        const value = features[(first + row) * stride + offset] ?? Number.NaN;
        cells[row] = whole === undefined ? value : toWhole(whole, value);
      }
    }
    return tensorOf(rows);
  };
}

function bigIntColumn(input: BoundInput, cells: BigInt64Array, stride: number, feature: ModelInput): Column {
  const tensorOf = createTensors(input, cells);
  const { offset } = input;
  return (features, first, rows) => {
    for (let row = 0; row < rows; row += 1) {
      cells[row] = BigInt(toWhole(feature, features[(first + row) * stride + offset]));
    }
    return tensorOf(rows);
  };
}

/** ONNX Runtime copies strings; the array must be as long as the tensor, so each call has its own. */
function stringColumn(input: BoundInput, stride: number, feature: ModelInput): Column {
  const categories = feature.type === "category" ? feature.categories : [];
  const { offset } = input;
  return (features, first, rows) => {
    const words: string[] = [];
    for (let row = 0; row < rows; row += 1) {
      const index = features[(first + row) * stride + offset] ?? Number.NaN;
      const word = categories[index];
      if (word === undefined)
        throw new Error(`input "${feature.name}": ${index} is no index of its categories`);
      words.push(word);
    }
    return new Tensor("string", words, shapeOf(input, rows));
  };
}

function toWhole(feature: ModelInput, value: number | undefined): number {
  if (value !== undefined && Number.isInteger(value)) return value;
  throw new Error(`input "${feature.name}": ${value} is no whole number`);
}

function createTensors(input: BoundInput, cells: NumberCells | BigInt64Array): (rows: number) => Tensor {
  const byRows: (Tensor | undefined)[] = [];
  const width = input.width;
  const create = (rows: number): Tensor =>
    new Tensor(input.type satisfies InputType, cells.subarray(0, rows * width), shapeOf(input, rows));
  return (rows) => (byRows[rows] ??= create(rows));
}

function shapeOf(input: BoundInput, rows: number): number[] {
  return input.isFlat ? [rows] : [rows, input.width];
}

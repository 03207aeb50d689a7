/**
 * An ONNX model as plain records: what trainers build, onnx-writer encodes and onnx-reader gives back.
 *
 * Invariant: the names of values (inputs, initializers, outputs of nodes) are unique in a model; nodes stand in the order in
 * which they can be computed.
 */

export const OPSET = 17;
export const ML_OPSET = 3;

export type OnnxNumbers = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** The array's class is the element type: BigInt64Array is int64, and so on. Row-major. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: OnnxNumbers;
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: ArrayLike<number> }
  | { readonly floats: Float32Array }
  | { readonly strings: readonly string[] }
  | { readonly tensor: OnnxTensor };

export interface OnnxNode {
  readonly operator: string;
  /** Absent for the standard operators, `ai.onnx.ml` for trees, scalers and the like. */
  readonly domain?: "ai.onnx.ml";
  /** Names of values; "" leaves an optional one out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export type OnnxElement = "float32" | "float64" | "int32" | "int64" | "uint8";

export interface OnnxPort {
  readonly name: string;
  readonly type: OnnxElement;
  /** undefined: free, the number of rows. */
  readonly shape: readonly (number | undefined)[];
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** Version of each set of operators, by domain ("" is ai.onnx); absent for OPSET and ML_OPSET. */
  readonly opsets?: Readonly<Record<string, number>>;
}

export const DEFAULT_OPSETS: Readonly<Record<string, number>> = { "": OPSET, "ai.onnx.ml": ML_OPSET };

/** Values of `name`: a float32 matrix with a free number of rows. */
export function rowsPort(name: string, width: number): OnnxPort {
  return { name, type: "float32", shape: [undefined, width] };
}

/** A vector of float32 numbers, or a matrix of them in rows of `width`. */
export function floatTensor(name: string, values: ArrayLike<number>, width?: number): OnnxTensor {
  const shape = width === undefined ? [values.length] : [values.length / width, width];
  return { name, shape, data: Float32Array.from(values) };
}

export function intTensor(name: string, values: readonly number[]): OnnxTensor {
  return { name, shape: [values.length], data: BigInt64Array.from(values.map(BigInt)) };
}

/**
 * The nodes and initializers of `model` under names with `prefix`, to stand in a larger model; `bound` gives the names there of
 * the inputs. Its outputs are `prefix` + their name.
 */
export function embedModel(
  model: OnnxModel,
  prefix: string,
  bound: ReadonlyMap<string, string>,
): Pick<OnnxModel, "nodes" | "initializers"> {
  const renamed = (name: string): string => (name === "" ? "" : (bound.get(name) ?? prefix + name));
  return {
    nodes: model.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    })),
    initializers: model.initializers.map((tensor) => ({ ...tensor, name: renamed(tensor.name) })),
  };
}

/**
 * The sets of operators of a model that holds all of `models`.
 * @throws Error when two of them need different versions of one set
 */
export function commonOpsets(models: readonly OnnxModel[]): Readonly<Record<string, number>> {
  const common: Record<string, number> = {};
  for (const { opsets = DEFAULT_OPSETS } of models)
    for (const [domain, version] of Object.entries(opsets)) {
      const other = (common[domain] ??= version);
      if (other !== version)
        throw new Error(`models need versions ${other} and ${version} of the operators "${domain}"`);
    }
  return common;
}

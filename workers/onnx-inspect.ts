/**
 * Reads an ONNX file before ONNX Runtime does: walks the protobuf in place, without copying weights, and gives
 * back what the graph takes and returns.
 *
 * Invariant: a file that passes names no other file (external data) and no operator outside the ONNX standard,
 * at any depth: branches and loops, functions, training graphs, sparse tensors. Bounds: GRAPH_DEPTH_MAX,
 * NODES_MAX, VALUES_MAX, FILE_BYTES_MAX. Field numbers are those of onnx.proto3, IR version 13.
 */
import { modelInvalid } from "./model-invalid.ts";
import { BYTES, ProtobufWalk, VARINT, type Visit, type Wanted } from "./protobuf-walk.ts";

const FILE_BYTES_MAX = 1024 ** 3;
const GRAPH_DEPTH_MAX = 16;
const NODES_MAX = 1_000_000;
const VALUES_MAX = 10_000;

const DOMAINS = new Set(["", "ai.onnx", "ai.onnx.ml"]);
const REMEDY = "Export the model again and push the whole file.";

/** Element types of onnx.proto3 by number, in the names that onnxruntime-node uses. */
const ELEMENT_TYPES: readonly string[] = [
  "undefined",
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
];

/** One input or output of the graph. `shape` is absent when the file does not say; a free dimension is undefined. */
export interface OnnxValue {
  readonly name: string;
  readonly kind: "tensor" | "sequence" | "map" | "other";
  readonly type: string;
  readonly shape?: readonly (number | undefined)[];
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxModel extends OnnxGraph {
  /** Names of all operators, each once; those of branches, loops and functions too. */
  readonly operators: readonly string[];
}

/**
 * Checks the bytes of `file` and lists the inputs and outputs of the graph, and its operators.
 * @throws EngineError MODEL_INVALID
 */
export function inspectOnnx(bytes: Uint8Array, file: string): OnnxModel {
  if (bytes.length === 0) throw modelInvalid(file, `the file is empty. ${REMEDY}`);
  if (bytes.length > FILE_BYTES_MAX) {
    throw modelInvalid(file, `the file has ${bytes.length} bytes; at most ${FILE_BYTES_MAX} are allowed.`);
  }
  const format = foreignFormat(bytes);
  if (format !== undefined) {
    throw modelInvalid(file, `the file is ${format}, not an ONNX model. Convert the model to ONNX.`);
  }
  return new OnnxWalk(bytes, file).model();
}

/** Formats that are pushed by mistake, by their first bytes. */
function foreignFormat(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 32)).toString("latin1");
  if (head.startsWith("version https://git-lfs")) return "a Git LFS pointer (run `git lfs pull`)";
  if (head.startsWith("PK")) return "a zip archive (PyTorch or Keras)";
  if (head.startsWith("\x89HDF")) return "an HDF5 file (Keras)";
  if (bytes[0] === 0x80 && (bytes[1] ?? 0) >= 2 && (bytes[1] ?? 0) <= 5) return "a Python pickle";
  if (/^\s*[{[<]/.test(head)) return "text";
  return undefined;
}

const MODEL: Wanted = { 1: VARINT, 7: BYTES, 8: BYTES, 20: BYTES, 25: BYTES };
const TRAINING: Wanted = { 1: BYTES, 2: BYTES };
const FUNCTION: Wanted = { 7: BYTES, 10: BYTES, 11: BYTES };
const GRAPH: Wanted = { 1: BYTES, 5: BYTES, 11: BYTES, 12: BYTES, 15: BYTES };
const NODE: Wanted = { 4: BYTES, 5: BYTES, 7: BYTES };
const ATTRIBUTE: Wanted = { 5: BYTES, 6: BYTES, 10: BYTES, 11: BYTES, 22: BYTES, 23: BYTES };
const SPARSE: Wanted = { 1: BYTES, 2: BYTES };
const TENSOR: Wanted = { 8: BYTES, 13: BYTES, 14: VARINT };
const VALUE: Wanted = { 1: BYTES, 2: BYTES };
const TYPE: Wanted = { 1: BYTES, 4: BYTES, 5: BYTES, 8: BYTES, 9: BYTES };
const TENSOR_TYPE: Wanted = { 1: VARINT, 2: BYTES };
const SHAPE: Wanted = { 1: BYTES };
const DIMENSION: Wanted = { 1: VARINT };

class OnnxWalk {
  readonly #protobuf: ProtobufWalk;
  readonly #file: string;
  readonly #operators = new Set<string>();
  #nodes = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.#file = file;
    this.#protobuf = new ProtobufWalk(bytes, (problem, cause) =>
      this.#refusal(`the file is not an ONNX model, or is cut off or damaged: ${problem}. ${REMEDY}`, cause),
    );
  }

  model(): OnnxModel {
    let version = 0;
    let opsets = 0;
    let graphs = 0;
    const inputs: OnnxValue[] = [];
    const outputs: OnnxValue[] = [];
    this.#each(this.#protobuf.length, MODEL, (field, value) => {
      if (field === 1) version = value;
      else if (field === 7) {
        graphs += 1;
        const graph = this.#graph(value, 1);
        inputs.push(...graph.inputs);
        outputs.push(...graph.outputs);
      } else if (field === 8) opsets += 1;
      else if (field === 20) this.#each(value, TRAINING, (_, end) => void this.#graph(end, 1));
      else this.#function(value);
    });
    if (version < 1 || opsets === 0 || graphs !== 1 || outputs.length === 0) {
      throw this.#refusal(`the file is not an ONNX model, or its end is missing. ${REMEDY}`);
    }
    return { inputs, outputs, operators: [...this.#operators] };
  }

  #function(end: number): void {
    this.#each(end, FUNCTION, (field, value) => {
      if (field === 7) this.#node(value, 1);
      else if (field === 10) this.#domain(this.#protobuf.text(value), "function");
      else this.#attribute(value, 1);
    });
  }

  /** The inputs of old files list the initializers too; those are no inputs of the model. */
  #graph(end: number, depth: number): OnnxGraph {
    if (depth > GRAPH_DEPTH_MAX) {
      throw this.#refusal(
        `graphs are nested more than ${GRAPH_DEPTH_MAX} deep. Export the model with fewer nested branches.`,
      );
    }
    const initializers = new Set<string>();
    const inputs: OnnxValue[] = [];
    const outputs: OnnxValue[] = [];
    this.#each(end, GRAPH, (field, value) => {
      if (field === 1) this.#node(value, depth);
      else if (field === 5) initializers.add(this.#tensor(value));
      else if (field === 15) this.#sparse(value);
      else if (depth === 1) this.#pushValue(field === 11 ? inputs : outputs, value);
    });
    return { inputs: inputs.filter((input) => !initializers.has(input.name)), outputs };
  }

  #pushValue(values: OnnxValue[], end: number): void {
    values.push(this.#value(end));
    if (values.length > VALUES_MAX) {
      throw this.#refusal(`the graph has more than ${VALUES_MAX} inputs or outputs. Use one input matrix.`);
    }
  }

  #node(end: number, depth: number): void {
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX) {
      throw this.#refusal(`the graph has more than ${NODES_MAX} nodes. Export a smaller model.`);
    }
    let operator = "";
    const domains: string[] = [];
    this.#each(end, NODE, (field, value) => {
      if (field === 4) operator = this.#protobuf.text(value);
      else if (field === 7) domains.push(this.#protobuf.text(value));
      else this.#attribute(value, depth);
    });
    this.#operators.add(operator);
    for (const domain of domains) this.#domain(domain, `operator ${JSON.stringify(operator)}`);
  }

  #domain(domain: string, what: string): void {
    if (DOMAINS.has(domain)) return;
    throw this.#refusal(
      `${what} is of the domain ${JSON.stringify(domain)}; only standard ONNX operators (domains "ai.onnx" and ` +
        '"ai.onnx.ml") are run. Export the model without custom or vendor operators and without functions.',
    );
  }

  #attribute(end: number, depth: number): void {
    this.#each(end, ATTRIBUTE, (field, value) => {
      if (field === 5 || field === 10) this.#tensor(value);
      else if (field === 6 || field === 11) this.#graph(value, depth + 1);
      else this.#sparse(value);
    });
  }

  #sparse(end: number): void {
    this.#each(end, SPARSE, (_, value) => void this.#tensor(value));
  }

  /** The name of the tensor; its data are stepped over. */
  #tensor(end: number): string {
    let name = "";
    let isExternal = false;
    this.#each(end, TENSOR, (field, value) => {
      if (field === 8) name = this.#protobuf.text(value);
      else isExternal ||= field === 13 || value !== 0;
    });
    if (!isExternal) return name;
    throw this.#refusal(
      `tensor ${JSON.stringify(name)} keeps its data outside the file. Save the model with all weights inside ` +
        "(onnx.save_model(model, path, save_as_external_data=False)).",
    );
  }

  #value(end: number): OnnxValue {
    let name = "";
    let type: Omit<OnnxValue, "name"> = { kind: "other", type: "undefined" };
    this.#each(end, VALUE, (field, value) => {
      if (field === 1) name = this.#protobuf.text(value);
      else type = this.#type(value);
    });
    return { name, ...type };
  }

  #type(end: number): Omit<OnnxValue, "name"> {
    let result: Omit<OnnxValue, "name"> = { kind: "other", type: "undefined" };
    this.#each(end, TYPE, (field, value) => {
      if (field === 1) result = this.#tensorType(value);
      else result = { kind: field === 4 ? "sequence" : field === 5 ? "map" : "other", type: "undefined" };
    });
    return result;
  }

  #tensorType(end: number): Omit<OnnxValue, "name"> {
    let type = "undefined";
    let shape: (number | undefined)[] | undefined;
    this.#each(end, TENSOR_TYPE, (field, value) => {
      if (field === 1) {
        type = ELEMENT_TYPES[value] ?? `type ${value}`;
        return;
      }
      shape ??= [];
      const dimensions = shape;
      this.#each(value, SHAPE, (_, dimensionEnd) => void dimensions.push(this.#dimension(dimensionEnd)));
    });
    return { kind: "tensor", type, ...(shape === undefined ? {} : { shape }) };
  }

  /** Zero and negative (a huge unsigned number here) mean "free" in files of some exporters. */
  #dimension(end: number): number | undefined {
    let size: number | undefined;
    this.#each(end, DIMENSION, (_, value) => {
      size = value > 0 && value <= 0x7fffffff ? value : undefined;
    });
    return size;
  }

  #each(end: number, wanted: Wanted, visit: Visit): void {
    this.#protobuf.each(end, wanted, visit);
  }

  #refusal(message: string, cause?: unknown): Error {
    return modelInvalid(this.#file, message, cause);
  }
}

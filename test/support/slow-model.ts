/**
 * A model that takes as long as a request says: an ONNX Loop that counts to its input `steps`, written byte by byte.
 *
 *     value = steps + count,  count = Loop(max(steps) * slowness times: count + 1)
 *
 * With `nanAbove` it is NaN for larger steps: such rows fail. It is how tests keep a worker busy, or hang it, in the real runtime.
 */
import { parseManifest } from "../../engine/core/manifest.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";

type Field = readonly [number: number, value: number | string | Buffer];

const FLOAT = 1;
const INT64 = 7;
const BOOL = 9;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_GRAPH = 5;

export interface SlowModelOptions {
  readonly version?: string;
  readonly slowness?: number;
  readonly nanAbove?: number;
}

export function slowModel(
  name = "slow",
  { version = "1.0.0", slowness = 1, nanAbove }: SlowModelOptions = {},
): ModelArtifact {
  const manifest = parseManifest({
    name,
    version,
    runtime: "onnx",
    inputs: [{ name: "steps", type: "float", min: 0, example: 0 }],
    outputs: [{ name: "value", type: "value" }],
  });
  return { manifest, files: new Map([["model.onnx", modelBytes(slowness, nanAbove)]]) };
}

function modelBytes(slowness: number, nanAbove: number | undefined): Buffer {
  const isBrittle = nanAbove !== undefined;
  const graph = message(
    [1, node("ReduceMax", ["steps"], ["most"], [[5, attribute("keepdims", 0)]])],
    [1, node("Mul", ["most", "slowness"], ["long"])],
    [1, node("Cast", ["long"], ["trips"], [[5, attribute("to", INT64)]])],
    [1, node("Loop", ["trips", "", "zero"], ["count"], [[5, attribute("body", body())]])],
    [1, node("Add", ["steps", "count"], [isBrittle ? "sum" : "value"])],
    ...(isBrittle ? brittle() : []),
    [2, "slow"],
    [5, scalar("zero", 0)],
    [5, scalar("slowness", slowness)],
    ...(isBrittle ? [[5, scalar("limit", nanAbove)] as const] : []),
    [11, value("steps", FLOAT, "rows", 1)],
    [12, value("value", FLOAT, "rows", 1)],
  );
  return message([1, 8], [7, graph], [8, message([1, ""], [2, 13])]);
}

/** value = sum + 0 * sqrt(limit - steps) */
function brittle(): Field[] {
  return [
    [1, node("Sub", ["limit", "steps"], ["left"])],
    [1, node("Sqrt", ["left"], ["root"])],
    [1, node("Mul", ["root", "zero"], ["nothing"])],
    [1, node("Add", ["sum", "nothing"], ["value"])],
  ];
}

function body(): Buffer {
  return message(
    [1, node("Identity", ["go"], ["go_on"])],
    [1, node("Add", ["counted", "one"], ["counted_on"])],
    [2, "body"],
    [5, scalar("one", 1)],
    [11, value("trip", INT64)],
    [11, value("go", BOOL)],
    [11, value("counted", FLOAT)],
    [12, value("go_on", BOOL)],
    [12, value("counted_on", FLOAT)],
  );
}

function node(
  type: string,
  inputs: readonly string[],
  outputs: readonly string[],
  rest: readonly Field[] = [],
): Buffer {
  const names: Field[] = [
    ...inputs.map((input): Field => [1, input]),
    ...outputs.map((output): Field => [2, output]),
  ];
  return message(...names, [4, type], ...rest);
}

function attribute(name: string, content: number | Buffer): Buffer {
  return typeof content === "number"
    ? message([1, name], [3, content], [20, ATTRIBUTE_INT])
    : message([1, name], [6, content], [20, ATTRIBUTE_GRAPH]);
}

function scalar(name: string, content: number): Buffer {
  const raw = Buffer.alloc(4);
  raw.writeFloatLE(content);
  return message([2, FLOAT], [8, name], [9, raw]);
}

/** A tensor's name, type and shape; a dimension is a name or a size, none make a scalar. */
function value(name: string, type: number, ...dimensions: (string | number)[]): Buffer {
  const shape = dimensions.map((size): Field => [1, message([typeof size === "number" ? 1 : 2, size])]);
  return message([1, name], [2, message([1, message([1, type], [2, message(...shape)])])]);
}

/** A protobuf message: numbers as varints, everything else behind its length. */
function message(...fields: readonly Field[]): Buffer {
  const parts = fields.map(([number, content]) => {
    if (typeof content === "number") return Buffer.concat([varint(number * 8), varint(content)]);
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
  });
  return Buffer.concat(parts);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Buffer.from([...bytes, rest]);
}

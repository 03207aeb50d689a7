/**
 * A model of tensors, as `model.json` describes it: what its graph takes and gives, in any datatype, instead of features and a
 * prediction. Such models are asked over the Open Inference Protocol.
 *
 * Invariants: the first dimension of every tensor is the rows; of inputs the others are fixed, so that rows of several requests
 * lie in one batch. Bounds: ROW_BYTES_MAX in the prediction log and ROW_TEXTS_MAX for a row, so that it fits into a message of any NATS.
 */
import { z } from "zod";
import { elementsIn } from "./tensor.ts";
import { datatype } from "./tensor-datatype.ts";
import { layTensors, loggedBytes } from "./tensor-layout.ts";

const TENSORS_MAX = 256;
const DIMENSIONS_MAX = 8;
const ROW_BYTES_MAX = 768 * 1024;
const ROW_TEXTS_MAX = 4096;

const tensorSpec = z.strictObject({
  /** As the graph has it. */
  name: z.string().min(1).max(256),
  datatype,
  /** [-1, …]: rows, and then what each row has; of outputs -1 means any size there too. */
  shape: z.array(z.int().min(-1).max(ROW_BYTES_MAX)).min(1).max(DIMENSIONS_MAX),
});

export const modelTensors = z.strictObject({
  inputs: z.array(tensorSpec).min(1).max(TENSORS_MAX),
  outputs: z.array(tensorSpec).min(1).max(TENSORS_MAX),
});

/** Calls `issue` for everything that is wrong beyond types. */
export function checkTensors(
  tensors: z.infer<typeof modelTensors>,
  issue: (path: (string | number)[], message: string) => void,
): void {
  for (const side of ["inputs", "outputs"] as const) {
    const seen = new Set<string>();
    for (const [index, { name, shape }] of tensors[side].entries()) {
      if (seen.has(name)) issue([side, index, "name"], `"${name}" is used twice`);
      seen.add(name);
      if (shape[0] !== -1) issue([side, index, "shape"], "must begin with -1: the rows");
      const low = side === "inputs" ? 1 : -1;
      if (shape.slice(1).some((size) => size < low || size === 0))
        issue([side, index, "shape"], "must have fixed sizes above 0 behind the rows");
    }
  }
  const elements = tensors.inputs.reduce((sum, { shape }) => sum + Math.abs(elementsIn(shape.slice(1))), 0);
  if (elements > ROW_BYTES_MAX) return issue(["inputs"], TOO_LARGE);
  const layout = layTensors(tensors.inputs);
  const { texts } = layout;
  if (loggedBytes(layout) > ROW_BYTES_MAX) issue(["inputs"], TOO_LARGE);
  if (texts > ROW_TEXTS_MAX)
    issue(["inputs"], `a row has ${texts} texts; at most ${ROW_TEXTS_MAX} are allowed`);
}

const TOO_LARGE = `a row takes more than ${ROW_BYTES_MAX} bytes in the prediction log, which keeps every row: 4 a number, 25 a 64- or 32-bit integer or double`;

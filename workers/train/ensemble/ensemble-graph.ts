/**
 * An ensemble as one ONNX graph: the members' graphs side by side, what they predict side by side in one matrix, and a linear
 * model over that.
 *
 *     features → member0.LINEAR/… │ member1.RANDOM_FOREST/… → members [rows, members × width] → combiner/… → probabilities, value
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  predictionWidth,
  type TrainingColumn,
  type TrainingTask,
} from "../../../engine/core/training-set.ts";
import { FEATURES, outputOf } from "../linear/linear-model.ts";
import {
  commonOpsets,
  embedModel,
  intTensor,
  type OnnxModel,
  type OnnxNode,
  rowsPort,
} from "../onnx/onnx-model.ts";
import { decodeOnnx } from "../onnx/onnx-reader.ts";
import { encodeOnnx } from "../onnx/onnx-writer.ts";
import type { ExportedModel } from "../trainer.ts";
import { initialOnnx } from "../training-checks.ts";

const MEMBERS = "members";
const SECOND_CLASS = "second_class";
const COMBINER = "combiner/";
/** Behind "/" are the names of the member, behind ":" ours. */
const MEMBER = /^member\d+\.(\w+)[/:]/;
const CALL_ROWS_MAX = 1024;

/** The members' part of an ensemble: from `features` to `members`. */
export interface MembersGraph {
  readonly graph: OnnxModel;
  readonly modelTypes: readonly string[];
}

export interface Member {
  readonly modelType: string;
  readonly exported: ExportedModel;
}

export function membersGraph(members: readonly Member[], task: TrainingTask, columns: number): MembersGraph {
  const models = members.map(({ exported }) => decodeOnnx(initialOnnx(exported)));
  const nodes: OnnxNode[] = [];
  const initializers: OnnxModel["initializers"][number][] = [];
  const joined = members.map(({ modelType, exported: { inputTensor, output } }, index) => {
    const name = `member${index}.${modelType}`;
    const prefix = `${name}/`;
    const part = embedModel(models[index] as OnnxModel, prefix, new Map([[inputTensor, FEATURES]]));
    nodes.push(...part.nodes);
    initializers.push(...part.initializers);
    if (task.kind !== "binary") return prefix + output.name;
    const second = `${name}:second`;
    nodes.push({
      operator: "Gather",
      inputs: [prefix + output.name, SECOND_CLASS],
      outputs: [second],
      attributes: { axis: { int: 1 } },
    });
    return second;
  });
  nodes.push({ operator: "Concat", inputs: joined, outputs: [MEMBERS], attributes: { axis: { int: 1 } } });
  if (task.kind === "binary") initializers.push(intTensor(SECOND_CLASS, [1]));
  const graph: OnnxModel = {
    nodes,
    initializers,
    inputs: [rowsPort(FEATURES, columns)],
    outputs: [rowsPort(MEMBERS, members.length * predictionWidth(task))],
    opsets: commonOpsets(models),
  };
  return { graph, modelTypes: members.map(({ modelType }) => modelType) };
}

/** The whole ensemble; `combiner` takes `features`, which are the members' predictions. */
export function ensembleGraph({ graph }: MembersGraph, combiner: OnnxModel, task: TrainingTask): OnnxModel {
  const { name, width } = outputOf(task);
  const part = embedModel(
    combiner,
    COMBINER,
    new Map([
      [FEATURES, MEMBERS],
      [name, name],
    ]),
  );
  return {
    ...graph,
    nodes: [...graph.nodes, ...part.nodes],
    initializers: [...graph.initializers, ...part.initializers],
    outputs: [rowsPort(name, width)],
    opsets: commonOpsets([graph, combiner]),
  };
}

/**
 * The members' part of an ensemble that `ensembleGraph` made; undefined for any other model, or one of other columns or for
 * another task.
 */
export function splitEnsemble(
  initial: ExportedModel,
  task: TrainingTask,
  columns: number,
): MembersGraph | undefined {
  const whole = decodeOnnx(initialOnnx(initial));
  const nodes = whole.nodes.filter(
    ({ outputs }) => !outputs.every((name) => name.startsWith(COMBINER) || name === outputOf(task).name),
  );
  const join = nodes.at(-1);
  if (
    join?.outputs[0] !== MEMBERS ||
    whole.inputs[0]?.shape[1] !== columns ||
    whole.outputs[0]?.name !== outputOf(task).name
  )
    return undefined;
  const modelTypes = join.inputs.map((name) => MEMBER.exec(name)?.[1] ?? "");
  const width = predictionWidth(task);
  const isBinary = whole.initializers.some(({ name }) => name === SECOND_CLASS);
  if (isBinary !== (task.kind === "binary") || whole.outputs[0]?.shape[1] !== outputOf(task).width)
    return undefined;
  const graph: OnnxModel = {
    ...whole,
    nodes,
    initializers: whole.initializers.filter(({ name }) => !name.startsWith(COMBINER)),
    outputs: [rowsPort(MEMBERS, modelTypes.length * width)],
  };
  return { graph, modelTypes };
}

/** What the members predict, by ONNX Runtime: `rows × predictionWidth` a member. */
export async function runMembers(
  { graph, modelTypes }: MembersGraph,
  columns: readonly TrainingColumn[],
  rows: number,
): Promise<Float64Array[]> {
  const session = await InferenceSession.create(encodeOnnx(graph), {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const total = graph.outputs[0]?.shape[1] ?? 0;
  const width = total / modelTypes.length;
  const results = modelTypes.map(() => new Float64Array(rows * width));
  try {
    for (let start = 0; start < rows; start += CALL_ROWS_MAX) {
      const count = Math.min(CALL_ROWS_MAX, rows - start);
      const cells = new Float32Array(count * columns.length);
      for (const [column, { values }] of columns.entries())
        for (let row = 0; row < count; row++)
          cells[row * columns.length + column] = values[start + row] as number;
      const output = await session.run({ [FEATURES]: new Tensor("float32", cells, [count, columns.length]) });
      const data = output[MEMBERS]?.data as Float32Array;
      for (let index = 0; index < data.length; index++) {
        const member = Math.floor((index % total) / width);
        (results[member] as Float64Array)[(start + Math.floor(index / total)) * width + (index % width)] =
          data[index] as number;
      }
    }
  } finally {
    await session.release();
  }
  return results;
}

/**
 * A network as layers of TensorFlow.js: what is trained layer by layer is what is exported.
 *
 *     features → normalization → hidden_0 … │ series → lstm → scores → probabilities (softmax) │ value (as large as the targets)
 *
 * `normalization` (of columns) and `value` (of targets) are fixed before training, so rows go in as they are. All weights are made
 * here, from the seed: the library's own initializers are not asked.
 */
import type { Tensor, Tensor2D, Variable } from "@tensorflow/tfjs-core";
import type { LayersModel, SymbolicTensor } from "@tensorflow/tfjs-layers";
import type { SeededRandom } from "../../../engine/core/seeded-random.ts";
import type { Tfjs } from "../../tfjs-backend.ts";
import type { ColumnScale } from "../column-scale.ts";
import { FEATURES, outputOf } from "../model-ports.ts";
import type { NetworkBody, NetworkShape } from "./network-parameters.ts";

export type Layer = LayersModel["layers"][number];

export interface Network {
  readonly tfjs: Tfjs;
  readonly shape: NetworkShape;
  readonly normalization: Layer;
  /** Layers before the head; `drops`: dropout follows. */
  readonly body: readonly { readonly layer: Layer; readonly drops: boolean }[];
  readonly head: Layer;
  readonly output: Layer;
  readonly model: LayersModel;
}

/** The layers of `shape`, with weights of zero. */
export function buildNetwork(tfjs: Tfjs, shape: NetworkShape): Network {
  const { layers } = tfjs.layers;
  const { columns, task } = shape;
  const zeros = { kernelInitializer: "zeros" } as const;
  const normalization = layers.batchNormalization({
    name: "normalization",
    center: false,
    scale: false,
    epsilon: 0,
    trainable: false,
  });
  const body = bodyLayers(tfjs, shape);
  const { name, type, width } = outputOf(task);
  const head = layers.dense({ name: "scores", units: width, ...zeros });
  const output =
    type === "value"
      ? layers.dense({ name, units: 1, trainable: false, ...zeros })
      : layers.activation({ name, activation: "softmax" });
  const input = tfjs.layers.input({ shape: [columns], name: FEATURES });
  let last = input;
  for (const layer of [normalization, ...body.map(({ layer }) => layer), head, output])
    last = layer.apply(last) as SymbolicTensor;
  const model = tfjs.layers.model({ name: "network", inputs: input, outputs: last });
  return { tfjs, shape, normalization, body, head, output, model };
}

function bodyLayers(tfjs: Tfjs, { body, columns }: NetworkShape): Network["body"] {
  const { layers } = tfjs.layers;
  if (body.kind === "dense")
    return body.hiddenUnits.map((units, index) => ({
      drops: true,
      layer: layers.dense({
        name: `hidden_${index}`,
        units,
        activation: body.activation as "relu",
        kernelInitializer: "zeros",
      }),
    }));
  return [
    {
      drops: false,
      layer: layers.reshape({ name: "series", targetShape: [body.steps, columns / body.steps] }),
    },
    {
      drops: true,
      layer: layers.lstm({
        name: "lstm",
        units: body.units,
        recurrentActivation: "sigmoid",
        kernelInitializer: "zeros",
        recurrentInitializer: "zeros",
        unitForgetBias: false,
      }),
    },
  ];
}

/** Fixes what columns are normalized by. A column that does not vary stays where it is. */
export function setNormalization({ tfjs, normalization }: Network, { means, deviations }: ColumnScale): void {
  const variances = Float32Array.from(deviations, (deviation) => deviation ** 2);
  const { tensor1d } = tfjs.core;
  setWeights(normalization, [
    tensor1d(Float32Array.from(means)),
    tensor1d(variances.map((variance) => (variance > 1e-30 ? variance : 1))),
  ]);
}

/** For regressions: predictions are `mean + deviation · score`. */
export function setTargetScale({ tfjs, output }: Network, mean: number, deviation: number): void {
  setWeights(output, [tfjs.core.tensor2d([deviation], [1, 1]), tfjs.core.tensor1d([mean])]);
}

/** For regressions: what `setTargetScale` set. */
export function targetScale({ output }: Network): { mean: number; deviation: number } {
  const [deviation = 1, mean = 0] = output.getWeights().map((tensor) => tensor.dataSync()[0]);
  return { mean, deviation };
}

/** Uniform within ±√(6 / (inputs + outputs)) (X. Glorot, Y. Bengio, 2010), biases 0, those of an LSTM's forget gates 1. */
export function initialize({ tfjs: { core } }: Network, layer: Layer, random: SeededRandom): void {
  const isLstm = layer.getClassName() === "LSTM";
  const weights = layer.getWeights().map(({ shape }) => {
    const [inputs = 1, outputs] = shape;
    // the gates are input, forget, cell, output, side by side
    if (outputs === undefined)
      return core.tensor1d(
        Float32Array.from({ length: inputs }, (_, index) =>
          isLstm && Math.floor((4 * index) / inputs) === 1 ? 1 : 0,
        ),
      );
    const limit = Math.sqrt(6 / (inputs + outputs / (isLstm ? 4 : 1)));
    const values = Float32Array.from({ length: inputs * outputs }, () => (2 * random.uniform() - 1) * limit);
    return core.tensor2d(values, [inputs, outputs]);
  });
  setWeights(layer, weights);
}

/** Takes the tensors over. */
export function setWeights(layer: Layer, tensors: Tensor[]): void {
  layer.setWeights(tensors);
  for (const tensor of tensors) tensor.dispose();
}

/** The variables of `layers`, kernels and biases. */
export function variablesOf(layers: readonly Layer[]): Variable[] {
  return layers.flatMap((layer) => layer.trainableWeights.map((weight) => weight.read() as Variable));
}

/** The scores (before softmax, or in the targets' deviations) of normalized rows; `mask` drops outputs of a layer while training. */
export function scoresOf(
  { body, head }: Network,
  rows: Tensor,
  mask?: (outputs: Tensor) => Tensor,
): Tensor2D {
  let last = rows;
  for (const { layer, drops } of body) {
    last = layer.apply(last) as Tensor;
    if (drops && mask !== undefined) last = mask(last);
  }
  return head.apply(last) as Tensor2D;
}

/** The body of a network that this trainer made, read off its layers; undefined for any other. */
export function bodyOf({ layers }: LayersModel): NetworkBody | undefined {
  const inner = layers.slice(2, -2);
  const [first, second] = inner;
  if (layers[1]?.name !== "normalization" || layers.at(-2)?.name !== "scores" || first === undefined)
    return undefined;
  const widthOf = ({ outputShape }: Layer): number => (outputShape as number[]).at(-1) ?? 0;
  if (first.name === "series" && second?.name === "lstm")
    return { kind: "lstm", steps: (first.outputShape as number[])[1] ?? 0, units: widthOf(second) };
  if (!inner.every(({ name }, index) => name === `hidden_${index}`)) return undefined;
  const activation = first.getConfig()["activation"] as string;
  return { kind: "dense", hiddenUnits: inner.map(widthOf), activation };
}

/**
 * Networks as the files that the TensorFlow.js runtime serves, and back: one shard of weights, the same bytes for the same
 * network.
 */
import type { io } from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import type { Tfjs } from "../../tfjs-backend.ts";
import { readTfjsFiles, TFJS_FILE } from "../../tfjs-files.ts";
import type { ExportedModel } from "../trainer.ts";
import { trainingInvalid } from "../training-checks.ts";
import { type Network, OUTPUT_NAMES } from "./network.ts";

const SHARD = "group1-shard1of1.bin";

export async function exportNetwork({ tfjs, model, shape }: Network): Promise<ExportedModel> {
  const saved: io.ModelArtifacts[] = [];
  await model.save(
    tfjs.core.io.withSaveHandler(async (artifacts) => {
      saved.push(artifacts);
      return { modelArtifactsInfo: tfjs.core.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  const { modelTopology, weightSpecs, weightData, format, generatedBy } = saved[0] ?? {};
  const topology = {
    format,
    generatedBy,
    convertedBy: null,
    modelTopology,
    weightsManifest: [{ paths: [SHARD], weights: weightSpecs }],
  };
  const type = shape.task.kind === "regression" ? "value" : "probabilities";
  return {
    runtime: "tfjs",
    files: new Map([
      [TFJS_FILE, new Uint8Array(Buffer.from(JSON.stringify(topology)))],
      [`tfjs/${SHARD}`, new Uint8Array(tfjs.core.io.CompositeArrayBuffer.join(weightData))],
    ]),
    inputTensor: "features",
    output: { name: OUTPUT_NAMES[type], type },
  };
}

/** @throws EngineError MODEL_INVALID, INVALID_REQUEST for files that are no such model. The caller disposes of the model. */
export async function loadNetworkFiles(tfjs: Tfjs, { runtime, files }: ExportedModel): Promise<LayersModel> {
  const content = runtime === "tfjs" ? readTfjsFiles(files) : undefined;
  const remedy = "Train with mode FULL_RETRAIN.";
  if (content?.kind !== "layers")
    throw trainingInvalid(
      "initial",
      `it is no layers model of TensorFlow.js, so it is of another type. ${remedy}`,
    );
  try {
    return await tfjs.layers.loadLayersModel({ load: () => Promise.resolve(content.artifacts) });
  } catch (error) {
    throw trainingInvalid("initial", `TensorFlow.js cannot read it. ${remedy}`, error);
  }
}

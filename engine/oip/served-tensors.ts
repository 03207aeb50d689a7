/**
 * What a model version takes and gives over the Open Inference Protocol.
 *
 *     its own tensors      of a model of tensors; of a model that reads features as they come: one matrix, or one column a feature
 *     a column a feature   where preprocessing or online features stand before the model: what a request says of each,
 *                          and of the entities whose features are looked up
 *     outputs              all tensors that it gives, the one that predictions are read from among them
 */
import type { ModelManifest } from "../core/manifest.ts";
import type { ModelInput } from "../core/model-input.ts";
import type { Datatype, ModelTensors, TensorSpec } from "../core/tensor.ts";
import type { FeatureLookup } from "../features/feature-lookup.ts";

const DATATYPE_OF: Readonly<Record<ModelInput["type"], Datatype>> = {
  float: "FP32",
  int: "INT64",
  bool: "BOOL",
  category: "BYTES",
  text: "BYTES",
  timestamp: "BYTES",
};

/** @param loaded what the runtime says of the model's own tensors. */
export function servedTensors(
  manifest: ModelManifest,
  loaded: ModelTensors,
  lookup: FeatureLookup | undefined,
): ModelTensors {
  const { tensors, preprocessing, inputs } = manifest;
  if (tensors !== undefined) return tensors;
  const isRead = preprocessing === undefined && lookup === undefined;
  const own = inputs.map(toColumn);
  const others = lookedUpBy(lookup).filter(({ name }) => !own.some((column) => column.name === name));
  const asked = isRead ? inOrder(loaded.inputs, manifest) : [...own, ...others];
  return { inputs: asked, outputs: loaded.outputs };
}

/** What a request says so that features can be looked up: what some are derived from, and the entities by their keys. */
function lookedUpBy(lookup: FeatureLookup | undefined): TensorSpec[] {
  const derivedFrom = (lookup?.steps ?? []).flatMap((step) =>
    step.kind === "request" ? [step.feature] : [],
  );
  const columns = derivedFrom.map(
    ({ name, type }): TensorSpec =>
      // milliseconds since 1970
      type === "timestamp" ? { name, datatype: "FP64", shape: [-1, 1] } : toColumn({ name, type }),
  );
  return [...columns, ...(lookup?.entities ?? []).map(({ key }) => toColumn({ name: key, type: "text" }))];
}

/** What the file takes: a matrix as wide as there are inputs, or columns in the manifest's order, not the graph's. */
function inOrder(
  specs: readonly TensorSpec[],
  { input_tensor, inputs }: Pick<ModelManifest, "input_tensor" | "inputs">,
): readonly TensorSpec[] {
  if (input_tensor !== undefined) return specs.map((spec) => ({ ...spec, shape: [-1, inputs.length] })); // the file may leave its width open
  const columns = inputs.flatMap(({ name }) => specs.find((spec) => spec.name === name) ?? []);
  return columns.length === specs.length ? columns : specs;
}

function toColumn({ name, type }: Pick<ModelInput, "name" | "type">): TensorSpec {
  return { name, datatype: DATATYPE_OF[type], shape: [-1, 1] };
}

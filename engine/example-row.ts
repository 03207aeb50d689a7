/**
 * The row that a model with preprocessing is tried on before it takes traffic: the example that GET /model/schema
 * shows, through the model's own pipeline. Workers cannot make it, for the pipeline is the engine's.
 */
import type { ModelArtifact } from "../workers/runtime.ts";
import { EngineError } from "./core/errors.ts";
import { FeaturePlan } from "./feature-plan.ts";
import { exampleFeatures } from "./model-schema.ts";
import { compilePipeline } from "./transform/pipeline.ts";

/**
 * The artifact as it goes to the workers.
 * @throws EngineError MODEL_INVALID naming the input whose example preprocessing refuses.
 */
export function withExampleRow(artifact: ModelArtifact): ModelArtifact {
  const { manifest } = artifact;
  if (manifest.preprocessing === undefined) return artifact;
  const plan = new FeaturePlan(manifest);
  const pipeline = compilePipeline(manifest.inputs, manifest.preprocessing);
  const raw = new Float32Array(plan.width);
  const texts = Array.from({ length: plan.texts }, () => "");
  const error = plan.write(exampleFeatures(manifest), raw, 0, texts, 0);
  if (error !== undefined) throw exampleInvalid(artifact, error);
  const exampleRow = new Float32Array(pipeline.width);
  if (!pipeline.write(raw, 0, texts, 0, exampleRow, 0)) throw exampleInvalid(artifact, pipeline.explain());
  return { ...artifact, exampleRow };
}

function exampleInvalid({ manifest }: ModelArtifact, error: EngineError): EngineError {
  const [detail] = error.details;
  const name = detail?.field.replace(/^features\./, "");
  const field = `inputs.${manifest.inputs.findIndex((input) => input.name === name)}.example`;
  const message = `the example of "${name}" ${detail?.message}. Give the inputs examples that the steps take`;
  return new EngineError("MODEL_INVALID", `${field}: ${message}`, { details: [{ field, message }] });
}

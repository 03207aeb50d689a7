/**
 * Pushing models over REST and asking for their golden predictions.
 */
import assert from "node:assert/strict";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import type { Prediction } from "../../engine/core/prediction.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";
import { checkErrorBody } from "./answers.ts";
import type { TestEngine } from "./engine.ts";
import { eventually } from "./eventually.ts";
import { readGolden } from "./model-folder.ts";

const TOLERANCE = 1e-5;

/** Body of POST /models. */
export function pushBody({ manifest, files }: ModelArtifact, alias?: string): Record<string, unknown> {
  const encoded = [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]);
  return { manifest, files: Object.fromEntries(encoded), ...(alias === undefined ? {} : { alias }) };
}

/** The same model under another version, and with other changes to its manifest. */
export function withManifest(
  { manifest, files }: ModelArtifact,
  change: Partial<ModelManifest>,
): ModelArtifact {
  return { manifest: { ...manifest, ...change }, files };
}

/** Waits until requests for the model are answered by `version`. */
export async function untilServed(engine: TestEngine, name: string, version: string): Promise<void> {
  await eventually(
    `${name} ${version} is served`,
    async () => {
      const response = await engine.get(`/model/info?model=${name}`);
      return response.status === 200 && ((await response.json()) as ModelManifest).version === version;
    },
    20_000,
  );
}

/** A golden row as the features of a request: categories stand there as their index, booleans as 0 or 1. */
export function toFeatures({ inputs }: ModelManifest, row: readonly number[]): Record<string, unknown> {
  return Object.fromEntries(
    inputs.map((input, index) => {
      const value = row[index] as number;
      if (input.type === "category") return [input.name, input.categories[value]];
      return [input.name, input.type === "bool" ? value === 1 : value];
    }),
  );
}

/** Sends all golden rows of a fixture as one batch and compares every field that follows from the output. */
export async function checkGolden(
  engine: TestEngine,
  folder: string,
  manifest: ModelManifest,
): Promise<void> {
  const { rows, expected } = readGolden(folder);
  const instances = rows.map((row) => ({ features: toFeatures(manifest, row) }));
  const response = await engine.post("/predict/batch", { model: manifest.name, instances });
  assert.equal(response.status, 200);
  const { predictions } = (await response.json()) as { predictions: Prediction[] };
  assert.equal(predictions.length, rows.length);
  predictions.forEach((prediction, index) => {
    if ("error" in prediction) assert.fail(checkErrorBody(prediction).message);
    assert.equal(prediction.model_name, manifest.name);
    checkOutput(prediction, manifest, expected[index] ?? []);
  });
}

function checkOutput(prediction: Prediction, manifest: ModelManifest, output: readonly number[]): void {
  const { classes } = manifest;
  if (classes === undefined) {
    assert.ok(
      Math.abs(prediction.predicted_value - (output[0] ?? 0)) <= TOLERANCE * Math.abs(output[0] ?? 1),
    );
    assert.ok(
      !("predicted_class" in prediction || "probabilities" in prediction || "confidence" in prediction),
    );
    return;
  }
  const [positive = 0] = output;
  const probabilities = output.length === 1 ? [1 - positive, positive] : output;
  assert.equal(prediction.probabilities?.length, classes.length);
  probabilities.forEach((probability, index) => {
    assert.ok(Math.abs((prediction.probabilities?.[index] ?? 2) - probability) <= TOLERANCE);
  });
  const best = prediction.probabilities?.indexOf(Math.max(...prediction.probabilities)) ?? -1;
  const threshold = manifest.threshold ?? 0.5;
  const wanted = classes.length > 2 ? best : (prediction.probabilities?.[1] ?? 0) >= threshold ? 1 : 0;
  assert.equal(prediction.predicted_class, classes[wanted]);
  assert.equal(prediction.confidence, prediction.probabilities?.[wanted]);
  assert.equal(prediction.predicted_value, prediction.probabilities?.[classes.length > 2 ? best : 1]);
}

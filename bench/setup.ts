/** An engine that serves the model of the benchmarks, and requests for it. */

import { exampleFeatures } from "../engine/model-schema.ts";
import { readModelFolder } from "../storage/model-folder.ts";
import { startTestEngine, type TestEngine } from "../test/support/engine.ts";
import { eventually } from "../test/support/eventually.ts";
import { fixture } from "../test/support/model.ts";

/** Starts the engine with all its services; ready when the model answers. */
export async function startBenchEngine(env: Record<string, string> = {}): Promise<TestEngine> {
  const engine = await startTestEngine({ env: { MILLRACE_LOG_LEVEL: "warn", ...env } });
  const { manifest, files } = await readModelFolder(fixture("bench"));
  const encoded = Object.fromEntries(
    [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]),
  );
  const response = await engine.post("/models", { manifest, files: encoded, alias: "production" });
  if (!response.ok) throw new Error(`the model was refused: ${await response.text()}`);
  const body = await requestBody();
  await eventually("the model answers", async () => (await engine.post("/predict", body)).ok, 30_000);
  return engine;
}

/** One row of 30 features, as POST /predict takes it. */
export async function requestBody(): Promise<string> {
  const { manifest } = await readModelFolder(fixture("bench"));
  const features = Object.fromEntries(
    Object.keys(exampleFeatures(manifest)).map((name, index) => [
      name,
      Math.round(Math.sin(index + 1) * 1e4) / 1e4,
    ]),
  );
  return JSON.stringify({ model: manifest.name, features });
}

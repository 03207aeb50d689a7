/**
 * Puts the sample into production where there is no model yet: its feature sets first, for the model refers to them.
 */
import { fileURLToPath } from "node:url";
import { readFeatureSetFiles } from "../storage/feature-set-files.ts";
import { readModelFolder } from "../storage/model-folder.ts";
import type { DataPlane } from "./app-data-plane.ts";
import { signContent } from "./app-signatures.ts";
import type { Config } from "./core/config.ts";

const SAMPLE_FOLDER = fileURLToPath(new URL("../../engine/sample/card-fraud/", import.meta.url));

/** @throws EngineError CONFLICT when a set of the same name and version is there with another content. */
export async function installSample(
  { registry, featureRegistry }: Pick<DataPlane, "registry" | "featureRegistry">,
  config: Config,
): Promise<void> {
  if ((await registry.list()).length > 0) return;
  for (const set of await readFeatureSetFiles(SAMPLE_FOLDER)) await featureRegistry.apply(set);
  const content = await readModelFolder(SAMPLE_FOLDER);
  const { manifest } = content;
  await registry.push(content, { signature: await signContent(content, config) });
  await registry.promote(manifest.name, manifest.version);
}

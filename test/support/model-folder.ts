/**
 * Reads model folders and their golden values for tests, wherever the tests are started from.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseManifest } from "../../engine/core/manifest.ts";
import type { ModelArtifact } from "../../workers/runtime.ts";

/** The project's folder; the compiled tests stand in dist/. */
export const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));

export interface Golden {
  readonly rows: readonly (readonly number[])[];
  readonly expected: readonly (readonly number[])[];
}

/** `folder`: from the project's folder on, such as `test/fixtures/elec`. */
export function readModelFolder(folder: string): ModelArtifact {
  const root = join(PROJECT, folder);
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) => join(root, path));
  const files = new Map(
    paths
      .filter((path) => statSync(path).isFile())
      .map((path) => [relative(root, path).split(sep).join("/"), new Uint8Array(readFileSync(path))]),
  );
  return { manifest: parseManifest(JSON.parse(readFileSync(join(root, "model.json"), "utf8"))), files };
}

export function readGolden(folder: string): Golden {
  return JSON.parse(readFileSync(join(PROJECT, folder, "golden.json"), "utf8")) as Golden;
}

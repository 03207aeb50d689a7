/**
 * Feature set definitions on disk: one file, or the `feature-set.json` and `*.feature-set.json` of a folder.
 *
 * Bounds: FILES_MAX files in a folder, FILE_BYTES_MAX each.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { type FeatureSet, parseFeatureSet } from "../engine/core/feature-set.ts";

const DEFINITION = /^(?:.+\.)?feature-set\.json$/;
const FILES_MAX = 1_000;
const FILE_BYTES_MAX = 8 * 1024 * 1024;

/**
 * All definitions at `path`, by file name, each checked.
 * @throws EngineError FEATURE_SET_INVALID naming the file.
 */
export async function readFeatureSetFiles(path: string): Promise<FeatureSet[]> {
  const sets: FeatureSet[] = [];
  for (const file of await filesAt(path)) sets.push(await readOne(file));
  return sets;
}

async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw new EngineError("FEATURE_SET_INVALID", `${path} cannot be read: ${messageOf(error)}`);
  });
  if (!found.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => DEFINITION.test(name)).sort();
  if (names.length === 0 || names.length > FILES_MAX)
    throw new EngineError(
      "FEATURE_SET_INVALID",
      `${path} has ${names.length} files named feature-set.json or *.feature-set.json: it must have 1 to ${FILES_MAX}`,
    );
  return names.map((name) => join(path, name));
}

async function readOne(file: string): Promise<FeatureSet> {
  try {
    const { size } = await stat(file);
    if (size > FILE_BYTES_MAX) throw new Error(`it has ${size} bytes, at most ${FILE_BYTES_MAX} are allowed`);
    return parseFeatureSet(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    const details = error instanceof EngineError ? error.details : [];
    const message = messageOf(error).replace(/^feature-set\.json: /, "");
    throw new EngineError("FEATURE_SET_INVALID", `${file}: ${message}`, { details });
  }
}

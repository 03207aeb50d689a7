/**
 * Writes a model folder to disk, the way model-folder reads it: the model's files, then model.json, so that a folder with one is whole.
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError, messageOf } from "../engine/core/errors.ts";

/** @throws EngineError INVALID_REQUEST when the folder is there and not empty. */
export async function checkFreeFolder(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return [];
    throw new EngineError("INVALID_REQUEST", `the folder ${folder} cannot be used: ${messageOf(error)}`);
  });
  if (found.length > 0)
    throw new EngineError("INVALID_REQUEST", `the folder ${folder} is not empty: name another one`);
}

/** @param files by path within the folder. */
export async function writeModelFolder(
  folder: string,
  manifest: unknown,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const json = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const all = new Map<string, Uint8Array>([...files, ["model.json", json]]);
  for (const [path, bytes] of all) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

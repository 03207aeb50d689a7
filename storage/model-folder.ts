/**
 * Reads a model folder from disk: `model.json` beside `model.onnx`, or beside `tfjs/`; and `background.json`, if it is there.
 *
 * Every error names the file and says what to do. Symbolic links are refused, so that a folder from somebody else
 * cannot bring files of this machine into the registry. Bounds: those of the registry, and 4 MiB for model.json.
 */
import { constants } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { type ModelManifest, parseManifest } from "../engine/core/manifest.ts";
import { CONTENT_BOUNDS, type ContentBounds, isSafePath, type ModelContent } from "./version-record.ts";

const MANIFEST_FILE = "model.json";
const MANIFEST_BYTES_MAX = 4 * 1024 * 1024;
const ONNX_FILE = "model.onnx";
/** Rows that explanations compare with. */
const BACKGROUND_FILE = "background.json";
const TFJS_FOLDER = "tfjs";
const TFJS_FILE = "tfjs/model.json";

/** @throws EngineError MODEL_INVALID naming the file that is missing, unreadable or not allowed. */
export async function readModelFolder(
  folder: string,
  bounds: ContentBounds = CONTENT_BOUNDS,
): Promise<ModelContent> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw invalid(folder, "is not a folder: name the folder that holds model.json");
  }
  const manifest = await readManifest(folder);
  const paths = manifest.runtime === "onnx" ? [ONNX_FILE] : await listTfjs(folder, bounds.filesMax);
  if ((await readdir(folder)).includes(BACKGROUND_FILE)) paths.push(BACKGROUND_FILE);
  const files = new Map<string, Uint8Array>();
  let bytesLeft = bounds.bytesMax;
  for (const path of paths) {
    const bytes = await readRegularFile(folder, path, bytesLeft);
    bytesLeft -= bytes.length;
    files.set(path, bytes);
  }
  return { manifest, files };
}

async function readManifest(folder: string): Promise<ModelManifest> {
  const text = Buffer.from(await readRegularFile(folder, MANIFEST_FILE, MANIFEST_BYTES_MAX)).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(MANIFEST_FILE, `is not JSON: ${messageOf(error)}`, error);
  }
  return parseManifest(json);
}

async function listTfjs(folder: string, filesMax: number): Promise<string[]> {
  const paths: string[] = [];
  const folders = [TFJS_FOLDER];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const entries = await readdir(join(folder, next), { withFileTypes: true }).catch((error: unknown) => {
      throw invalid(
        TFJS_FILE,
        'is missing: a model of runtime "tfjs" is the folder tfjs/ beside model.json',
        error,
      );
    });
    for (const entry of entries) {
      const path = `${next}/${entry.name}`;
      if (!isSafePath(path))
        throw invalid(path, "has a name that is not allowed: rename it, without special characters");
      if (entry.isSymbolicLink()) throw isLink(path);
      if (entry.isDirectory()) folders.push(path);
      else paths.push(path);
      if (paths.length + folders.length > filesMax)
        throw invalid(TFJS_FOLDER, `has more than ${filesMax} files`);
    }
  }
  if (!paths.includes(TFJS_FILE))
    throw invalid(TFJS_FILE, "is missing: it describes the layers and the weight files");
  return paths.sort();
}

async function readRegularFile(folder: string, path: string, bytesMax: number): Promise<Uint8Array> {
  let file: FileHandle;
  try {
    file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ELOOP") throw isLink(path);
    if (code === "ENOENT") throw invalid(path, `is missing in ${folder}`, error);
    throw invalid(path, `cannot be read: ${messageOf(error)}`, error);
  }
  try {
    const { size, ...found } = await file
      .stat()
      .then((stats) => ({ size: stats.size, isFile: stats.isFile() }));
    if (!found.isFile) throw invalid(path, "is not a regular file");
    if (size > bytesMax)
      throw invalid(path, `is too large: ${size} bytes, ${bytesMax} are left of what is allowed`);
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await file.read(bytes, length, size - length, length);
      if (bytesRead === 0) throw invalid(path, "became shorter while it was read: try again");
      length += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

function isLink(path: string): EngineError {
  return invalid(path, "is a symbolic link, which is not allowed: put the file itself there");
}

function invalid(file: string, why: string, cause?: unknown): EngineError {
  return new EngineError("MODEL_INVALID", `${file}: ${why}`, {
    cause,
    details: [{ field: file, message: why }],
  });
}

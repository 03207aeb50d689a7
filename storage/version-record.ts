/**
 * The immutable record of one model version: manifest, files by digest, and one digest over both.
 *
 * Invariant: a record that parses agrees with its digest. Bound: file count and bytes, checked before anything is
 * stored.
 */
import { z } from "zod";
import { toCanonicalJson } from "../engine/core/canonical-json.ts";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { type ModelManifest, modelKey, parseManifest } from "../engine/core/manifest.ts";
import { sha256Of } from "./artifact-store.ts";
import type { VersionKind } from "./version-store.ts";

/** A model version's content: what is pushed and what is loaded. */
export interface ModelContent {
  readonly manifest: ModelManifest;
  /** Bytes by path in the model folder, `/` between folders; without model.json, which is the manifest. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface StoredFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface VersionRecord {
  readonly manifest: ModelManifest;
  /** By path, ascending. */
  readonly files: readonly StoredFile[];
  /** SHA-256 over the canonical JSON of manifest and files. */
  readonly digest: string;
  readonly created_at: string;
}

export interface ContentBounds {
  readonly filesMax: number;
  readonly bytesMax: number;
}

export const CONTENT_BOUNDS: ContentBounds = { filesMax: 1_000, bytesMax: 256 * 1024 * 1024 };

const PATH_CHARACTERS_MAX = 512;
const PATH_PART = /^[A-Za-z0-9_][A-Za-z0-9_.@+ -]{0,254}$/;

const recordShape = z.strictObject({
  manifest: z.unknown(),
  files: z.array(z.strictObject({ path: z.string(), sha256: z.string(), bytes: z.number().int().min(0) })),
  digest: z.string(),
  created_at: z.string(),
});

export function digestOf(manifest: ModelManifest, files: readonly StoredFile[]): string {
  return sha256Of(Buffer.from(toCanonicalJson({ manifest, files })));
}

/** The files of a version as its record has them: by path, with their digests. */
export function storedFiles(files: ModelContent["files"]): StoredFile[] {
  return [...files]
    .map(([path, bytes]) => ({ path, sha256: sha256Of(bytes), bytes: bytes.length }))
    .sort(byPath);
}

/** Paths are compared by code unit: the order must not depend on the machine's language. */
function byPath(a: StoredFile, b: StoredFile): number {
  return a.path < b.path ? -1 : 1;
}

/**
 * Rejects content with unsafe paths, no files, too many or too many bytes.
 * @throws EngineError MODEL_INVALID or PAYLOAD_TOO_LARGE naming the file.
 */
export function checkContent({ files }: ModelContent, { filesMax, bytesMax }: ContentBounds): void {
  if (files.size === 0) throw new EngineError("MODEL_INVALID", "the model has no files beside model.json");
  if (files.size > filesMax) {
    throw new EngineError(
      "PAYLOAD_TOO_LARGE",
      `the model has ${files.size} files; at most ${filesMax} are allowed`,
    );
  }
  let total = 0;
  for (const [path, bytes] of files) {
    if (!isSafePath(path)) {
      const allowed =
        "a relative path of letters, digits, _ . @ + - and single slashes, without . or .. parts";
      throw new EngineError("MODEL_INVALID", `file ${JSON.stringify(path)}: its name must be ${allowed}`);
    }
    total += bytes.length;
  }
  if (total > bytesMax) {
    throw new EngineError(
      "PAYLOAD_TOO_LARGE",
      `the model's files have ${total} bytes; at most ${bytesMax} are allowed`,
    );
  }
}

export function isSafePath(path: string): boolean {
  return path.length <= PATH_CHARACTERS_MAX && path.split("/").every((part) => PATH_PART.test(part));
}

/** What VersionStore needs to know of models. A damaged record is MODEL_INVALID. */
export const MODEL_VERSIONS: VersionKind<VersionRecord> = {
  noun: "model",
  file: "model.json",
  notFound: "MODEL_NOT_FOUND",
  parse: parseVersionRecord,
  keyOf: ({ manifest }) => manifest,
};

/** @throws EngineError MODEL_INVALID when the stored record is not what was pushed. */
export function parseVersionRecord(text: string, name: string, version: string): VersionRecord {
  const key = modelKey({ name, version });
  const broken = (why: string, cause?: unknown) =>
    new EngineError("MODEL_INVALID", `the registry's record of ${key} ${why}`, { cause });
  const result = recordShape.safeParse(parseJson(text));
  if (!result.success) throw broken(`cannot be read: ${messageOf(result.error)}`, result.error);
  const { files, digest, created_at } = result.data;
  const manifest = parseManifest(result.data.manifest);
  if (digestOf(manifest, files) !== digest) throw broken("does not match its digest");
  if (manifest.name !== name || manifest.version !== version)
    throw broken(`is that of ${modelKey(manifest)}`);
  return { manifest, files, digest, created_at };
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

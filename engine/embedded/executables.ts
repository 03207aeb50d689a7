/**
 * Finds the executables of foreign servers and reads their versions.
 *
 * Bound: asking a binary for its version takes at most five seconds.
 */
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
}

const VERSION_TIMEOUT_MS = 5_000;
const VERSION = /(\d+)\.(\d+)\.\d+/;

/** The first executable of this name on PATH. */
export function findOnPath(name: string, env: Environment): string | undefined {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What `<file> --version` prints, or undefined when it fails or names no version. */
export async function versionOf(file: string): Promise<ServerVersion | undefined> {
  try {
    const { stdout } = await promisify(execFile)(file, ["--version"], { timeout: VERSION_TIMEOUT_MS });
    const [text, major, minor] = VERSION.exec(stdout) ?? [];
    return text === undefined ? undefined : { major: Number(major), minor: Number(minor), text };
  } catch {
    return undefined;
  }
}

/** The folder that holds package.json, from dist/ as well as from the source tree. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error("no package.json above the engine: the installation is not complete");
    folder = parent;
  }
  return folder;
}

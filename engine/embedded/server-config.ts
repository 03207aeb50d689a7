/**
 * The configuration file of an embedded server: written anew, under a new name, at every start of the engine.
 *
 * The file exists before the data folder is claimed, so two engines that start at once each have their own, and
 * the loser never changes what the winner's server reads. The winner removes all others.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SUFFIX = ".conf";

/** Writes the lines to a file of its own in the folder and returns its path. */
export function writeServerConfig(folder: string, lines: readonly string[]): string {
  const path = join(folder, `${randomUUID()}${SUFFIX}`);
  const text = ["# Written at every start; changes here are lost.", ...lines, ""].join("\n");
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** Runs `start`; afterwards the folder holds this configuration alone, or not any more when it failed. */
export async function startWithConfig<T>(folder: string, path: string, start: () => Promise<T>): Promise<T> {
  try {
    const started = await start();
    for (const name of readdirSync(folder)) {
      const other = join(folder, name);
      if (name.endsWith(SUFFIX) && other !== path) rmSync(other, { force: true });
    }
    return started;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

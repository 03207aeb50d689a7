/**
 * Pythons of the peers: each has a virtual environment beside the results, made from its bench/peers/<name>/requirements.txt when it is first asked
 * for, and again when that file has changed.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "../engine/core/errors.ts";
import { PROJECT } from "../test/support/model-folder.ts";

const INSTALL_MS_MAX = 1_200_000;
const MARKER = ".requirements";
const execute = promisify(execFile);

/** `BENCH_PYTHON`, or the Python of the peer's own environment; undefined, after a line that says why, where that cannot be made. */
export async function peerPython(name: string): Promise<string | undefined> {
  return process.env["BENCH_PYTHON"] ?? venvPython(name);
}

/** @param name folder of bench/peers. */
export async function venvPython(name: string): Promise<string | undefined> {
  const requirements = join(PROJECT, "bench/peers", name, "requirements.txt");
  const folder = join(PROJECT, "bench/results/peers", name);
  const python = join(folder, "bin/python");
  const marker = join(folder, MARKER);
  const hash = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  if (existsSync(marker) && readFileSync(marker, "utf8") === hash) return python;
  console.log(`${name}: installing its Python packages once, which takes minutes …`);
  try {
    await execute("python3", ["-m", "venv", "--clear", folder]);
    await execute(python, ["-m", "pip", "install", "--quiet", "--requirement", requirements], {
      timeout: INSTALL_MS_MAX,
    });
  } catch (error) {
    console.log(`${name} is left out: its packages cannot be had (${lastLine(messageOf(error))})`);
    return undefined;
  }
  writeFileSync(marker, hash);
  return python;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

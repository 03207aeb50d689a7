/** Pythons of the peers of other benchmarks than http: `BENCH_PYTHON`, or that of their packages in bench/peers. */
import { join } from "node:path";
import { messageOf } from "../engine/core/errors.ts";
import { installPackages } from "./peers/install.ts";

/** Undefined, after a line that says why, where the packages cannot be had. @param name folder of bench/peers. */
export async function peerPython(name: string): Promise<string | undefined> {
  return process.env["BENCH_PYTHON"] ?? venvPython(name);
}

/** The same, for what `BENCH_PYTHON` is not expected to have. */
export async function venvPython(name: string): Promise<string | undefined> {
  try {
    return join(await installPackages({ name, folder: name, language: "python" }), "bin/python");
  } catch (error) {
    console.log(`${name} is left out: ${messageOf(error)}`);
    return undefined;
  }
}

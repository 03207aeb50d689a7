/** Runs a program to its end. */
import { spawn } from "node:child_process";

const LIMIT_MS = 900_000;

/** @throws Error with the last line that it printed as an error, when it does not end well. */
export async function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: LIMIT_MS,
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-10_000);
  });
  const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  if (code !== 0)
    throw new Error(`${program} ${args[1] ?? ""} ended with ${code}: ${lastLine(errors)}`, {
      cause: errors,
    });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

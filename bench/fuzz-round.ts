/**
 * One round of the fuzz: schemathesis generates requests from the engine's own description, right and wrong ones, and holds the
 * answers against it.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../test/support/model-folder.ts";
import { createTempFolder } from "../test/support/temp-folder.ts";

const ROUND_MS_MAX = 3_600_000;

export interface FuzzRound {
  readonly python: string;
  readonly url: string;
  readonly seed: number;
  /** Requests to one operation at most. */
  readonly examples: number;
}

export interface FuzzResult {
  readonly seed: number;
  /** Answers by status. */
  readonly answers: Readonly<Record<string, number>>;
  /** False when anything was found. */
  readonly isClean: boolean;
  /** What schemathesis printed. */
  readonly output: string;
}

export async function fuzzRound({ python, url, seed, examples }: FuzzRound): Promise<FuzzResult> {
  await using folder = await createTempFolder("millrace-fuzz-");
  const counts = join(folder.path, "answers.json");
  const bench = join(PROJECT, "bench");
  const child = spawn(
    python,
    [
      "-m",
      "schemathesis.cli",
      "--no-color",
      `--config-file=${join(bench, "fuzz.toml")}`,
      "run",
      `${url}/openapi.json`,
      "--phases=fuzzing",
      `--seed=${seed}`,
      `--max-examples=${examples}`,
      "--request-timeout=60",
      "--continue-on-failure",
      "--no-shrink",
      "--suppress-health-check=all",
      "--warnings=off",
    ],
    {
      cwd: folder.path,
      env: {
        ...process.env,
        PYTHONPATH: bench,
        PYTHONDONTWRITEBYTECODE: "1",
        SCHEMATHESIS_HOOKS: "fuzz_checks",
        FUZZ_ANSWERS: counts,
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: ROUND_MS_MAX,
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  return { seed, answers: answersIn(counts, output), isClean: code === 0, output };
}

/** @throws Error with the output where the round did not come to its end. */
function answersIn(file: string, output: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, number>;
  } catch (cause) {
    throw new Error(`the round broke off:\n${output.slice(-4000)}`, { cause });
  }
}

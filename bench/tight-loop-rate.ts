/** The ceiling of inference (tight-loop) in a process of its own, and measures that take turns with it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "simple-statistics";

const ROUNDS = 3;
const TIGHT_LOOP = fileURLToPath(new URL("tight-loop.js", import.meta.url));
const execute = promisify(execFile);

/** Rows per second in batches of so many rows. */
export async function tightLoop(size: number, seconds: number): Promise<number> {
  const { stdout } = await execute(process.execPath, [TIGHT_LOOP, String(size), String(seconds)]);
  return Number(stdout);
}

/** The median of each, over rounds after one that warms up. */
export async function inTurn(measures: readonly (() => Promise<number>)[]): Promise<number[]> {
  const rates = measures.map(() => [] as number[]);
  for (let turn = 0; turn <= ROUNDS; turn++)
    for (const [index, measure] of measures.entries()) {
      const rate = await measure();
      if (turn > 0) rates[index]?.push(rate);
    }
  return rates.map((some) => median(some));
}

/**
 * The last lines that a child process wrote, for the error message when it dies.
 *
 * Bound: 20 lines of 500 characters; everything older is dropped.
 */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

const LINES_MAX = 20;
const LINE_CHARACTERS_MAX = 500;

export interface LastWords {
  text(): string;
}

/** Reads stdout and stderr of `child` line by line; both must be pipes. */
export function collectLastWords(child: ChildProcess, onLine: (line: string) => void): LastWords {
  const lines: string[] = [];
  for (const output of [child.stdout, child.stderr]) {
    if (output === null) continue;
    createInterface({ input: output, crlfDelay: Infinity }).on("line", (line) => {
      const kept = line.slice(0, LINE_CHARACTERS_MAX);
      lines.push(kept);
      if (lines.length > LINES_MAX) lines.shift();
      onLine(kept);
    });
  }
  return { text: () => lines.join("\n") };
}

/** What a benchmark gives back, and how it is shown: as JSON in a file, and as a table. */
import { mkdirSync, writeFileSync } from "node:fs";
import { machineStamp } from "./machine.ts";

export interface Report {
  readonly title: string;
  readonly rows: readonly Record<string, string | number>[];
  /** Figures that hold on other machines too, by what they say. */
  readonly ratios: Readonly<Record<string, number>>;
}

export function round(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

export function show(name: string, report: Report): void {
  console.log(`\n${report.title}\n${machineStamp()}`);
  console.table(report.rows);
  for (const [what, value] of Object.entries(report.ratios)) console.log(`  ${what}: ${value}`);
  mkdirSync("bench/results", { recursive: true });
  writeFileSync(
    `bench/results/${name}.json`,
    `${JSON.stringify({ machine: machineStamp(), ...report }, null, 2)}\n`,
  );
}

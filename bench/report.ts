/** What a benchmark gives back, and how it is kept: JSON for machines, a page with plots for people, and a table on the terminal. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Chart } from "./chart.ts";
import { machineStamp } from "./machine.ts";
import { toPage } from "./page.ts";

export type Row = Readonly<Record<string, string | number>>;

export interface Report {
  readonly title: string;
  readonly rows: readonly Row[];
  /** Figures that hold on other machines too, by what they say. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly charts?: readonly Chart[];
  /** Raw percentiles and parameters, by subject. */
  readonly raw?: Readonly<Record<string, unknown>>;
}

export interface KeptReport extends Report {
  readonly machine: string;
  readonly benchmark: string;
}

export function round(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

/** Shows it, and writes `<folder>/<name>.json` and `.html`. */
export function show(benchmark: string, report: Report, folder: string): void {
  const kept: KeptReport = { machine: machineStamp(), benchmark, ...report };
  console.log(`\n${report.title}\n${kept.machine}`);
  console.table(report.rows);
  for (const [what, value] of Object.entries(report.ratios)) console.log(`  ${what}: ${value}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${benchmark}.json`), `${JSON.stringify(kept, null, 2)}\n`);
  writeFileSync(join(folder, `${benchmark}.html`), toPage(kept));
  console.log(`  ${join(folder, benchmark)}.json, .html`);
}

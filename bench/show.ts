/** How a report is shown and kept: a table on the terminal, JSON for machines, a page with plots for people. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machineStamp } from "./machine.ts";
import { toPage } from "./page.ts";
import type { KeptReport, Report } from "./report.ts";

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

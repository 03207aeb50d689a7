/** How a report is shown and kept: a table on the terminal, JSON for machines, a page with plots for people. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { toIndexPage } from "./index-page.ts";
import { machineStamp } from "./machine.ts";
import { toPage } from "./page.ts";
import type { KeptReport, Report } from "./report.ts";

/** Shows it, and writes `<folder>/<name>.json` and `.html`. */
export function show(benchmark: string, report: Report, folder: string): void {
  const kept: KeptReport = { machine: machineStamp(), benchmark, ...report };
  console.log(`\n${report.title}\n${kept.machine}`);
  console.table(report.rows);
  for (const { title, rows } of report.tables ?? []) {
    console.log(title);
    console.table(rows);
  }
  for (const [what, value] of Object.entries(report.ratios)) console.log(`  ${what}: ${value}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${benchmark}.json`), `${JSON.stringify(kept, null, 2)}\n`);
  writeFileSync(join(folder, `${benchmark}.html`), toPage(kept));
  console.log(`  ${join(folder, benchmark)}.json, .html`);
}

/** Writes `<folder>/index.html` of all results that are there. */
export function writeIndex(folder: string): void {
  const reports = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => ({
      ...(JSON.parse(readFileSync(join(folder, name), "utf8")) as KeptReport),
      benchmark: basename(name, ".json"), // its page has that name
    }));
  writeFileSync(join(folder, "index.html"), toIndexPage(reports));
  console.log(`  ${join(folder, "index.html")}`);
}

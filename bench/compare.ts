/**
 * Two runs side by side: `node dist/bench/compare.js OLD NEW`. Ratios hold on other machines too, so they are what is compared. Exit code 1
 * when one that has a goal is worse by more than the tolerance.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { compareRatios } from "./comparison.ts";
import type { KeptReport } from "./report.ts";

await new Command("compare")
  .description("Holds two runs of the benchmarks against each other")
  .argument("<old>", "folder of results, or one .json")
  .argument("<new>", "folder of results, or one .json")
  .option("--tolerance <share>", "what a ratio may be worse by", Number, 0.1)
  .action((older: string, newer: string, { tolerance }: { tolerance: number }) => {
    const before = reportsOf(older);
    const after = reportsOf(newer);
    const figures = [...after].flatMap(([name, report]) =>
      compareRatios(name, before.get(name)?.ratios ?? {}, report.ratios, tolerance),
    );
    console.table(figures);
    process.exitCode = figures.some(({ verdict }) => verdict === "worse") ? 1 : 0;
  })
  .parseAsync();

function reportsOf(path: string): Map<string, KeptReport> {
  if (!existsSync(path))
    throw new Error(`there is no ${path}: run the benchmarks first (npm run bench -- --out ${path})`);
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(".json"))
        .map((name) => join(path, name))
    : [path];
  const reports = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as KeptReport);
  return new Map(reports.map((report) => [report.benchmark, report]));
}

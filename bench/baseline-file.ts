/** bench/baselines.json: measured ratios are checked against it, or written to it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../test/support/model-folder.ts";
import { type Baselines, checkRatios, withMeasured } from "./baselines.ts";
import type { Report } from "./report.ts";

const FILE = join(PROJECT, "bench/baselines.json");

/** Names what fell. @returns whether every ratio that was measured keeps its bound. */
export function checkBaselines(benchmark: string, { ratios }: Pick<Report, "ratios">): boolean {
  const checked = checkRatios(readBaselines()[benchmark] ?? {}, ratios);
  if (checked.length === 0) console.log(`  ${benchmark} has no baselines (--save-baseline writes them)`);
  for (const { ratio, baseline, bound, measured, isKept } of checked) {
    if (measured === undefined) console.log(`  not measured: ${ratio}`);
    else if (!isKept) console.log(`  FELL: ${ratio} is ${measured}; it was ${baseline} and must be ${bound}`);
  }
  return checked.every(({ isKept }) => isKept);
}

export function saveBaselines(benchmark: string, { ratios }: Pick<Report, "ratios">): void {
  const all = readBaselines();
  const saved = { ...all, [benchmark]: withMeasured(all[benchmark] ?? {}, ratios) };
  writeFileSync(FILE, `${JSON.stringify(saved, null, 2)}\n`);
}

function readBaselines(): Baselines {
  return JSON.parse(readFileSync(FILE, "utf8")) as Baselines;
}

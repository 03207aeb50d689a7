/**
 * `millrace features statistics`: what the values of a set's features look like of late, as a table.
 */
import { Command } from "commander";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { printTable, toCell, toPercent } from "./cli-table.ts";

interface Options {
  readonly url: string;
  readonly hours: string;
  readonly json?: boolean;
}

interface Shown {
  readonly name: string;
  readonly events: number;
  readonly values: number;
  readonly null_rate?: number;
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  readonly stddev?: number;
  readonly quantiles?: Readonly<Record<string, number>>;
  readonly top: readonly { readonly value: string; readonly count: number }[];
  readonly problem?: string;
}

export function statisticsCommand(): Command {
  const command = new Command("statistics").description("values of a set's features of the last hours");
  return withUrlOption(command)
    .argument("<name>", "the feature set")
    .option("--hours <hours>", "how many", "24")
    .option("--json", "as JSON, with all quantiles")
    .action(showStatistics);
}

async function showStatistics(name: string, { url, hours, json }: Options): Promise<void> {
  const path = `/feature-sets/${encodeURIComponent(name)}/statistics?hours=${encodeURIComponent(hours)}`;
  const answer = (await callEngine(url, "GET", path)) as { features: Shown[] };
  if (json === true) {
    console.log(JSON.stringify(answer, null, 2));
    return;
  }
  const head = ["feature", "values", "null", "min", "median", "mean", "max", "stddev", "most frequent"];
  const rows = [head, ...answer.features.map(toCells)];
  printTable(rows);
  for (const { name: feature, problem } of answer.features)
    if (problem !== undefined) console.log(`${feature}: ${problem}`);
}

function toCells({ name, values, null_rate, min, quantiles, mean, max, stddev, top }: Shown): string[] {
  const numbers = [min, quantiles?.["0.5"], mean, max, stddev].map(toCell);
  const share = null_rate === undefined ? "" : toPercent(null_rate);
  const frequent = top.slice(0, 3).map(({ value, count }) => `${value} (${count})`);
  return [name, String(values), share, ...numbers, frequent.join(", ")];
}

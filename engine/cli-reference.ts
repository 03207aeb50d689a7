/**
 * `millrace reference`: what a model version's inputs and outputs looked like when all was well, from a file or a window.
 */
import { Command } from "commander";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { buildFileReference } from "./cli-reference-file.ts";
import { printTable, toCell, toPercent } from "./cli-table.ts";
import { EngineError } from "./core/errors.ts";
import { type ModelManifest, parseManifest } from "./core/manifest.ts";
import type { ReferenceSource } from "./core/reference-source.ts";
import { METRICS, type MetricName } from "./monitor/performance/metric-table.ts";
import type { MetricSet } from "./monitor/performance/metric-value.ts";
import type { ReferenceContent } from "./monitor/references/reference-document.ts";
import type { ProfileColumn } from "./monitor/references/reference-profile.ts";

interface CreateOptions {
  readonly url: string;
  readonly version: string;
  readonly file?: string;
  readonly labelColumn?: string;
  readonly positive?: string;
  readonly bins?: string;
  readonly from?: string;
  readonly to?: string;
}

interface ShowOptions {
  readonly url: string;
  readonly version: string;
  readonly json?: boolean;
}

interface ShownRecord {
  readonly model_name: string;
  readonly model_version: string;
  readonly reference_id: string;
  readonly source: ReferenceSource;
  readonly created_at: string;
}

export function referenceCommand(): Command {
  const reference = new Command("reference");
  const add = (usage: string, about: string): Command =>
    withUrlOption(reference.command(usage).description(about)).option(
      "--version <version>",
      "a version or an alias",
      "production",
    );
  add("create <model>", "make it from the rows of a file, or from predictions in a window")
    .option(
      "--file <file>",
      "rows in .csv, .jsonl or .parquet: a column per input; predicted_value, predicted_class",
    )
    .option("--label-column <name>", "column of the labels (default: label, if there is one)")
    .option("--positive <label>", "of two classes: the label that means the last one")
    .option("--from <time>", "predictions from then on, as 2026-11-01T00:00:00Z")
    .option("--to <time>", "and before then")
    .option("--bins <count>", "what numbers are cut into (default: 20)")
    .action(create);
  add("show <model>", "its columns as a table").option("--json", "as JSON, with all bins").action(show);
  return reference;
}

async function create(model: string, options: CreateOptions): Promise<void> {
  const { url, version, file, from, to } = options;
  const bins = binsOf(options);
  if ((file === undefined) === (from === undefined || to === undefined))
    throw new EngineError("INVALID_REQUEST", "give either --file, or --from and --to");
  if (file === undefined) {
    const body = { window: { from, to }, ...(bins === undefined ? {} : { bins }) };
    report((await callEngine(url, "POST", pathOf(model, version), body)) as ShownRecord);
    return;
  }
  const manifest = await manifestOf(url, model, version);
  const { body, notes } = await buildFileReference(manifest, { ...options, file, bins });
  for (const note of notes) console.error(note);
  report((await callEngine(url, "PUT", pathOf(model, manifest.version), body)) as ShownRecord);
}

async function manifestOf(url: string, model: string, wanted: string): Promise<ModelManifest> {
  const { aliases, records } = (await callEngine(url, "GET", `/models/${encodeURIComponent(model)}`)) as {
    aliases: Readonly<Record<string, string>>;
    records: readonly { readonly manifest: unknown }[];
  };
  const manifests = records.map(({ manifest }) => parseManifest(manifest));
  const found =
    manifests.find(({ version }) => version === wanted) ??
    manifests.find(({ version }) => version === aliases[wanted]);
  if (found !== undefined) return found;
  const known = [...manifests.map(({ version }) => version), ...Object.keys(aliases)].join(", ");
  throw new EngineError(
    "MODEL_NOT_FOUND",
    `model ${model} has no version or alias ${wanted}: it has ${known}`,
  );
}

function binsOf({ bins }: CreateOptions): number | undefined {
  if (bins === undefined) return undefined;
  const count = Number(bins);
  if (Number.isInteger(count)) return count;
  throw new EngineError("INVALID_REQUEST", `--bins ${bins} must be a whole number`);
}

function report({ model_name, model_version, reference_id, source }: ShownRecord): void {
  console.log(`reference of ${model_name} ${model_version}: ${reference_id}`);
  console.log(described(source));
}

async function show(model: string, { url, version, json }: ShowOptions): Promise<void> {
  const answer = (await callEngine(url, "GET", pathOf(model, version))) as ShownRecord & ReferenceContent;
  if (json === true) {
    console.log(JSON.stringify(answer, null, 2));
    return;
  }
  report(answer);
  console.log(`made ${answer.created_at}\n`);
  const head = ["column", "type", "rows", "null", "mean", "std", "min", "max", "bins", ""];
  printTable([head, ...answer.profile.columns.map(toCells)]);
  printMetrics(answer.metrics ?? {});
}

/** In the order of the table of metrics. */
function printMetrics(metrics: MetricSet): void {
  const names = (Object.keys(METRICS) as MetricName[]).filter((name) => metrics[name] !== undefined);
  if (names.length === 0) return;
  console.log();
  printTable([
    ["metric", "value", "low", "high", ""],
    ...names.map((name) => {
      const { value = null, interval, reason = "" } = metrics[name] ?? {};
      return [METRICS[name].title, ...[value, interval?.low, interval?.high].map(toCell), reason];
    }),
  ]);
}

function toCells(column: ProfileColumn): string[] {
  const { name, type, count, null_count, counts, state } = column;
  const rows = count + null_count;
  const numbers = type === "number" ? [column.mean, column.std, column.min, column.max] : Array<undefined>(4);
  const share = toPercent(rows === 0 ? 0 : null_count / rows);
  const note = state === "varying" ? "" : state;
  return [name, type, String(rows), share, ...Array.from(numbers, toCell), String(counts.length), note];
}

function described(source: ReferenceSource): string {
  const { kind, rows, labelled_rows, sampled_from } = source;
  const drawn = sampled_from === undefined ? "" : ` drawn from ${sampled_from}`;
  const labelled = labelled_rows === 0 ? "" : `, ${labelled_rows} with a label`;
  const from =
    kind === "file"
      ? `the file ${source.name}`
      : kind === "window"
        ? `${source.from} to ${source.to}`
        : "an upload";
  return `${rows} rows${drawn}${labelled}, from ${from}`;
}

function pathOf(model: string, version: string): string {
  return `/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}/reference`;
}

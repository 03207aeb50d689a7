/**
 * `millrace monitor`: how models are watched, and what the monitor found last.
 */
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { monitorLines, type Overview, type Unavailable } from "./cli-monitor-tables.ts";
import { printTable } from "./cli-table.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import { settingSentences } from "./monitor/monitor-settings.ts";

interface Options {
  readonly url: string;
  readonly json?: boolean;
}

interface Settings {
  /** As somebody wrote them. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly in_force: Readonly<Record<string, unknown>>;
}

export function monitorCommand(): Command {
  const monitor = new Command("monitor");
  const add = (usage: string, about: string): Command =>
    withUrlOption(monitor.command(usage).description(about));
  add(
    "show <model>",
    "what was found last: drift, open incidents, performance against reference and champion, latencies, service levels",
  )
    .option("--json", "as JSON")
    .action(show);
  add("settings <model>", "the settings in force, and what each means")
    .option("--json", "as JSON, to be edited and set")
    .action(settings);
  add("set <model>", "replace the settings; what the file leaves out gets its default")
    .requiredOption("--file <file>", 'JSON such as {"window": "6h", "drift": {"psi_warning": 0.15}}')
    .action(set);
  return monitor;
}

async function show(model: string, { url, json }: Options): Promise<void> {
  const overview = (await callEngine(url, "GET", pathOf(model))) as Overview;
  if (json === true) console.log(JSON.stringify(overview, null, 2));
  else for (const line of monitorLines(overview)) console.log(line);
  const failed = Object.entries(overview).flatMap(([name, part]) => (isUnavailable(part) ? [name] : []));
  if (failed.length > 0)
    throw new EngineError("SERVICE_UNAVAILABLE", `cannot be had now: ${failed.join(", ")}; try again later`);
}

function isUnavailable(part: unknown): part is Unavailable {
  return typeof part === "object" && part !== null && "error" in part;
}

async function settings(model: string, { url, json }: Options): Promise<void> {
  report((await callEngine(url, "GET", `${pathOf(model)}/settings`)) as Settings, json);
}

async function set(model: string, { url, file }: Options & { readonly file: string }): Promise<void> {
  const body = await readJson(file);
  report((await callEngine(url, "PUT", `${pathOf(model)}/settings`, body)) as Settings);
}

function report({ settings, in_force }: Settings, json = false): void {
  if (json) {
    console.log(JSON.stringify(in_force, null, 2));
    return;
  }
  const sentences = settingSentences();
  const own = new Set(leavesOf(settings).map(([path]) => path));
  const rows = leavesOf(in_force).map(([path, value]) => [
    path,
    typeof value === "string" ? value : JSON.stringify(value),
    own.has(path) ? "set" : "default",
    sentences.get(path) ?? "",
  ]);
  printTable([["setting", "value", "", "what it means"], ...rows]);
}

/** Values by their paths, such as `drift.alpha`. */
function leavesOf(
  settings: Readonly<Record<string, unknown>>,
  prefix = "",
): [path: string, value: unknown][] {
  return Object.entries(settings).flatMap(([name, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? leavesOf(value as Readonly<Record<string, unknown>>, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value] as [string, unknown]],
  );
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new EngineError("INVALID_REQUEST", `${file} cannot be read as JSON: ${messageOf(error)}`);
  }
}

function pathOf(model: string): string {
  return `/monitoring/${encodeURIComponent(model)}`;
}

/**
 * `millrace drift`: how far a model's predictions of a window are from its reference, as a table, as JSON or as a page.
 */
import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { driftLines } from "./cli-drift-table.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import type { DriftAnswer, IncidentJson } from "./monitor/drift/drift-answer.ts";
import type { DriftSettings } from "./monitor/drift/drift-settings.ts";
import { driftPage } from "./report/drift-page.ts";
import type { DriftView } from "./report/drift-view.ts";

interface Options
  extends Readonly<
    Partial<
      Record<"version" | "variant" | "window" | "from" | "to" | "referenceFrom" | "referenceTo", string>
    >
  > {
  readonly url: string;
  readonly exact?: boolean;
  readonly json?: boolean;
  readonly html?: string;
  readonly failOn?: "drift";
}

interface Overview {
  readonly drift:
    | readonly {
        readonly model_version: string;
        readonly variant: string;
        readonly incidents: readonly IncidentJson[];
      }[]
    | { readonly error: { readonly message: string } };
}

/** Exit code of `--fail-on`, apart from that of errors. */
const FOUND = 2;

export function driftCommand(): Command {
  return withUrlOption(new Command("drift"))
    .argument("<model>")
    .option("--version <version>", "a version or an alias (default: production)")
    .option("--variant <variant>", "of this variant alone")
    .option("--window <duration>", "up to now, or to --to, such as 90m or 7d (default: 24h)")
    .option("--from <time>", "predictions from then on, as 2026-11-01T00:00:00Z")
    .option("--to <time>", "and before then")
    .option("--exact", "with exact distances too, from the rows themselves: up to a million a side")
    .option(
      "--reference-from <time>",
      "compare exactly with predictions from then on; needed if the reference was made from a file",
    )
    .option("--reference-to <time>", "and before then")
    .option("--json", "as JSON, with all measures and bins")
    .option("--html <file>", "also write a report with pictures, in one file that loads nothing")
    .addOption(
      new Option(
        "--fail-on <finding>",
        "exit with 2 when the verdict is drift or data quality, for scripts",
      ).choices(["drift"]),
    )
    .action(drift);
}

async function drift(model: string, options: Options): Promise<void> {
  const { url, version, variant, window, from, to } = options;
  const exact = options.exact === true ? "true" : undefined;
  const { referenceFrom: reference_from, referenceTo: reference_to } = options;
  const question = { version, variant, window, from, to, exact, reference_from, reference_to };
  const asked = Object.entries(question).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const path = `/monitoring/${encodeURIComponent(model)}`;
  const query = new URLSearchParams(asked).toString();
  const answer = (await callEngine(url, "GET", `${path}/drift?${query}`)) as DriftAnswer;
  if (options.json === true) console.log(JSON.stringify(answer, null, 2));
  if (options.json !== true || options.html !== undefined) {
    const view = await viewOf(url, path, answer);
    if (options.json !== true) for (const line of driftLines(view, terminalForm())) console.log(line);
    if (options.html !== undefined) await writePage(options.html, view);
  }
  if (options.failOn === "drift" && ["drift", "data_quality"].includes(answer.verdict))
    process.exitCode = FOUND;
}

/** With what the page and the table say beside the measures. */
async function viewOf(url: string, path: string, answer: DriftAnswer): Promise<DriftView> {
  const [overview, { in_force }] = (await Promise.all([
    callEngine(url, "GET", path),
    callEngine(url, "GET", `${path}/settings`),
  ])) as [Overview, { readonly in_force: { readonly drift: DriftSettings } }];
  if ("error" in overview.drift)
    throw new EngineError("SERVICE_UNAVAILABLE", `open incidents: ${overview.drift.error.message}`);
  const incidents = overview.drift
    .filter(({ model_version }) => model_version === answer.model_version)
    .filter(({ variant }) => answer.variant === undefined || variant === answer.variant)
    .flatMap((report) => report.incidents);
  return { answer, incidents, settings: in_force.drift };
}

async function writePage(file: string, view: DriftView): Promise<void> {
  try {
    await writeFile(file, driftPage(view));
  } catch (error) {
    throw new EngineError("INVALID_REQUEST", `--html ${file} cannot be written: ${messageOf(error)}`);
  }
  console.error(`report written to ${file}`);
}

/** Colours only for people: https://no-color.org */
function terminalForm(): { readonly hasColor: boolean; readonly columns: number | undefined } {
  const { isTTY, columns } = process.stdout;
  return isTTY
    ? { hasColor: (process.env["NO_COLOR"] ?? "") === "", columns }
    : { hasColor: false, columns: undefined };
}

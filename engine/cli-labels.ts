/**
 * `millrace labels import`: labels out of a CSV file, to a running engine over its REST API.
 *
 * Lines that are no label are told on stderr, with their number and the reason, and the others go on; the exit code is 1 then. What
 * the engine cannot take now is sent again, up to ATTEMPTS_MAX times. Importing a file twice stores its labels once.
 */
import { createReadStream } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import type { LabelBody } from "./core/label.ts";
import { csvRecords } from "./csv-records.ts";
import {
  findColumns,
  LABEL_FIELDS,
  type LabelColumns,
  type LabelField,
  toLabelBody,
} from "./labels/label-csv.ts";

const GROUP_LABELS = 5_000;
const PROGRESS_MS = 2_000;
const ATTEMPTS_MAX = 6;
const PAUSE_FIRST_MS = 500;
/** Further bad lines are counted only. */
const TOLD_MAX = 100;

type Options = { readonly url: string; readonly model: string } & Readonly<Record<string, string>>;

export function labelsCommand(): Command {
  return new Command("labels").addCommand(importCommand());
}

function importCommand(): Command {
  const command = withUrlOption(new Command("import"))
    .description(
      "send the labels of a CSV file with a header. A line names its prediction by prediction_id, or request_id, or entity_id and time " +
        "(the entity's latest prediction at or before it); other columns are ignored. label is a class, a number, true or false. " +
        "Times are ISO 8601 with a zone, or milliseconds since 1970. Exits with 1 if a line was bad; the others are stored then",
    )
    .argument("<file.csv>", "the file")
    .requiredOption("--model <name>", "whose predictions they are of");
  for (const field of LABEL_FIELDS)
    command.option(
      `--${field.replaceAll("_", "-")}-column <name>`,
      `column of ${field}, if it has another name`,
    );
  return command.action(importLabels);
}

async function importLabels(path: string, options: Options): Promise<void> {
  const imported = new Import(options);
  let columns: LabelColumns | undefined;
  let width = 0;
  for await (const record of csvRecords(openFile(path))) {
    if (columns === undefined) {
      if ("problem" in record) throw new EngineError("INVALID_REQUEST", `the header ${record.problem}`);
      columns = findColumns(record.fields, namedColumns(options));
      width = record.fields.length;
    } else if ("problem" in record) imported.refuse(record.line, record.problem);
    else if (record.fields.length !== width)
      imported.refuse(record.line, `has ${record.fields.length} fields, the header ${width}`);
    else await imported.add(record.line, columns, record.fields);
  }
  if (columns === undefined) throw new EngineError("INVALID_REQUEST", `${path} is empty: it needs a header`);
  await imported.finish();
}

async function* openFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) yield chunk as Buffer;
  } catch (error) {
    throw new EngineError("INVALID_REQUEST", `${path} cannot be read: ${messageOf(error)}`);
  }
}

/** commander names options in camel case. */
function namedColumns(options: Options): Partial<Record<LabelField, string>> {
  const named: Partial<Record<LabelField, string>> = {};
  for (const field of LABEL_FIELDS) {
    const option = `${field}_column`.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const name = options[option];
    if (name !== undefined) named[field] = name;
  }
  return named;
}

/** One run over a file: what was sent and what was refused. */
class Import {
  readonly #options: Options;
  #labels: LabelBody[] = [];
  #lastLine = 0;
  #sent = 0;
  #refused = 0;
  #toldMs = performance.now();

  constructor(options: Options) {
    this.#options = options;
  }

  async add(line: number, columns: LabelColumns, fields: readonly string[]): Promise<void> {
    try {
      this.#labels.push(toLabelBody(columns, fields));
    } catch (error) {
      this.refuse(line, messageOf(error));
    }
    this.#lastLine = line;
    if (this.#labels.length >= GROUP_LABELS) await this.#send();
  }

  refuse(line: number, reason: string): void {
    this.#refused++;
    if (this.#refused <= TOLD_MAX) console.error(`line ${line}: ${reason}`);
    else if (this.#refused === TOLD_MAX + 1) console.error("more bad lines are counted only");
  }

  async finish(): Promise<void> {
    await this.#send();
    console.log(`${this.#sent} labels sent, ${this.#refused} lines refused`);
    if (this.#refused > 0) process.exitCode = 1;
  }

  async #send(): Promise<void> {
    const { url, model } = this.#options;
    const labels = this.#labels;
    if (labels.length === 0) return;
    this.#labels = [];
    try {
      await callPatiently(url, { model_name: model, labels });
    } catch (error) {
      console.error(
        `${this.#sent} labels were sent before the failure, up to line ${this.#lastLine} at most`,
      );
      throw error;
    }
    this.#sent += labels.length;
    if (performance.now() - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = performance.now();
    console.error(`line ${this.#lastLine}: ${this.#sent} labels sent, ${this.#refused} lines refused`);
  }
}

async function callPatiently(url: string, body: unknown): Promise<void> {
  for (let attempt = 1, pauseMs = PAUSE_FIRST_MS; ; attempt++, pauseMs *= 2) {
    try {
      await callEngine(url, "POST", "/labels", body);
      return;
    } catch (error) {
      const mayPass = error instanceof EngineError && error.meaning.retry === "later";
      if (!mayPass || attempt === ATTEMPTS_MAX) throw error;
      await delay(pauseMs);
    }
  }
}

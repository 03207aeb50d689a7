/**
 * `millrace models`: the registry of a running engine, over its REST API.
 */
import { Command } from "commander";
import { readModelFolder } from "../storage/model-folder.ts";
import { signContent } from "./app-signatures.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { readConfig } from "./core/config.ts";

interface ListedModel {
  readonly name: string;
  readonly aliases: Readonly<Record<string, string>>;
  readonly versions: readonly string[];
  readonly archived: readonly string[];
  readonly served?: readonly string[];
  readonly problems?: Readonly<Record<string, string>>;
}

interface Options {
  readonly url: string;
  readonly alias?: string;
  readonly json?: boolean;
  readonly promote?: boolean;
}

export function modelsCommand(): Command {
  const models = new Command("models").description("push, list, show, promote, roll back and archive models");
  const add = (usage: string, about: string): Command =>
    withUrlOption(models.command(usage).description(about));
  add("push <folder>", "check and store the model in <folder>: model.json and model.onnx, or tfjs/")
    .option("--promote", "point an alias to it at once")
    .option("--alias <alias>", "that alias", "production")
    .action(push);
  add("list", "all models, their aliases and versions").option("--json", "as JSON").action(list);
  add("show <name>", "one model with every version's manifest, as JSON").action(
    async (name: string, { url }: Options) =>
      console.log(
        JSON.stringify(await callEngine(url, "GET", `/models/${encodeURIComponent(name)}`), null, 2),
      ),
  );
  add("promote <name> <version>", "point an alias to a version")
    .option("--alias <alias>", "the alias", "production")
    .action(async (name: string, version: string, { url, alias }: Options) =>
      report(await change(url, name, "promote", { version, alias })),
    );
  add("rollback <name>", "point an alias to the version before")
    .option("--alias <alias>", "the alias", "production")
    .action(async (name: string, { url, alias }: Options) =>
      report(await change(url, name, "rollback", { alias })),
    );
  add("archive <name> <version>", "take a version out of use").action(
    async (name: string, version: string, { url }: Options) =>
      report(await change(url, name, "archive", { version })),
  );
  return models;
}

async function push(folder: string, { url, promote, alias }: Options): Promise<void> {
  const content = await readModelFolder(folder);
  const { manifest, files } = content;
  const signature = await signContent(content, readConfig(process.env));
  const encoded = Object.fromEntries(
    [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]),
  );
  const body = { manifest, files: encoded, signature, ...(promote === true ? { alias } : {}) };
  const record = (await callEngine(url, "POST", "/models", body)) as {
    manifest: { name: string; version: string };
    digest: string;
  };
  const { name, version } = record.manifest;
  const signed = signature === undefined ? "" : `, signed with key ${signature.key_id}`;
  console.log(`pushed ${name} ${version} (${record.digest})${signed}`);
  console.log(
    promote === true
      ? `${alias} is now ${version}`
      : `put it into production with: millrace models promote ${name} ${version}`,
  );
}

async function list({ url, json }: Options): Promise<void> {
  const { models } = (await callEngine(url, "GET", "/models")) as { models: ListedModel[] };
  if (json === true) console.log(JSON.stringify(models, null, 2));
  else if (models.length === 0) console.log("no models yet: millrace models push <folder> --promote");
  else for (const model of models) report(model);
}

function report(model: ListedModel): void {
  console.log(model.name);
  for (const version of model.versions) {
    const aliases = Object.entries(model.aliases).filter(([, to]) => to === version);
    const notes = [
      ...aliases.map(([alias]) => alias),
      ...(model.archived.includes(version) ? ["archived"] : []),
    ];
    const problem = model.problems?.[version];
    console.log(
      `  ${version.padEnd(16)}${notes.join(", ")}${problem === undefined ? "" : `  NOT SERVED: ${problem}`}`,
    );
  }
}

async function change(url: string, name: string, verb: string, body: unknown): Promise<ListedModel> {
  return (await callEngine(url, "POST", `/models/${encodeURIComponent(name)}/${verb}`, body)) as ListedModel;
}

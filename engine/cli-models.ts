/**
 * `millrace models`: the registry of a running engine, over its REST API.
 */
import { userInfo } from "node:os";
import { Command } from "commander";
import { readModelFolder } from "../storage/model-folder.ts";
import { signContent } from "./app-signatures.ts";
import { compareCommand } from "./cli-compare.ts";
import { deployCommand } from "./cli-deploy.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { type ListedModel, reportModel } from "./cli-model-table.ts";
import { readConfig } from "./core/config.ts";

interface Options {
  readonly url: string;
  readonly alias?: string;
  readonly json?: boolean;
  readonly promote?: boolean;
  readonly reason?: string;
  readonly by?: string;
}

export function modelsCommand(): Command {
  const models = new Command("models");
  const add = (usage: string, about: string): Command =>
    withUrlOption(models.command(usage).description(about));
  const addChange = (usage: string, about: string): Command => withReasonOptions(add(usage, about));
  addChange(
    "push <folder>",
    "check, sign and store the model in <folder>: model.json and model.onnx, or tfjs/",
  )
    .option("--promote", "point an alias to it at once")
    .option("--alias <alias>", "that alias", "production")
    .action(push);
  add("list", "all models, their aliases and versions").option("--json", "as JSON").action(list);
  add("show <name>", "one model with every version's state, manifest and signature, as JSON").action(
    async (name: string, { url }: Options) =>
      console.log(
        JSON.stringify(await callEngine(url, "GET", `/models/${encodeURIComponent(name)}`), null, 2),
      ),
  );
  models.addCommand(compareCommand());
  models.addCommand(withReasonOptions(withUrlOption(deployCommand())));
  addChange("promote <name> <version>", "point an alias to a version")
    .option("--alias <alias>", "the alias", "production")
    .action(async (name: string, version: string, { alias, ...options }: Options) =>
      change(options, name, "promote", { version, alias }),
    );
  addChange("rollback <name>", "withdraw the canary under way, or point an alias to the version before")
    .option("--alias <alias>", "the alias", "production")
    .action(async (name: string, { alias, ...options }: Options) =>
      change(options, name, "rollback", { alias }),
    );
  addChange("deprecate <name> <version>", "no more to be deployed or gone back to").action(
    async (name: string, version: string, options: Options) =>
      change(options, name, "deprecate", { version }),
  );
  addChange("archive <name> <version>", "take a version out of use").action(
    async (name: string, version: string, options: Options) => change(options, name, "archive", { version }),
  );
  return models;
}

/** What the audit log keeps of a change. */
function withReasonOptions(command: Command): Command {
  return command
    .option("--reason <text>", "why, kept in the audit log")
    .option("--by <name>", "who, kept in the audit log", userName());
}

/** A container's user may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "cli";
  }
}

async function push(folder: string, { url, promote, alias, reason, by }: Options): Promise<void> {
  const content = await readModelFolder(folder);
  const { manifest, files } = content;
  const signature = await signContent(content, readConfig(process.env));
  const encoded = Object.fromEntries(
    [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]),
  );
  const target = promote === true ? { alias } : {};
  const body = { manifest, files: encoded, signature, ...target, reason, requested_by: by };
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
  else for (const model of models) reportModel(model);
}

async function change(
  { url, reason, by }: Options,
  name: string,
  verb: string,
  body: Readonly<Record<string, unknown>>,
): Promise<void> {
  const path = `/models/${encodeURIComponent(name)}/${verb}`;
  reportModel((await callEngine(url, "POST", path, { ...body, reason, requested_by: by })) as ListedModel);
}

/**
 * `millrace slo`: the service-level objectives of a running engine, over its REST API.
 */
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import { OBJECTIVES_MAX, parseServiceObjective, type ServiceObjective } from "./core/service-objective.ts";
import type { ObjectiveLevel } from "./monitor/service/objective-level.ts";

interface Options {
  readonly url: string;
  readonly json?: boolean;
}

export function sloCommand(): Command {
  const slo = new Command("slo");
  const add = (usage: string, about: string): Command => withUrlOption(slo.command(usage).description(about));
  add("apply <file>", "declare the objective of a JSON file, or each of a list").action(apply);
  add("list", "all objectives").option("--json", "as JSON").action(list);
  add("show <name>", "one objective and how it was kept, as JSON").action(show);
  add("remove <name>", "remove an objective").action(async (name: string, { url }: Options) => {
    await callEngine(url, "DELETE", pathOf(name));
    console.log(`removed ${name}`);
  });
  return slo;
}

/** All are checked before the first is applied. */
async function apply(file: string, { url }: Options): Promise<void> {
  for (const objective of await readObjectives(file)) {
    await callEngine(url, "PUT", pathOf(objective.name), objective);
    console.log(`applied ${objective.name}`);
  }
}

async function readObjectives(file: string): Promise<readonly ServiceObjective[]> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new EngineError("INVALID_REQUEST", `${file} cannot be read as JSON: ${messageOf(error)}`);
  }
  const all: readonly unknown[] = Array.isArray(json) ? json : [json];
  if (all.length > OBJECTIVES_MAX)
    throw new EngineError("INVALID_REQUEST", `${file} has more than ${OBJECTIVES_MAX} objectives`);
  return all.map(parseServiceObjective);
}

async function list({ url, json }: Options): Promise<void> {
  const { slos } = (await callEngine(url, "GET", "/slos")) as { slos: readonly ServiceObjective[] };
  if (json === true) console.log(JSON.stringify(slos, null, 2));
  else if (slos.length === 0) console.log("no objectives yet: millrace slo apply <file>");
  else
    for (const { name, model, indicator, target, period } of slos)
      console.log(`${name.padEnd(24)} ${model}  ${indicator.kind} ${target * 100} % over ${period}`);
}

async function show(name: string, { url }: Options): Promise<void> {
  const objective = (await callEngine(url, "GET", pathOf(name))) as ServiceObjective;
  const path = `/monitoring/${encodeURIComponent(objective.model)}/sla`;
  const { slos } = (await callEngine(url, "GET", path)) as { slos: readonly ObjectiveLevel[] };
  console.log(JSON.stringify({ ...objective, ...slos.find((one) => one.name === name) }, null, 2));
}

function pathOf(name: string): string {
  return `/slos/${encodeURIComponent(name)}`;
}

/**
 * `millrace alerts rules`: alert rules, from a file.
 */
import { readFile, stat } from "node:fs/promises";
import { Command } from "commander";
import type { AlertRule } from "./alerts/alert-rule.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { EngineError, messageOf } from "./core/errors.ts";

interface Options {
  readonly url: string;
  readonly json?: boolean;
}

const FILE_BYTES_MAX = 1024 * 1024;

export function alertRulesCommand(): Command {
  const rules = new Command("rules").description("apply, list, show and remove alert rules");
  const add = (usage: string, about: string): Command =>
    withUrlOption(rules.command(usage).description(about));
  add("apply <file>", 'add or replace the rules of a file, {"rules": […]}; all are checked first').action(
    apply,
  );
  add("list", "all rules, built-in ones too").option("--json", "as JSON").action(list);
  add("show <name>", "one rule, as JSON").action(async (name: string, { url }: Options) =>
    console.log(JSON.stringify(await callEngine(url, "GET", pathOf(name)), null, 2)),
  );
  add("remove <name>", "remove a rule; a built-in one that was changed is as it was").action(
    async (name: string, { url }: Options) => {
      await callEngine(url, "DELETE", pathOf(name));
      console.log(`removed ${name}`);
    },
  );
  return rules;
}

async function apply(file: string, { url }: Options): Promise<void> {
  const { rules } = (await callEngine(url, "POST", "/alert-rules", await readRules(file))) as {
    rules: AlertRule[];
  };
  for (const { name } of rules) console.log(`applied ${name}`);
}

async function readRules(file: string): Promise<unknown> {
  try {
    const { size } = await stat(file);
    if (size > FILE_BYTES_MAX) throw new Error(`it has ${size} bytes, at most ${FILE_BYTES_MAX} are allowed`);
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch (error) {
    throw new EngineError("ALERT_RULE_INVALID", `${file} cannot be read: ${messageOf(error)}`);
  }
}

async function list({ url, json }: Options): Promise<void> {
  const answer = (await callEngine(url, "GET", "/alert-rules")) as { rules: AlertRule[]; built_in: string[] };
  if (json === true) return console.log(JSON.stringify(answer, null, 2));
  for (const rule of answer.rules) report(rule, answer.built_in.includes(rule.name));
}

function report({ name, model, metric, condition, severity, enabled }: AlertRule, isBuiltIn: boolean): void {
  const marks = [isBuiltIn ? "built in" : "", enabled ? "" : "off"].filter((mark) => mark !== "").join(", ");
  const what = `${model}: ${metric} ${condition.op} ${condition.threshold}`;
  console.log(`${name.padEnd(28)}  ${severity.padEnd(8)}  ${what}${marks === "" ? "" : `  (${marks})`}`);
}

function pathOf(name: string): string {
  return `/alert-rules/${encodeURIComponent(name)}`;
}

/**
 * `millrace features`: the feature sets of a running engine, and their online store, over its REST API.
 */
import { Command } from "commander";
import { readFeatureSetFiles } from "../storage/feature-set-files.ts";
import { exportCommand } from "./cli-features-export.ts";
import { statisticsCommand } from "./cli-features-statistics.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { materialize } from "./cli-materialize.ts";
import { featureSetKey } from "./core/feature-set.ts";

interface ListedSet {
  readonly name: string;
  readonly versions: readonly string[];
  readonly archived: readonly string[];
  readonly backfilling?: readonly string[];
}

interface Options {
  readonly url: string;
  readonly json?: boolean;
}

export function featuresCommand(): Command {
  const features = new Command("features");
  const add = (usage: string, about: string): Command =>
    withUrlOption(features.command(usage).description(about));
  add("apply <path>", "add a feature-set.json, or those and all *.feature-set.json in a folder").action(
    apply,
  );
  add("list", "all feature sets and their versions").option("--json", "as JSON").action(list);
  add("show <name>", "one feature set with every version's definition, as JSON").action(
    async (name: string, { url }: Options) =>
      console.log(JSON.stringify(await callEngine(url, "GET", pathOf(name)), null, 2)),
  );
  add("archive <name> <version>", "take a version out of use").action(
    async (name: string, version: string, { url }: Options) =>
      report((await callEngine(url, "POST", `${pathOf(name)}/archive`, { version })) as ListedSet),
  );
  add("materialize", "fill the online store anew from the history in ClickHouse").action(materialize);
  features.addCommand(exportCommand()).addCommand(statisticsCommand());
  return features;
}

/** All files are checked before the first is applied. */
async function apply(path: string, { url }: Options): Promise<void> {
  for (const set of await readFeatureSetFiles(path)) {
    await callEngine(url, "POST", "/feature-sets", set);
    console.log(`applied ${featureSetKey(set)}`);
  }
}

async function list({ url, json }: Options): Promise<void> {
  const { feature_sets: sets } = (await callEngine(url, "GET", "/feature-sets")) as {
    feature_sets: ListedSet[];
  };
  if (json === true) console.log(JSON.stringify(sets, null, 2));
  else if (sets.length === 0) console.log("no feature sets yet: millrace features apply <path>");
  else for (const set of sets) report(set);
}

function report({ name, versions, archived, backfilling = [] }: ListedSet): void {
  const stateOf = (version: string): string =>
    archived.includes(version) ? "archived" : backfilling.includes(version) ? "backfilling" : "active";
  console.log(name);
  for (const version of versions) console.log(`  ${version.padEnd(16)}${stateOf(version)}`);
}

function pathOf(name: string): string {
  return `/feature-sets/${encodeURIComponent(name)}`;
}

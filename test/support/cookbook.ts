/** The queries of the cookbook, by the name that a test knows them by. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./model-folder.ts";

export function readCookbook(): ReadonlyMap<string, string> {
  const text = readFileSync(join(PROJECT, "storage/COOKBOOK.md"), "utf8");
  const blocks = [...text.matchAll(/<!-- test: (.+) -->\n```sql\n([\s\S]*?)```/g)];
  return new Map(blocks.map(([, name = "", query = ""]) => [name, query]));
}

/**
 * The parts of the README that come from the code, and the commands in it that must work when pasted.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SETTINGS } from "../../engine/core/config.ts";

export const README_FILE = fileURLToPath(new URL("../../../README.md", import.meta.url));

export function readReadme(): string {
  return readFileSync(README_FILE, "utf8");
}

/** The table of settings, from the schema. */
export function settingsTable(): string {
  const rows = Object.values(SETTINGS).map(({ env, schema, about }) => {
    const fallback = schema.parse(undefined);
    return `| \`${env}\` | ${fallback === undefined ? "" : `\`${fallback}\``} | ${about} |`;
  });
  return ["| variable | default | |", "|---|---|---|", ...rows].join("\n");
}

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
export function between(text: string, name: string): string {
  const start = text.indexOf(`<!-- ${name} -->`);
  const end = text.indexOf(`<!-- /${name} -->`);
  if (start < 0 || end < 0) throw new Error(`README.md has no <!-- ${name} --> section`);
  return text.slice(start + `<!-- ${name} -->`.length, end).trim();
}

/** The shell blocks that are marked to be run by a test. */
export function runnableBlocks(text: string): string[] {
  return [...text.matchAll(/<!-- test: run -->\n```sh\n([\s\S]*?)```/g)].map((match) =>
    (match[1] ?? "").trim(),
  );
}

/** The queries that are marked to be run by a test. */
export function sqlBlocks(text: string): string[] {
  return [...text.matchAll(/<!-- test: sql -->\n```sql\n([\s\S]*?)```/g)].map((match) =>
    (match[1] ?? "").trim(),
  );
}

/** The example of a feature set. */
export function featureSetBlock(text: string): string {
  return /<!-- test: feature set -->\n```json\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
}

/** The shell block that is marked to be run by the test of `mark`: grpc, oip, ws. */
export function markedBlock(text: string, mark: string): string {
  return new RegExp(`<!-- test: ${mark} -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1] ?? "";
}

/** The example of a program that uses the client. */
export function clientBlock(text: string): string {
  return /<!-- test: client -->\n```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
}

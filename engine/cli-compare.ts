/**
 * `millrace models compare`: the command; what it does stands in cli-compare-run.
 */
import { Command } from "commander";
import type { CompareOptions } from "./cli-compare-run.ts";
import { withUrlOption } from "./cli-http.ts";

export function compareCommand(): Command {
  return withUrlOption(new Command("compare"))
    .description(
      "compare two models on the labelled rows of a file; best on rows that neither has learned from",
    )
    .argument("<a>", "a model folder, or <name>@<version> of a running engine")
    .argument("<b>", "what it is held against")
    .requiredOption("--file <file>", "rows with a header: .csv, .jsonl or .parquet")
    .requiredOption("--label <column>", "what they turned out to be")
    .option("--time-column <column>", "when a row happened")
    .option("--json", "as JSON")
    .action(async (a: string, b: string, options: CompareOptions) => {
      const { compare } = await import("./cli-compare-run.ts"); // its libraries would slow down every other command
      await compare(a, b, options);
    });
}

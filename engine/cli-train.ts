/**
 * `millrace train`: the command; what it does stands in cli-train-run.
 */
import { Command } from "commander";
import type { TrainOptions } from "./cli-train-run.ts";
import { isExternalType } from "./core/fit-task.ts";
import { MODEL_TYPES } from "./core/training-spec.ts";

/** Trained in this process, not by one of another language. */
const LOCAL_TYPES = MODEL_TYPES.filter((type) => !isExternalType(type));

export function trainCommand(): Command {
  return new Command("train")
    .argument("<file>", "rows with a header: .csv, .jsonl or .parquet")
    .requiredOption("--label <column>", "what is to be predicted: classes, or numbers")
    .option("--model-type <type>", `one of ${LOCAL_TYPES.join(", ")}`, MODEL_TYPES[0])
    .option("--name <name>", "of the model (default: that of the file)")
    .option("--version <version>", "of the model", "1.0.0")
    .option("--out <folder>", "where the model goes (default: its name)")
    .option("--time-column <column>", "when a row happened: the latest rows then judge the model")
    .option("--entity-column <column>", "whose row it is: all of one entity train the model, or judge it")
    .option("--weight-column <column>", "what a row counts")
    .option("--exclude <columns>", "columns that are no features, with commas between")
    .option("--allow-leak <columns>", "features that may give the label away, with commas between")
    .option("--class-weight <rule>", "none, or balanced: rare classes count as much as others", "none")
    .option("--test-share <share>", "of the rows, those that judge the model (default: 0.2)")
    .option("--embargo <duration>", "rows so close before those that judge are left out, such as 1d")
    .option("--parameters <json>", "hyperparameters of the type, such as '{\"C\": 0.1}'", "{}")
    .option("--seed <number>", "where randomness starts", "0")
    .action(async (file: string, options: TrainOptions) => {
      const { train } = await import("./cli-train-run.ts"); // its libraries would slow down every other command
      await train(file, options);
    });
}

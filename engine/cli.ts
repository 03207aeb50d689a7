#!/usr/bin/env -S node --max-semi-space-size=64
/**
 * The command line: `millrace serve`, `models`, `keys`, `train`, `jobs`, `reference`, `features`, `drift`, `monitor`, `labels`,
 * `alerts`, `slo`, `retrain`, `publish`, `simulate` and `demo`. Errors say what to do, in one line, and exit with 1.
 */
import { Command } from "commander";
import { alertsCommand } from "./cli-alerts.ts";
import { demoCommand } from "./cli-demo.ts";
import { driftCommand } from "./cli-drift.ts";
import { featuresCommand } from "./cli-features.ts";
import { jobsCommand } from "./cli-jobs.ts";
import { keysCommand } from "./cli-keys.ts";
import { labelsCommand } from "./cli-labels.ts";
import { modelsCommand } from "./cli-models.ts";
import { monitorCommand } from "./cli-monitor.ts";
import { publishCommand } from "./cli-publish.ts";
import { referenceCommand } from "./cli-reference.ts";
import { retrainCommand } from "./cli-retrain.ts";
import { serveCommand } from "./cli-serve.ts";
import { simulateCommand } from "./cli-simulate.ts";
import { sloCommand } from "./cli-slo.ts";
import { trainCommand } from "./cli-train.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import { VERSION } from "./version.ts";

const program = new Command("millrace")
  .description(
    "A streaming prediction engine: events in over NATS or HTTP, predictions out, every prediction in ClickHouse.",
  )
  .version(VERSION)
  .enablePositionalOptions() // the options of `publish features` are not those of `publish`
  .addCommand(serveCommand())
  .addCommand(modelsCommand())
  .addCommand(keysCommand())
  .addCommand(trainCommand())
  .addCommand(referenceCommand())
  .addCommand(featuresCommand())
  .addCommand(driftCommand())
  .addCommand(monitorCommand())
  .addCommand(retrainCommand())
  .addCommand(jobsCommand())
  .addCommand(labelsCommand())
  .addCommand(alertsCommand())
  .addCommand(publishCommand())
  .addCommand(simulateCommand())
  .addCommand(demoCommand())
  .addCommand(sloCommand());
pointToHelp(program);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`millrace: ${messageOf(error)}`);
  if (error instanceof EngineError)
    for (const { field, message } of error.details.slice(1)) console.error(`  ${field}: ${message}`);
  else if (error instanceof Error && process.env["MILLRACE_LOG_LEVEL"] === "debug")
    console.error(error.stack);
  process.exitCode = 1;
}

/** Subcommands that are added whole do not inherit this. */
function pointToHelp(command: Command): void {
  command.showHelpAfterError("(millrace --help shows what there is)");
  for (const subcommand of command.commands) pointToHelp(subcommand);
}

#!/usr/bin/env -S node --max-semi-space-size=64
/**
 * The command line, `millrace`: reads what is asked for and runs that command. Errors say what to do, in one line, and exit with 1.
 */
import { Command } from "commander";
import { COMMANDS } from "./cli-commands.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import { VERSION } from "./version.ts";

const program = new Command("millrace")
  .description(
    "A streaming prediction engine: events in over NATS or HTTP, predictions out, every prediction in ClickHouse.",
  )
  .version(VERSION)
  .enablePositionalOptions(); // the options of `publish features` are not those of `publish`
const asked = process.argv.slice(2).find((word) => Object.hasOwn(COMMANDS, word));
for (const [name, { about, load }] of Object.entries(COMMANDS))
  program.addCommand((name === asked ? await load() : new Command(name)).description(about));
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

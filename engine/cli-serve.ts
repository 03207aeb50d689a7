/**
 * `millrace serve`: starts the engine, says when it is ready and what to try, and stops it on a signal.
 */
import { Command, InvalidArgumentError } from "commander";
import type { Engine } from "./app.ts";
import { readConfig, SETTINGS } from "./core/config.ts";
import { createLogger, type Logger } from "./core/log.ts";
import { ROLES, type Role } from "./core/roles.ts";

/** Longer than all waits of an orderly stop together. */
const STOP_MS_MAX = 35_000;
/** From an error at the start, which is told at once, to the exit. */
const FAILED_MS = 1_000;

export function serveCommand(): Command {
  const settings = Object.values(SETTINGS).map(({ env, about }) => `  ${env.padEnd(32)}${about}`);
  return new Command("serve")
    .option("--roles <roles>", `comma-separated: ${ROLES.join(", ")}`, parseRoles, [...ROLES])
    .option("--sample", "put the sample model into production if there is no model yet")
    .addHelpText("after", `\nSettings, from the environment:\n${settings.join("\n")}`)
    .action(async ({ roles, sample }: { roles: Role[]; sample?: boolean }) => serve(roles, sample === true));
}

function parseRoles(text: string): Role[] {
  const names = text.split(",").map((name) => name.trim());
  const roles = ROLES.filter((role) => names.includes(role));
  if (roles.length === 0 || roles.length !== names.length)
    throw new InvalidArgumentError(`roles are ${ROLES.join(" and ")}`);
  return roles;
}

async function serve(roles: readonly Role[], withSample: boolean): Promise<void> {
  const isChild = process.env["MILLRACE_CONTROL_CHILD"] === "1";
  if (isChild) await beginAsChild();
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  const { startEngine, untilReady } = await import("./app.ts");
  const engine = await startEngine(config, roles, logger).catch((error: unknown) => {
    setTimeout(() => process.exit(1), FAILED_MS).unref(); // connections of what had begun to start may hold it up
    throw error;
  });
  stopOnSignal(engine, logger);
  if (isChild) process.send?.("ready");
  const { dataPlane } = engine;
  if (dataPlane === undefined) return;
  if (withSample) await (await import("./cli-sample.ts")).installSample(dataPlane, config);
  if (roles.includes("control")) await untilReady(dataPlane);
  console.log(await (await import("./cli-banner.ts")).banner(config, engine, dataPlane));
}

/** A control plane whose parent is gone ends by itself. What it needs is loaded while the parent still starts the services. */
async function beginAsChild(): Promise<void> {
  process.on("disconnect", () => process.exit(0));
  const { untilServicesAreKnown } = await import("./app-control-child.ts");
  await Promise.all([untilServicesAreKnown(), import("./app-standby.ts")]);
  process.channel?.unref(); // one that cannot start ends
}

/** A second signal ends the process at once. */
function stopOnSignal(engine: Engine, logger: Logger): void {
  let isStopping = false;
  const stop = (why: string): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info({ why }, "stopping");
    setTimeout(() => giveUpStopping(logger), STOP_MS_MAX).unref();
    engine.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, "stopping failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
}

/** A thread that hangs in native code cannot be ended and holds up the exit; what is answered is in the log already. */
function giveUpStopping(logger: Logger): void {
  logger.error({ afterMs: STOP_MS_MAX }, "stopping takes too long, ending at once");
  process.kill(process.pid, "SIGKILL");
}

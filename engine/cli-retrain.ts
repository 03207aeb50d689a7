/**
 * `millrace retrain`: retraining of a running engine's models, over its REST API.
 */
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import { MODEL_NAME } from "./core/names.ts";

interface Options {
  readonly url: string;
  readonly reason?: string;
  readonly json?: boolean;
}

interface Job {
  readonly job_id: string;
  readonly state: string;
  readonly cause: string;
  readonly requested_at: string;
  readonly deadline: string;
  readonly note?: string;
}

interface Status {
  readonly model_name: string;
  readonly job: Job | null;
  readonly is_in_flight: boolean;
  readonly jobs_today: number;
  readonly next_scheduled_at: string | null;
  readonly quality_incidents: readonly { readonly incident_id: string }[];
  readonly decisions: readonly { readonly at: string; readonly outcome: string; readonly reason: string }[];
}

export function retrainCommand(): Command {
  const retrain = new Command("retrain");
  const add = (parent: Command, usage: string, about: string): Command =>
    withUrlOption(parent.command(usage).description(about));
  add(retrain, "start <model>", "request a retraining job")
    .option("--reason <text>", "why, kept as the job's evidence")
    .action(async (model: string, { url, reason }: Options) =>
      report((await callEngine(url, "POST", pathOf(model), { reason })) as Status),
    );
  add(retrain, "status <model>", "the newest job, what comes next, and the latest decisions")
    .option("--json", "as JSON, with the policy and all evidence")
    .action(async (model: string, { url, json }: Options) => {
      const status = (await callEngine(url, "GET", pathOf(model))) as Status;
      if (json === true) console.log(JSON.stringify(status, null, 2));
      else report(status);
    });
  add(retrain, "cancel <model>", "call off the job in flight")
    .option("--reason <text>", "why, kept with the job")
    .action(async (model: string, { url, reason }: Options) =>
      report((await callEngine(url, "POST", `${pathOf(model)}/cancel`, { reason })) as Status),
    );
  const policy = retrain.command("policy").description("when models are retrained");
  add(policy, "apply <file>", "set the policy of the model that <file> names, JSON").action(applyPolicy);
  return retrain;
}

async function applyPolicy(file: string, { url }: Options): Promise<void> {
  const policy = await readPolicy(file);
  const name = (policy as { model_name?: unknown } | null)?.model_name;
  if (typeof name !== "string" || !MODEL_NAME.test(name))
    throw new EngineError("INVALID_REQUEST", `${file}: model_name: must be the name of a model`);
  await callEngine(url, "PUT", `/models/${encodeURIComponent(name)}/retrain-policy`, policy);
  console.log(`applied the retraining policy of ${name}`);
}

async function readPolicy(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new EngineError("INVALID_REQUEST", `${file} cannot be read as JSON: ${messageOf(error)}`);
  }
}

function report(status: Status): void {
  const { model_name, job, is_in_flight, jobs_today, next_scheduled_at, quality_incidents, decisions } =
    status;
  console.log(model_name);
  if (job === null) console.log("  no job yet");
  else {
    const until = is_in_flight ? `, until ${job.deadline} at the latest` : "";
    console.log(`  job ${job.job_id}: ${job.state}, for ${job.cause}, requested ${job.requested_at}${until}`);
    if (job.note !== undefined) console.log(`  ${job.note}`);
  }
  console.log(`  ${jobs_today} requested today (UTC), next scheduled ${next_scheduled_at ?? "never"}`);
  for (const { incident_id } of quality_incidents)
    console.log(`  data-quality incident ${incident_id} is open`);
  for (const { at, outcome, reason } of decisions) console.log(`  ${at}  ${outcome.padEnd(10)} ${reason}`);
}

function pathOf(model: string): string {
  return `/models/${encodeURIComponent(model)}/retrain`;
}

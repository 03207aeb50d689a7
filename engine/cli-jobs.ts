/**
 * `millrace jobs`: training jobs of a running engine, over its REST API.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { verdictLines } from "./cli-comparison-table.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { printTable } from "./cli-table.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import type { GateVerdict } from "./train/gate/gate-verdict.ts";
import type { JobView } from "./train/training-jobs.ts";

const PATH = "/api/v1/training";
const LOOK_MS = 1_000;

interface Options {
  readonly url: string;
  readonly json?: boolean;
  readonly reason?: string;
  readonly by?: string;
  readonly follow?: boolean;
  readonly model?: string;
  readonly limit?: string;
}

export function jobsCommand(): Command {
  const jobs = new Command("jobs");
  const add = (usage: string, about: string): Command =>
    withUrlOption(jobs.command(usage).description(about)).option("--json", "as JSON");
  add("start <spec>", "start a job as the file <spec> says, JSON")
    .option("--reason <text>", "why, kept as the job's evidence")
    .option("--by <name>", "who asks for it, kept with the job")
    .option("--follow", "wait for its end, and show what it does")
    .action(async (file: string, options: Options) => {
      const spec = { ...(await readSpec(file)), reason: options.reason, requested_by: options.by };
      const job = (await callEngine(options.url, "POST", `${PATH}/start`, spec)) as JobView;
      await show(job, options);
    });
  add("show <job_id>", "what a job is doing, or what came of it")
    .option("--follow", "wait for its end, and show what it does")
    .action(async (jobId: string, options: Options) => show(await statusOf(options.url, jobId), options));
  add("cancel <job_id>", "call a job off")
    .option("--reason <text>", "why, kept with the job")
    .action(async (jobId: string, options: Options) => {
      const path = `${PATH}/${encodeURIComponent(jobId)}/cancel`;
      await show((await callEngine(options.url, "POST", path, { reason: options.reason })) as JobView, {
        ...options,
        follow: false,
      });
    });
  add("list", "jobs in flight, and those that ended, the newest first")
    .option("--model <name>", "of this model only")
    .option("--limit <n>", "ended ones, at most", "20")
    .action(list);
  return jobs;
}

async function statusOf(url: string, jobId: string): Promise<JobView> {
  return (await callEngine(url, "GET", `${PATH}/${encodeURIComponent(jobId)}/status`)) as JobView;
}

async function readSpec(file: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
  } catch (error) {
    throw new EngineError("INVALID_REQUEST", `${file} cannot be read as JSON: ${messageOf(error)}`);
  }
}

async function list({ url, json, model, limit }: Options): Promise<void> {
  const asked = new URLSearchParams({ limit: limit ?? "20", ...(model === undefined ? {} : { model }) });
  const active = (await callEngine(url, "GET", `${PATH}/jobs/active`)) as { readonly jobs: JobView[] };
  const ended = (await callEngine(url, "GET", `${PATH}/jobs?${asked.toString()}`)) as {
    readonly jobs: JobView[];
  };
  const all = [
    ...active.jobs.filter((job) => model === undefined || job.model_name === model),
    ...ended.jobs,
  ];
  if (json === true) console.log(JSON.stringify(all, null, 2));
  else if (all.length === 0) console.log("no training jobs yet: millrace jobs start <spec>");
  else
    printTable([
      ["job", "model", "status", "outcome", "cause", "requested"],
      ...all.map((job) => [
        job.job_id,
        job.model_name,
        job.status,
        ("outcome" in job && job.outcome) || "",
        job.cause,
        job.requested_at,
      ]),
    ]);
}

/** Prints the job; with --follow every change of it until it has ended. A job that failed is an error. */
async function show(first: JobView, { url, json, follow }: Options): Promise<void> {
  const job = follow === true ? await ended(url, first) : first;
  console.log(json === true ? JSON.stringify(job, null, 2) : summaryOf(job).join("\n"));
  if (follow === true && job.status !== "COMPLETED") process.exitCode = 1;
}

/** The job when it has ended; says meanwhile what it does. */
async function ended(url: string, first: JobView): Promise<JobView> {
  let job = first;
  let told = "";
  while (job.status === "QUEUED" || job.status === "RUNNING") {
    const line = `${job.status}${job.stage === null ? "" : ` ${job.stage}`} ${job.progress} %`;
    if (line !== told) process.stderr.write(`${line}\n`);
    told = line;
    await delay(LOOK_MS);
    job = await statusOf(url, job.job_id);
  }
  return job;
}

/** Of a job whose model was judged, with the gate's checks. */
export function summaryOf(job: JobView): string[] {
  const lines = [
    `job ${job.job_id}`,
    `  ${job.model_name}: ${job.status}, for ${job.cause}, requested ${job.requested_at}`,
  ];
  if (job.stage !== null && job.stage !== undefined && job.status === "RUNNING")
    lines.push(
      `  ${job.stage}, ${job.progress} %, done at about ${job.estimated_completion ?? "(not known yet)"}`,
    );
  if (!("attempt" in job)) return lines;
  if (job.outcome !== null) lines.push(`  ${job.outcome}: ${job.model_version ?? "no new version"}`);
  if (job.error !== null) lines.push(`  ${job.error.code}: ${job.error.message}`);
  if (job.gate !== null) lines.push("", ...verdictLines(job.gate as unknown as GateVerdict), "");
  for (const { at, level, message } of job.logs.slice(-10))
    lines.push(`  ${at} ${level.padEnd(5)} ${message}`);
  return lines;
}

/**
 * `millrace models deploy`: takes a version live in the way that is asked for.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { callEngine } from "./cli-http.ts";
import { type ListedModel, reportModel } from "./cli-model-table.ts";

interface Options {
  readonly url: string;
  readonly strategy: string;
  readonly steps?: readonly Step[];
  readonly errorRate?: number;
  readonly latencyRatio?: number;
  readonly latencyMs?: number;
  readonly rowsMin?: number;
  readonly reason?: string;
  readonly by?: string;
}

interface Step {
  readonly share: number;
  readonly duration: string;
}

export function deployCommand(): Command {
  return new Command("deploy")
    .argument("<name>")
    .argument("<version>")
    .description("take a version live: staging, direct, or canary by steps with automatic rollback")
    .addOption(
      new Option("--strategy <strategy>", "how")
        .choices(["none", "staging", "direct", "canary"])
        .default("canary"),
    )
    .option("--steps <steps>", "of a canary: shares and durations, as 5%:10m,25%:10m", parseSteps)
    .option("--error-rate <share>", "failed rows it may have beyond the champion's", Number)
    .option("--latency-ratio <ratio>", "its p99 of latency over the champion's, at most", Number)
    .option("--latency-ms <ms>", "its p99 of latency, at most", Number)
    .option("--rows-min <rows>", "rows that it must have answered in a step before the next one", Number)
    .action(deploy);
}

async function deploy(name: string, version: string, options: Options): Promise<void> {
  const { url, strategy, steps, errorRate, latencyRatio, latencyMs, rowsMin, reason, by } = options;
  const limits = {
    error_rate: errorRate,
    latency_p99_ratio: latencyRatio,
    latency_p99_ms: latencyMs,
    rows_min: rowsMin,
  };
  const given = Object.values(limits).some((limit) => limit !== undefined) ? { limits } : {};
  const path = `/api/v1/models/deploy/${encodeURIComponent(`${name}@${version}`)}`;
  const body = { strategy, steps, ...given, reason, requested_by: by };
  reportModel((await callEngine(url, "POST", path, body)) as ListedModel);
}

function parseSteps(text: string): Step[] {
  return text.split(",").map((step) => {
    const [, percent, duration] = /^([\d.]+)%:(\w+)$/.exec(step.trim()) ?? [];
    if (percent === undefined || duration === undefined)
      throw new InvalidArgumentError("steps are shares and durations, as 5%:10m,25%:10m");
    return { share: Number(percent) / 100, duration };
  });
}

/**
 * What a training job takes from the answers beside it: HTTP, one row of 30 features, with a job that trains all the while and without,
 * in turn. Load, engine, NATS, sink, ClickHouse and the training process share the same cores.
 */
import { median } from "simple-statistics";
import type { TrainingJob } from "../engine/core/training-job.ts";
import type { TestEngine } from "../test/support/engine.ts";
import { eventually } from "../test/support/eventually.ts";
import type { LoadResult } from "./load/job.ts";
import { runLoad } from "./load/run-load.ts";
import { failuresOf } from "./load/subject.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const ROUNDS = 3;
const CONNECTIONS = [1, 16] as const;
const WARM_UP_SECONDS = 3;
const JOB_MS_MAX = 60_000;
/** Long enough to outlast every measurement: it is cancelled. */
const JOB = {
  model_name: "beside",
  parameters: { n_estimators: 5_000, num_leaves: 127, learning_rate: 0.01, early_stopping_rounds: 0 },
  data: {
    source: "query",
    sql: `SELECT ${Array.from({ length: 20 }, (_, at) => `cityHash64(number, ${at}) % 10007 AS f${at}`).join(", ")},
      if((f0 + f1 + cityHash64(number) % 9000) > 14500, 'yes', 'no') AS outcome FROM numbers(200000)`,
    label_column: "outcome",
  },
  validation: { method: "holdout" },
};

interface Measured {
  readonly subject: string;
  readonly connections: number;
  readonly loads: LoadResult[];
}

export async function benchSlowdown(seconds: number): Promise<Report> {
  const bodies = [await requestBody()];
  await using engine = await startBenchEngine();
  const url = `${engine.httpUrl}/predict`;
  await runLoad({ url, bodies, connections: 16, seconds: WARM_UP_SECONDS });
  const measured: Measured[] = ["without", "with"].flatMap((subject) =>
    CONNECTIONS.map((connections) => ({ subject, connections, loads: [] })),
  );
  const measure = async (subject: string): Promise<void> => {
    for (const one of measured)
      if (one.subject === subject)
        one.loads.push(await runLoad({ url, bodies, connections: one.connections, seconds }));
  };
  for (let turn = 0; turn < ROUNDS; turn++) {
    await measure("without");
    const jobId = await startTraining(engine);
    await measure("with");
    await endTraining(engine, jobId);
  }
  return toReport(measured);
}

async function startTraining(engine: TestEngine): Promise<string> {
  const answer = await engine.post("/api/v1/training/start", JOB);
  const { job_id } = (await answer.json()) as { job_id: string };
  const isTraining = async (): Promise<boolean> => (await jobOf(engine, job_id)).stage === "TRAINING";
  await eventually("the job trains", isTraining, JOB_MS_MAX);
  return job_id;
}

/** @throws Error when it has ended by itself: then nothing was measured. */
async function endTraining(engine: TestEngine, jobId: string): Promise<void> {
  const { status, error } = await jobOf(engine, jobId);
  if (status !== "RUNNING") throw new Error(`the job is ${status} before its time: ${error?.message}`);
  await engine.post(`/api/v1/training/${jobId}/cancel`, {});
  const hasEnded = async (): Promise<boolean> => (await jobOf(engine, jobId)).status === "CANCELLED";
  await eventually("the job has ended", hasEnded, JOB_MS_MAX);
}

async function jobOf(engine: TestEngine, jobId: string): Promise<TrainingJob> {
  return (await (await engine.get(`/api/v1/training/${jobId}/status`)).json()) as TrainingJob;
}

function toReport(measured: readonly Measured[]): Report {
  const middle = ({ loads }: Measured, of: (load: LoadResult) => number): number => median(loads.map(of));
  const rows = measured.map((one) => ({
    subject: `${one.subject} a job, ${one.connections} connections`,
    "requests/s": Math.round(middle(one, (load) => load.rate)),
    "p50 ms": round(
      middle(one, (load) => load.latency.p50),
      3,
    ),
    "p99 ms": round(
      middle(one, (load) => load.latency.p99),
      3,
    ),
    errors: one.loads.reduce((sum, load) => sum + failuresOf(load), 0),
  }));
  const ratios: Record<string, number> = {};
  for (const connections of CONNECTIONS) {
    const [without, beside] = measured.filter((one) => one.connections === connections) as [
      Measured,
      Measured,
    ];
    const ratio = (of: (load: LoadResult) => number): number =>
      round(middle(beside, of) / middle(without, of));
    ratios[`requests/s with a job / without, ${connections} connections (higher is better)`] = ratio(
      (load) => load.rate,
    );
    ratios[`p50 with a job / without, ${connections} connections (lower is better)`] = ratio(
      (load) => load.latency.p50,
    );
    ratios[`p99 with a job / without, ${connections} connections (lower is better)`] = ratio(
      (load) => load.latency.p99,
    );
  }
  return { title: "Answers while a job trains, one row of 30 features, 100 trees", rows, ratios };
}

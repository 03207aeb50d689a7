/**
 * The history of training in ClickHouse: a row of `training_jobs` per job that has ended, and one of `trials` per trial of its search.
 *
 * Each job is there once, however often it is inserted: trials first, the job last, each insert under a token, and nothing of a job that
 * is there. Read again, a job has the shape of its document, without what no table keeps: logs, losses of trials, details of an error.
 * Bound: LISTED_MAX jobs in a list.
 */

import { utcText } from "../engine/core/retrain-request.ts";
import type { TrainingJob, TrainingTrial } from "../engine/core/training-job.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { insertObjects } from "./insert-block.ts";
import { QueryParams } from "./query-params.ts";

export const LISTED_MAX = 1_000;

type Row = Readonly<Record<string, unknown>>;

/** What `training_jobs` has of a job; JSON and what may be missing as texts, "" and "{}" for nothing. */
type JobRow = Readonly<
  Pick<TrainingJob, "job_id" | "model_name" | "status" | "cause" | "requested_by" | "attempt"> &
    Record<
      "outcome" | "parent_version" | "model_version" | "spec" | "data" | "metrics" | "gate" | "error",
      string
    >
> & {
  readonly requested_ms: number;
  readonly started_ms: number | null;
  readonly ended_ms: number;
};

type TrialRow = Readonly<Pick<TrainingTrial, "trial" | "state" | "value" | "values_per_fold">> & {
  readonly job_id: string;
  readonly parameters: string;
  readonly seconds: number;
  readonly reason: string;
};

export interface TrainingFilter {
  readonly model?: string | undefined;
  readonly limit: number;
}

const STARTED = "ended_date - toIntervalMillisecond(toInt64(round(training_seconds * 1000)))";
const COLUMNS = `toString(job_id) AS job_id, model_name, status, outcome, cause, requested_by,
  toUnixTimestamp64Milli(requested_date)::Float64 AS requested_ms,
  if(training_seconds = 0, NULL, toUnixTimestamp64Milli(${STARTED})::Float64) AS started_ms,
  toUnixTimestamp64Milli(ended_date)::Float64 AS ended_ms,
  attempt, parent_version, model_version, spec, data, metrics, gate, error`;

export class TrainingHistory {
  readonly #client: ClickHouse;
  readonly #database: string;

  constructor(client: ClickHouse, database: string) {
    this.#client = client;
    this.#database = database;
  }

  /** Keeps a job that has ended. @throws the client's error. */
  async keep(job: TrainingJob): Promise<void> {
    if ((await this.find(job.job_id)) !== undefined) return;
    await this.#insert("trials", trialRows(job), job.job_id);
    await this.#insert("training_jobs", [jobRow(job)], job.job_id);
  }

  /** @throws EngineError SERVICE_UNAVAILABLE */
  async find(jobId: string): Promise<TrainingJob | undefined> {
    const params = new QueryParams();
    const query = `SELECT ${COLUMNS} FROM ${this.#database}.training_jobs AS jobs WHERE jobs.job_id = ${params.bind(jobId, "UUID")} LIMIT 1`;
    const [job] = await this.#jobs(query, params);
    return job;
  }

  /** The newest first. @throws EngineError SERVICE_UNAVAILABLE */
  async list({ model, limit }: TrainingFilter): Promise<TrainingJob[]> {
    const params = new QueryParams();
    const where = model === undefined ? "1" : `model_name = ${params.text(model)}`;
    const query = `SELECT ${COLUMNS} FROM ${this.#database}.training_jobs WHERE ${where}
      ORDER BY requested_date DESC, job_id LIMIT ${params.bind(Math.min(limit, LISTED_MAX), "UInt64")}`;
    return this.#jobs(query, params);
  }

  async #jobs(query: string, params: QueryParams): Promise<TrainingJob[]> {
    const rows = await selectRows<JobRow>(this.#client, query, { ...params.values });
    if (rows.length === 0) return [];
    const ids = rows.map(({ job_id }) => `'${job_id}'`).join(", "); // as ClickHouse wrote them
    const trials = await selectRows<TrialRow>(
      this.#client,
      `SELECT toString(trials.job_id) AS job_id, trial, parameters, state, value, values_per_fold, seconds, reason
        FROM ${this.#database}.trials AS trials WHERE trials.job_id IN (${ids}) ORDER BY trial`,
    );
    const byJob = new Map(rows.map(({ job_id }): [string, TrialRow[]] => [job_id, []]));
    for (const trial of trials) byJob.get(trial.job_id)?.push(trial);
    return rows.map((row) => toJob(row, byJob.get(row.job_id) ?? []));
  }

  async #insert(table: string, values: readonly Row[], token: string): Promise<void> {
    if (values.length > 0) await insertObjects(this.#client, `${this.#database}.${table}`, values, token);
  }
}

function toJob(row: JobRow, trials: readonly TrialRow[]): TrainingJob {
  const { outcome, error, spec, data, metrics, gate, requested_ms, started_ms, ended_ms, ...rest } = row;
  const endedAt = utcText(ended_ms);
  const [code = "", ...message] = error.split(": ");
  return {
    ...rest,
    stage: null,
    progress: row.status === "COMPLETED" ? 100 : 0,
    estimated_completion: null,
    requested_at: utcText(requested_ms),
    started_at: started_ms === null ? null : utcText(started_ms),
    updated_at: endedAt,
    ended_at: endedAt,
    parent_version: row.parent_version || null,
    model_version: row.model_version || null,
    outcome: (outcome || null) as TrainingJob["outcome"],
    spec: objectOf(spec),
    data: objectOf(data),
    metrics: objectOf(metrics),
    gate: objectOf(gate),
    trials: trials.map(({ job_id: _id, parameters, seconds, reason, ...trial }) => ({
      ...trial,
      parameters: objectOf(parameters) ?? {},
      losses: [],
      duration_ms: seconds * 1000,
      ...(reason === "" ? {} : { reason }),
    })),
    error: error === "" ? null : { code, message: message.join(": "), details: [] },
    logs: [],
  };
}

/** Null for "{}", as which nothing is kept. */
function objectOf(json: string): Record<string, unknown> | null {
  return json === "{}" ? null : (JSON.parse(json) as Record<string, unknown>);
}

function jobRow(job: TrainingJob): Row {
  const { spec, data } = job;
  const startedMs = job.started_at === null ? Number.NaN : Date.parse(job.started_at);
  const endedAt = job.ended_at ?? job.updated_at;
  return {
    job_id: job.job_id,
    model_name: job.model_name,
    status: job.status,
    outcome: job.outcome ?? "",
    cause: job.cause,
    model_type: textOf(spec?.["model_type"]),
    mode: textOf(spec?.["mode"]),
    requested_by: job.requested_by,
    requested_date: columnTime(job.requested_at),
    ended_date: columnTime(endedAt),
    training_seconds: Number.isNaN(startedMs) ? 0 : (Date.parse(endedAt) - startedMs) / 1000,
    attempt: job.attempt,
    parent_version: job.parent_version ?? "",
    model_version: job.model_version ?? "",
    data_fingerprint: textOf(data?.["fingerprint"]),
    trials: job.trials.length,
    spec: jsonOf(spec),
    data: jsonOf(data),
    metrics: jsonOf(job.metrics),
    gate: jsonOf(job.gate),
    error: job.error === null ? "" : `${job.error.code}: ${job.error.message}`,
  };
}

function trialRows({ job_id, model_name, trials }: TrainingJob): Row[] {
  return trials.map(({ trial, parameters, state, value, values_per_fold, duration_ms, reason }) => ({
    job_id,
    model_name,
    trial,
    parameters: jsonOf(parameters),
    state,
    value,
    values_per_fold,
    seconds: duration_ms / 1000,
    reason: reason ?? "",
  }));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function jsonOf(value: unknown): string {
  return value === null || value === undefined ? "{}" : JSON.stringify(value);
}

/** ISO 8601 in UTC as ClickHouse reads it. */
function columnTime(iso: string): string {
  return iso.replace("T", " ").replace("Z", "");
}

/**
 * The history of training in ClickHouse: a row of `training_jobs` per job that has ended, and one of `trials` per trial of its search.
 *
 * Each job is there once, however often it is inserted: trials first, the job last, each insert under a token, and nothing of a job that
 * is there. Bound: LISTED_MAX jobs in a list.
 */
import type { TrainingJob } from "../engine/core/training-job.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { insertObjects } from "./insert-block.ts";
import { QueryParams } from "./query-params.ts";

export const LISTED_MAX = 1_000;

/** A job as `training_jobs` has it; times as ISO 8601, null before there was one. */
export type TrainingRow = Readonly<Record<string, unknown>>;

export interface TrainingFilter {
  readonly model?: string | undefined;
  readonly limit: number;
}

const COLUMNS = `toString(job_id) AS job_id, model_name, status, outcome, cause, model_type, mode, requested_by,
  formatDateTime(requested_date, '%Y-%m-%dT%H:%i:%S.%fZ') AS requested_at,
  formatDateTime(ended_date, '%Y-%m-%dT%H:%i:%S.%fZ') AS ended_at,
  training_seconds, attempt, parent_version, model_version, data_fingerprint, trials, spec, data, metrics, gate, error`;

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
  async find(jobId: string): Promise<TrainingRow | undefined> {
    const params = new QueryParams();
    const query = `SELECT ${COLUMNS} FROM ${this.#database}.training_jobs AS jobs WHERE jobs.job_id = ${params.bind(jobId, "UUID")} LIMIT 1`;
    const [row] = await selectRows<Record<string, unknown>>(this.#client, query, { ...params.values });
    return row;
  }

  /** The newest first. @throws EngineError SERVICE_UNAVAILABLE */
  async list({ model, limit }: TrainingFilter): Promise<TrainingRow[]> {
    const params = new QueryParams();
    const where = model === undefined ? "1" : `model_name = ${params.text(model)}`;
    const query = `SELECT ${COLUMNS} FROM ${this.#database}.training_jobs WHERE ${where}
      ORDER BY requested_date DESC, job_id LIMIT ${params.bind(Math.min(limit, LISTED_MAX), "UInt64")}`;
    return selectRows<Record<string, unknown>>(this.#client, query, { ...params.values });
  }

  async #insert(table: string, values: readonly TrainingRow[], token: string): Promise<void> {
    if (values.length > 0) await insertObjects(this.#client, `${this.#database}.${table}`, values, token);
  }
}

function jobRow(job: TrainingJob): TrainingRow {
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

function trialRows({ job_id, model_name, trials }: TrainingJob): TrainingRow[] {
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

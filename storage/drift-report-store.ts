/**
 * The `drift_reports` table: a window's report is inserted as a whole, once, with the state of incidents after it; whoever
 * starts goes on behind the last one.
 */
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { ONE_BLOCK } from "./insert-block.ts";
import { runningInserts } from "./row-store.ts";

/** A row of the table, in its columns' names. */
export type DriftReportRow = Readonly<Record<string, unknown>>;

export interface LatestReport {
  readonly variant: string;
  readonly windowEndMs: number;
  /** JSON. */
  readonly state: string;
}

export class DriftReportStore {
  readonly #client: ClickHouse;
  readonly #table: string;

  constructor(client: ClickHouse, database: string) {
    this.#client = client;
    this.#table = `${database}.drift_reports`;
  }

  /** All or none; the same token again inserts nothing. */
  async insert(rows: readonly DriftReportRow[], token: string): Promise<void> {
    await this.#client.insert({
      table: this.#table,
      values: [...rows],
      format: "JSONEachRow",
      clickhouse_settings: { ...ONE_BLOCK, insert_deduplication_token: token },
    });
  }

  async runningInserts(): Promise<number> {
    return runningInserts(this.#client, this.#table);
  }

  /** The last report of each variant of a version. @throws EngineError SERVICE_UNAVAILABLE */
  async latest(model: string, version: string): Promise<LatestReport[]> {
    const rows = await selectRows<{ variant: string; endS: number; state: string }>(
      this.#client,
      `SELECT variant, toUnixTimestamp(max(window_end)) AS endS, argMax(state, window_end) AS state FROM ${this.#table}
       WHERE model_name = {model:String} AND model_version = {version:String} AND role = 'window'
       GROUP BY variant`,
      { model, version },
    );
    return rows.map(({ variant, endS, state }) => ({ variant, windowEndMs: endS * 1000, state }));
  }

  /** The last report of each version and variant of a model, as a whole. @throws EngineError SERVICE_UNAVAILABLE */
  async overview(model: string): Promise<(Readonly<Record<string, unknown>> & { readonly state: string })[]> {
    return selectRows(
      this.#client,
      `SELECT model_version, variant, reference_id, window_start, window_end, rows, reference_rows, verdict, is_critical, problems,
         detector_rows, detector_rows_left_out, detector_alarms, state
       FROM ${this.#table} WHERE model_name = {model:String} AND role = 'window'
       ORDER BY window_end DESC LIMIT 1 BY model_version, variant`,
      { model },
    );
  }
}

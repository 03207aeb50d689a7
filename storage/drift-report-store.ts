/**
 * The `drift_reports` table: a window's report is inserted as a whole, once, with the state of incidents after it; whoever
 * starts goes on behind the last one.
 */
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { insertObjects } from "./insert-block.ts";
import { runningInserts } from "./row-store.ts";

/** A row of the table, in its columns' names. */
export type DriftReportRow = Readonly<Record<string, unknown>>;

/** A column's measures in a report, or of the window as a whole its rows alone. */
export interface ReportMeasures extends Readonly<Record<string, unknown>> {
  readonly role: "window" | "input" | "output";
  readonly feature: string;
  readonly rows: number;
  readonly psi_corrected: number | null;
  readonly ks_low: number | null;
  readonly jensen_shannon: number | null;
  readonly kl: number | null;
  readonly wasserstein: number | null;
  readonly chi_square: number | null;
  readonly null_rate: number | null;
  readonly unseen_rate: number | null;
}

export interface LatestReport {
  readonly variant: string;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** JSON. */
  readonly state: string;
  /** That of the window, then those of its columns by name. */
  readonly rows: readonly ReportMeasures[];
}

interface LatestRow extends ReportMeasures {
  readonly variant: string;
  readonly start_s: number;
  readonly end_s: number;
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
    await insertObjects(this.#client, this.#table, rows, token);
  }

  async runningInserts(): Promise<number> {
    return runningInserts(this.#client, this.#table);
  }

  /** The last report of each variant of a version. @throws EngineError SERVICE_UNAVAILABLE */
  async latest(model: string, version: string): Promise<LatestReport[]> {
    const rows = await selectRows<LatestRow>(
      this.#client,
      `SELECT variant, toUnixTimestamp(window_start) AS start_s, toUnixTimestamp(window_end) AS end_s, state, role, feature, rows,
         psi_corrected, ks_low, jensen_shannon, kl, wasserstein, chi_square, null_rate, unseen_rate
       FROM ${this.#table}
       WHERE model_name = {model:String} AND model_version = {version:String} AND (variant, window_end) IN (
         SELECT variant, max(window_end) FROM ${this.#table}
         WHERE model_name = {model:String} AND model_version = {version:String} AND role = 'window' GROUP BY variant)
       ORDER BY variant, role, feature SETTINGS output_format_json_quote_64bit_integers = 0`,
      { model, version },
    );
    const variants = [...new Set(rows.map(({ variant }) => variant))];
    return variants.flatMap((variant) => {
      const own = rows.filter((row) => row.variant === variant);
      const window = own.find(({ role }) => role === "window");
      if (window === undefined) return [];
      const { start_s, end_s, state } = window;
      return [
        {
          variant,
          windowStartMs: start_s * 1000,
          windowEndMs: end_s * 1000,
          state,
          rows: own,
        },
      ];
    });
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

/**
 * The history of alerts in ClickHouse: one row per change, and what they are at present.
 *
 * A row is told by alert and number. One that is inserted twice, which its token prevents nearly always, is read once: merges
 * of the table are not relied on. Bound: LISTED_MAX alerts in a list, CHANGES_MAX changes of one.
 */
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { insertObjects } from "./insert-block.ts";
import { QueryParams } from "./query-params.ts";

export const LISTED_MAX = 1_000;
const CHANGES_MAX = 1_000;

/** Columns of the table; times as ISO 8601. */
export interface AlertRow {
  readonly alert_id: string;
  readonly change_number: number;
  readonly change: string;
  readonly changed_date: string;
  readonly state: string;
  readonly severity: string;
  readonly rule: string;
  readonly description: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly variant: string;
  readonly columns: readonly string[];
  readonly metric: string;
  readonly operator: string;
  readonly threshold: number;
  readonly value: number;
  readonly window_start: string;
  readonly window_end: string;
  readonly first_window_start: string;
  readonly raised_date: string;
  readonly about: string;
  readonly changed_by: string;
  readonly silence_id: string;
  readonly channel: string;
  readonly detail: string;
}

export interface AlertFilter {
  readonly model?: string | undefined;
  readonly state?: string | undefined;
  /** Alerts that changed at this time or later, ms since 1970. */
  readonly sinceMs?: number | undefined;
}

const TIMES = ["changed_date", "window_start", "window_end", "first_window_start", "raised_date"] as const;

export class AlertHistory {
  readonly #client: ClickHouse;
  readonly #database: string;

  constructor(client: ClickHouse, database: string) {
    this.#client = client;
    this.#database = database;
  }

  /** Stores rows of one alert's changes. @throws the client's error. */
  async insert(rows: readonly AlertRow[]): Promise<void> {
    const [first] = rows;
    const last = rows.at(-1);
    if (first === undefined || last === undefined) return;
    const token = `${first.alert_id}:${first.change_number}-${last.change_number}`;
    await insertObjects(this.#client, `${this.#database}.alerts`, rows, token);
  }

  /** Alerts as their latest change left them, the latest first. @throws EngineError SERVICE_UNAVAILABLE */
  async list({ model, state, sinceMs }: AlertFilter): Promise<AlertRow[]> {
    const params = new QueryParams();
    const asked = [
      model === undefined ? "1" : `model_name = ${params.text(model)}`,
      state === undefined ? "1" : `state = ${params.text(state)}`,
      sinceMs === undefined
        ? "1"
        : `changed_date >= fromUnixTimestamp64Milli(${params.bind(Math.floor(sinceMs), "Int64")})`,
    ];
    const query = `SELECT * FROM ${this.#database}.alerts_current WHERE ${asked.join(" AND ")}
      ORDER BY changed_date DESC, alert_id LIMIT ${LISTED_MAX}`;
    return this.#rows(query, params);
  }

  /** All changes of one alert, oldest first. @throws EngineError SERVICE_UNAVAILABLE */
  async changes(alertId: string): Promise<AlertRow[]> {
    const params = new QueryParams();
    const query = `SELECT * FROM ${this.#database}.alerts WHERE alert_id = ${params.bind(alertId, "UUID")}
      ORDER BY change_number LIMIT 1 BY change_number LIMIT ${CHANGES_MAX}`;
    return this.#rows(query, params);
  }

  async #rows(query: string, params: QueryParams): Promise<AlertRow[]> {
    const rows = await selectRows<Record<string, unknown>>(this.#client, query, { ...params.values });
    return rows.map((row) => {
      const times = TIMES.map((name) => [name, isoOfDateTime(String(row[name]))]);
      return { ...row, ...Object.fromEntries(times) } as AlertRow;
    });
  }
}

/** ClickHouse writes `2026-11-21 10:00:00.000`, in UTC as these columns are. */
function isoOfDateTime(text: string): string {
  return `${text.replace(" ", "T")}Z`;
}

/**
 * The `performance_reports` table: each computation of a window is inserted as a whole, once, under the next number of its version;
 * of the computations of a window the last one counts. Whoever starts goes on behind the last one that is stored.
 */
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { insertObjects } from "./insert-block.ts";
import { QueryParams } from "./query-params.ts";
import { runningInserts } from "./row-store.ts";

const NUMBERS = "SETTINGS output_format_json_quote_64bit_integers = 0";
/** Windows of a model that say what is usual. */
const USUAL_WINDOWS = 100;

export interface StoredWindow {
  readonly endMs: number;
  readonly computedMs: number;
  readonly isMature: boolean;
}

export interface StoredPerformance {
  /** By their ends; each as it was computed last. */
  readonly windows: readonly StoredWindow[];
  /** Number of the last computation, of windows of any length; 0 for none. */
  readonly computation: number;
  /** JSON of the last computation of a window of this length; undefined when there is none. */
  readonly state: string | undefined;
  /** What detectors of errors have come to, of windows of any length. */
  readonly errors: readonly { readonly variant: string /** JSON */; readonly state: string }[];
}

export interface PerformanceQuestion {
  readonly model: string;
  /** Of the windows' ends, ms since 1970: (from, to]. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly version?: string | undefined;
  readonly variant?: string | undefined;
  readonly metric?: string | undefined;
  /** A slice such as country=DE, or a column for all slices by it; empty for all rows. */
  readonly slice: string;
  readonly rowsMax: number;
}

/** In the columns' names; times in seconds since 1970. */
export interface PerformanceRow {
  readonly model_version: string;
  readonly variant: string;
  readonly kind: "realised" | "estimated";
  readonly window_start: number;
  readonly window_end: number;
  readonly slice: string;
  readonly metric: string;
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly reason: string;
  readonly rows: number;
  readonly labelled_rows: number;
  readonly measured_rows: number;
  readonly is_mature: boolean;
  readonly reference_id: string;
  readonly reference_value: number | null;
  readonly reference_gain: number | null;
  readonly reference_gain_low: number | null;
  readonly reference_gain_high: number | null;
  readonly reference_verdict: string;
  readonly champion_version: string;
  readonly champion_value: number | null;
  readonly champion_gain: number | null;
  readonly champion_gain_low: number | null;
  readonly champion_gain_high: number | null;
  readonly champion_verdict: string;
  readonly champion_pairs: number;
  readonly computed: number;
}

export class PerformanceStore {
  readonly #client: ClickHouse;
  readonly #table: string;
  readonly #view: string;

  constructor(client: ClickHouse, database: string) {
    this.#client = client;
    this.#table = `${database}.performance_reports`;
    this.#view = `${database}.performance`;
  }

  /** All or none; the same token again inserts nothing. */
  async insert(rows: readonly Readonly<Record<string, unknown>>[], token: string): Promise<void> {
    await insertObjects(this.#client, this.#table, rows, token);
  }

  async runningInserts(): Promise<number> {
    return runningInserts(this.#client, this.#table);
  }

  /** What is stored of a version's windows of a length. @throws EngineError SERVICE_UNAVAILABLE */
  async load(model: string, version: string, windowMs: number): Promise<StoredPerformance> {
    const ofVersion = "model_name = {model:String} AND model_version = {version:String} AND kind = 'window'";
    const ofLength = `${ofVersion} AND window_end - window_start = {seconds:UInt32}`;
    const bound = { model, version, seconds: windowMs / 1000 };
    const windows = await selectRows<{ endS: number; computedMs: number; isMature: boolean }>(
      this.#client,
      `SELECT toUnixTimestamp(window_end) AS endS, argMax(is_mature, computation) AS isMature,
         toUnixTimestamp64Milli(argMax(computed_date, computation)) AS computedMs
       FROM ${this.#table} WHERE ${ofLength} GROUP BY window_end ORDER BY window_end ${NUMBERS}`,
      bound,
    );
    const [last] = await selectRows<{ number: number; lastState: string }>(
      this.#client,
      `SELECT max(computation) AS number,
         argMaxIf(state, computation, window_end - window_start = {seconds:UInt32}) AS lastState
       FROM ${this.#table} WHERE ${ofVersion} ${NUMBERS}`,
      bound,
    );
    return {
      windows: windows.map(({ endS, computedMs, isMature }) => ({
        endMs: endS * 1000,
        computedMs,
        isMature,
      })),
      computation: last?.number ?? 0,
      state: windows.length === 0 ? undefined : last?.lastState,
      errors: await this.#errorStates(model, version),
    };
  }

  async #errorStates(model: string, version: string): Promise<StoredPerformance["errors"]> {
    return selectRows(
      this.#client,
      `SELECT variant, argMax(state, computation) AS state FROM ${this.#table}
       WHERE model_name = {model:String} AND model_version = {version:String} AND kind = 'errors' GROUP BY variant`,
      { model, version },
    );
  }

  /** What detectors last found among the errors of each version and variant of a model, as a whole. @throws EngineError SERVICE_UNAVAILABLE */
  async latestErrors(model: string): Promise<Readonly<Record<string, unknown>>[]> {
    return selectRows(
      this.#client,
      `SELECT model_version, variant, window_start, window_end, rows, labelled_rows, detector_rows, detector_rows_left_out, detector_alarms
       FROM ${this.#table} WHERE model_name = {model:String} AND kind = 'errors'
       ORDER BY window_end DESC LIMIT 1 BY model_version, variant`,
      { model },
    );
  }

  /**
   * The median of the share of predictions that have a label, over the latest windows of the model that ended before a moment.
   * @returns undefined when there is no such window with labels.
   * @throws EngineError SERVICE_UNAVAILABLE
   */
  async usualShare(model: string, windowMs: number, beforeMs: number): Promise<number | undefined> {
    const [row] = await selectRows<{ windows: number; share: number }>(
      this.#client,
      `SELECT count() AS windows, quantileExact(0.5)(share) AS share FROM (
         SELECT argMax(labelled_rows, computation) / argMax(rows, computation) AS share FROM ${this.#table}
         WHERE model_name = {model:String} AND kind = 'window' AND rows > 0
           AND window_end - window_start = {seconds:UInt32} AND window_end <= toDateTime({before:UInt32}, 'UTC')
         GROUP BY model_version, window_end HAVING share > 0 ORDER BY window_end DESC LIMIT ${USUAL_WINDOWS})
       ${NUMBERS}, output_format_json_quote_denormals = 1`,
      { model, seconds: windowMs / 1000, before: Math.floor(beforeMs / 1000) },
    );
    return row === undefined || row.windows === 0 ? undefined : row.share;
  }

  /**
   * Rows of the view, by window, version, variant, kind and slice; `rowsMax` + 1 of them when there are more.
   * @throws EngineError SERVICE_UNAVAILABLE
   */
  async read(question: PerformanceQuestion): Promise<PerformanceRow[]> {
    const { model, fromMs, toMs, version, variant, metric, slice, rowsMax } = question;
    const params = new QueryParams();
    const second = (ms: number): string =>
      `toDateTime(${params.bind(Math.floor(ms / 1000), "UInt32")}, 'UTC')`;
    const is = (column: string, text: string | undefined): string =>
      text === undefined ? "" : ` AND ${column} = ${params.text(text)}`;
    const ofSlice = `(slice = ${params.text(slice)}${slice === "" ? "" : ` OR slice_by = ${params.text(slice)}`})`;
    return selectRows<PerformanceRow>(
      this.#client,
      `SELECT * EXCEPT (model_name, slice_by, labels_epoch, labels_seq, computed_date, window_start, window_end),
         toUnixTimestamp(window_start) AS window_start, toUnixTimestamp(window_end) AS window_end,
         toUnixTimestamp64Milli(computed_date) AS computed
       FROM ${this.#view} AS reports
       WHERE model_name = ${params.text(model)} AND ${ofSlice}
         AND reports.window_end > ${second(fromMs)} AND reports.window_end <= ${second(toMs)}
         ${is("model_version", version)}${is("variant", variant)}${is("metric", metric)}
       ORDER BY reports.window_end, reports.window_start, model_version, variant, kind, slice, metric
       LIMIT ${params.bind(rowsMax + 1, "UInt32")} ${NUMBERS}`,
      { ...params.values },
    );
  }
}

/**
 * The `feature_counts` table: inserts of counts, how far each reference is counted, predictions that are not counted yet,
 * and sums over a window.
 *
 * Rows of a pane are added up when they are read, so it does not matter which of them ClickHouse has merged. An insert is one
 * block of one part, all or nothing, and every row of it says up to which message of the log predictions are counted.
 */
import { LOG_COLUMNS } from "../engine/core/log-block.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { insertBlock } from "./insert-block.ts";
import { runningInserts } from "./row-store.ts";

/** In the order of a row's RowBinary. */
export const COUNT_COLUMNS = [
  "model_name",
  "model_version",
  "variant",
  "reference_id",
  "role",
  "feature",
  "pane_seconds",
  "pane",
  "bin",
  "log_epoch",
  "log_seq",
  "count",
] as const;

export interface LogPosition {
  readonly epoch: number;
  readonly seq: number;
}

export interface CountedVersion {
  readonly model: string;
  readonly version: string;
  readonly referenceId: string;
}

/** Counts of a bin over a window. */
export interface BinCount {
  readonly variant: string;
  readonly role: "input" | "output";
  readonly feature: string;
  readonly bin: number;
  readonly count: number;
}

const HOUR_S = 3_600;
const DAY_S = 86_400;

export class CountStore {
  readonly #client: ClickHouse;
  readonly #counts: string;
  readonly #predictions: string;

  constructor(client: ClickHouse, database: string) {
    this.#client = client;
    this.#counts = `${database}.feature_counts`;
    this.#predictions = `${database}.predictions`;
  }

  /** Inserts counts in RowBinary, all or none. The same token again inserts nothing. */
  async insert(rows: Uint8Array, token: string): Promise<void> {
    await insertBlock(this.#client, { table: this.#counts, columns: COUNT_COLUMNS, rows, token });
  }

  async runningInserts(): Promise<number> {
    return runningInserts(this.#client, this.#counts);
  }

  /** The message of the log up to which predictions of the version are counted for the reference. */
  async countedTo({ model, version, referenceId }: CountedVersion): Promise<LogPosition> {
    const [row] = await selectRows<{ epoch: string; seq: string }>(
      this.#client,
      `SELECT log_epoch AS epoch, max(log_seq) AS seq FROM ${this.#counts}
       WHERE model_name = {model:String} AND model_version = {version:String} AND reference_id = {referenceId:String}
         AND pane_seconds = ${DAY_S}
       GROUP BY log_epoch ORDER BY log_epoch DESC LIMIT 1`,
      { model, version, referenceId },
    );
    return { epoch: Number(row?.epoch ?? 0), seq: Number(row?.seq ?? 0) };
  }

  /**
   * Where the next predictions behind `from` end, some `rowsMax` of them, with all of their last message; undefined when
   * there are none.
   */
  async uncountedTo(
    { model, version }: CountedVersion,
    from: LogPosition,
    rowsMax: number,
  ): Promise<LogPosition | undefined> {
    const [row] = await selectRows<{ epoch: string; seq: string; rows: string }>(
      this.#client,
      `SELECT max((log_epoch, log_seq)).1 AS epoch, max((log_epoch, log_seq)).2 AS seq, count() AS rows FROM (
         SELECT log_epoch, log_seq FROM ${this.#predictions}
         WHERE model_name = {model:String} AND model_version = {version:String}
           AND (log_epoch, log_seq) > ({epoch:UInt64}, {seq:UInt64})
         ORDER BY log_epoch, log_seq LIMIT {rowsMax:UInt32})`,
      { model, version, ...from, rowsMax },
    );
    if (row === undefined || Number(row.rows) === 0) return undefined;
    return { epoch: Number(row.epoch), seq: Number(row.seq) };
  }

  /** The predictions of a version behind one position and up to another, in RowBinary, in the order of LOG_COLUMNS. */
  async readPredictions(
    { model, version }: CountedVersion,
    from: LogPosition,
    to: LogPosition,
  ): Promise<Buffer> {
    const result = await this.#client.exec({
      query: `SELECT ${LOG_COLUMNS.join(", ")} FROM ${this.#predictions}
        WHERE model_name = {model:String} AND model_version = {version:String}
          AND (log_epoch, log_seq) > ({fromEpoch:UInt64}, {fromSeq:UInt64})
          AND (log_epoch, log_seq) <= ({toEpoch:UInt64}, {toSeq:UInt64})
        ORDER BY prediction_date FORMAT RowBinary`,
      query_params: {
        model,
        version,
        fromEpoch: from.epoch,
        fromSeq: from.seq,
        toEpoch: to.epoch,
        toSeq: to.seq,
      },
    });
    const chunks: Buffer[] = [];
    for await (const chunk of result.stream) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks);
  }

  /**
   * Counts of the predictions in the spans [start, end), seconds since 1970 on whole minutes, added up.
   * @throws EngineError SERVICE_UNAVAILABLE
   */
  async sum(
    { model, version, referenceId }: CountedVersion,
    spans: readonly (readonly [startS: number, endS: number])[],
  ): Promise<BinCount[]> {
    const panes = spans.flatMap(([startS, endS]) => panesOf(startS, endS));
    if (panes.length === 0) return [];
    const where = panes.map(
      ({ seconds, startS, endS }) =>
        `(pane_seconds = ${seconds} AND pane >= toDateTime(${startS}, 'UTC') AND pane < toDateTime(${endS}, 'UTC'))`,
    );
    const rows = await selectRows<BinCount & { readonly count: string }>(
      this.#client,
      `SELECT variant, role, feature, bin, sum(count) AS count FROM ${this.#counts}
       WHERE model_name = {model:String} AND model_version = {version:String} AND reference_id = {referenceId:String}
         AND (${where.join(" OR ")})
       GROUP BY variant, role, feature, bin`,
      { model, version, referenceId },
    );
    return rows.map((row) => ({ ...row, count: Number(row.count) }));
  }

  /**
   * Start of the first minute that is counted, or of its hour once minutes are deleted, ms since 1970; undefined when there is
   * none.
   */
  async firstPaneMs({ model, version, referenceId }: CountedVersion): Promise<number | undefined> {
    const panes = await selectRows<{ seconds: number; first: number }>(
      this.#client,
      `SELECT pane_seconds AS seconds, toUnixTimestamp(min(pane)) AS first FROM ${this.#counts}
       WHERE model_name = {model:String} AND model_version = {version:String} AND reference_id = {referenceId:String}
         AND pane_seconds <= ${HOUR_S}
       GROUP BY pane_seconds`,
      { model, version, referenceId },
    );
    const hour = panes.find(({ seconds }) => seconds === HOUR_S)?.first;
    if (hour === undefined) return undefined;
    const minute = panes.find(({ seconds }) => seconds !== HOUR_S)?.first ?? hour;
    return (minute - hour < HOUR_S ? minute : hour) * 1000;
  }
}

interface Panes {
  readonly seconds: number;
  readonly startS: number;
  readonly endS: number;
}

/** The fewest panes that make up [start, end): whole days, around them whole hours, around those minutes. */
export function panesOf(startS: number, endS: number): Panes[] {
  const panes: Panes[] = [];
  const add = (seconds: number, from: number, to: number): void => {
    if (from < to) panes.push({ seconds, startS: from, endS: to });
  };
  /** Panes of `sizes`, largest first, that lie in [from, to). */
  const split = (from: number, to: number, sizes: readonly number[]): void => {
    const [size = 60, ...smaller] = sizes;
    const first = Math.ceil(from / size) * size;
    const last = Math.floor(to / size) * size;
    if (smaller.length === 0) return add(size, first, last);
    if (first >= last) return split(from, to, smaller);
    add(size, first, last);
    split(from, first, smaller);
    split(last, to, smaller);
  };
  split(startS, endS, [DAY_S, HOUR_S, 60]);
  return panes;
}

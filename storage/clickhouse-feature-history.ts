/**
 * The history of feature events in ClickHouse, read for some moments at once: one query for windows and one for last
 * values, each a single pass over the entities' events.
 *
 * Bounds: the caller's number of moments; a query for which ClickHouse has too little memory is asked again in halves.
 */
import { ClickHouseError } from "@clickhouse/client";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import type {
  FeatureHistory,
  HistoryEntity,
  HistoryMoment,
  HistoryPlan,
} from "../engine/core/feature-history.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { type KnownBy, type Moment, momentsSql, positionOf } from "./history-moments.ts";
import { type StreamsRow, streamsOf, streamsQuery } from "./history-streams.ts";
import { KnownValues, type ValuesRow, valuesQuery } from "./history-values.ts";
import { partsOf, readTotal, windowsQuery } from "./history-windows.ts";
import { QueryParams } from "./query-params.ts";

const MEMORY_LIMIT_EXCEEDED = "241";
/** How long a stream that is new may go unnoticed. */
const EPOCHS_AGE_MS_MAX = 10_000;
const SETTINGS = {
  output_format_json_quote_64bit_integers: 0,
  output_format_json_named_tuples_as_objects: 0,
  joined_subquery_requires_alias: 0,
} as const;

interface Source {
  readonly plan: HistoryPlan;
  readonly moments: readonly Moment[];
  readonly knownBy: KnownBy;
  readonly epochs: readonly number[];
}

export class ClickHouseFeatureHistory implements FeatureHistory {
  readonly #client: Pick<ClickHouse, "query">;
  readonly #table: string;
  #epochs: { readonly readMs: number; readonly list: readonly number[] } | undefined;

  constructor(client: Pick<ClickHouse, "query">, database: string) {
    this.#client = client;
    this.#table = `${database}.feature_values`;
  }

  async read(plan: HistoryPlan, moments: readonly HistoryMoment[]): Promise<readonly HistoryEntity[]> {
    const all: HistoryEntity[] = [];
    const indexes = [...moments.keys()];
    const isBySeq = (index: number): boolean => moments[index]?.seq !== undefined;
    for (const group of [indexes.filter(isBySeq), indexes.filter((index) => !isBySeq(index))]) {
      if (group.length === 0) continue;
      const found = await this.#readHalving(
        plan,
        group.map((index) => moments[index] as HistoryMoment),
      );
      for (const [at, index] of group.entries()) all[index] = found[at] as HistoryEntity;
    }
    return all;
  }

  async #readHalving(
    plan: HistoryPlan,
    moments: readonly HistoryMoment[],
  ): Promise<readonly HistoryEntity[]> {
    try {
      return await this.#readGroup(plan, moments);
    } catch (error) {
      const isTooMuch = error instanceof ClickHouseError && error.code === MEMORY_LIMIT_EXCEEDED;
      if (error instanceof EngineError) throw error;
      if (!isTooMuch || moments.length < 2)
        throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
      const half = Math.ceil(moments.length / 2);
      const first = await this.#readHalving(plan, moments.slice(0, half));
      return [...first, ...(await this.#readHalving(plan, moments.slice(half)))];
    }
  }

  /** @param moments all with a sequence or all without. */
  async #readGroup(plan: HistoryPlan, asked: readonly HistoryMoment[]): Promise<readonly HistoryEntity[]> {
    const epochs = await this.#readEpochs();
    const bySeq = asked[0]?.seq !== undefined;
    const moments = bySeq
      ? await this.#locate(plan, asked, epochs)
      : asked.map(({ entityId, asOfMs }) => ({ entityId, asOfMs, knownTo: asOfMs }));
    const source: Source = { plan, moments, knownBy: bySeq ? "sequence" : "arrival", epochs };
    const [totals, known] = await Promise.all([this.#readWindows(source), this.#readValues(source)]);
    const starts = startsOf(plan);
    return moments.map(({ entityId, knownTo }, index) => {
      const row = totals.get(index + 1);
      return {
        windows: plan.columns.map((column, at) =>
          row === undefined ? undefined : readTotal(row, starts[at] as number, column),
        ),
        values: known.at(entityId, knownTo, plan.fields.length),
      };
    });
  }

  /** The positions of the sequences that were known. */
  async #locate(
    plan: HistoryPlan,
    asked: readonly HistoryMoment[],
    epochs: readonly number[],
  ): Promise<readonly Moment[]> {
    const moments = asked.map(({ entityId, asOfMs, seq = 0 }) => ({ entityId, asOfMs, knownTo: seq }));
    const params = new QueryParams();
    const sql = streamsQuery(this.#table, plan, momentsSql(moments, "sequence", epochs, params), params);
    const found = epochs.length > 1 ? await this.#select<StreamsRow>(sql, params) : [];
    const streams = streamsOf(asked, epochs, found);
    return moments.map(({ entityId, asOfMs, knownTo: seq }, index) => {
      const knownTo = seq === 0 ? 0 : positionOf(streams[index] as number, seq);
      return { entityId, asOfMs, knownTo };
    });
  }

  /** Rows of the query by the number of their moment, from 1. */
  async #readWindows({
    plan,
    moments,
    knownBy,
    epochs,
  }: Source): Promise<ReadonlyMap<number, readonly unknown[]>> {
    if (plan.columns.length === 0) return new Map();
    const params = new QueryParams();
    const sql = windowsQuery(this.#table, plan, momentsSql(moments, knownBy, epochs, params), params);
    const rows = await this.#select<readonly [number, ...unknown[]]>(sql, params);
    return new Map(rows.map((row) => [row[0], row]));
  }

  async #readValues({ plan, moments, knownBy, epochs }: Source): Promise<KnownValues> {
    if (plan.fields.length === 0) return new KnownValues([]);
    const params = new QueryParams();
    const sql = valuesQuery(this.#table, plan, momentsSql(moments, knownBy, epochs, params), params);
    return new KnownValues(await this.#select<ValuesRow>(sql, params));
  }

  /** Creation times of the streams that events came through, ascending. */
  async #readEpochs(): Promise<readonly number[]> {
    const readMs = performance.now();
    if (this.#epochs !== undefined && readMs - this.#epochs.readMs < EPOCHS_AGE_MS_MAX)
      return this.#epochs.list;
    const query = `SELECT DISTINCT log_epoch AS epoch FROM ${this.#table} ORDER BY epoch`;
    const rows = await selectRows<{ epoch: string }>(this.#client, query);
    this.#epochs = { readMs, list: rows.map(({ epoch }) => Number(epoch)) };
    return this.#epochs.list;
  }

  async #select<T extends readonly unknown[]>(query: string, params: QueryParams): Promise<T[]> {
    const result = await this.#client.query({
      query,
      query_params: { ...params.values },
      use_multipart_params: true,
      format: "JSONCompactEachRow",
      clickhouse_settings: SETTINGS,
    });
    return result.json<T>();
  }
}

/** Where each column's parts begin in a row. */
function startsOf({ columns }: HistoryPlan): number[] {
  let next = 1;
  return columns.map((column) => {
    const start = next;
    next += partsOf(column).length;
    return start;
  });
}

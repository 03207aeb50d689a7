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
import { knownTo, momentsSql } from "./history-moments.ts";
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
  async #readGroup(plan: HistoryPlan, moments: readonly HistoryMoment[]): Promise<readonly HistoryEntity[]> {
    const epochs = await this.#readEpochs();
    const [totals, known] = await Promise.all([
      this.#readWindows(plan, moments, epochs),
      this.#readValues(plan, moments, epochs),
    ]);
    const starts = startsOf(plan);
    return moments.map((moment, index) => {
      const row = totals.get(index + 1);
      return {
        windows: plan.columns.map((column, at) =>
          row === undefined ? undefined : readTotal(row, starts[at] as number, column),
        ),
        values: known.at(moment.entityId, knownTo(moment, epochs), plan.fields.length),
      };
    });
  }

  /** Rows of the query by the number of their moment, from 1. */
  async #readWindows(
    plan: HistoryPlan,
    moments: readonly HistoryMoment[],
    epochs: readonly number[],
  ): Promise<ReadonlyMap<number, readonly unknown[]>> {
    if (plan.columns.length === 0) return new Map();
    const params = new QueryParams();
    const sql = windowsQuery(this.#table, plan, momentsSql(moments, epochs, params), params);
    const rows = await this.#select<readonly [number, ...unknown[]]>(sql, params);
    return new Map(rows.map((row) => [row[0], row]));
  }

  async #readValues(
    plan: HistoryPlan,
    moments: readonly HistoryMoment[],
    epochs: readonly number[],
  ): Promise<KnownValues> {
    if (plan.fields.length === 0) return new KnownValues([]);
    const params = new QueryParams();
    const sql = valuesQuery(this.#table, plan, momentsSql(moments, epochs, params), params);
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

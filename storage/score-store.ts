/**
 * Predicted values of a series out of `predictions`, in the order of their making: what streaming detectors are fed.
 * Values that are not finite are left out.
 */
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { type DatedSpan, type DatedValues, readDatedValues } from "./dated-values.ts";
import { momentSql } from "./label-matches.ts";
import { QueryParams } from "./query-params.ts";

export class ScoreStore {
  readonly #client: Pick<ClickHouse, "exec" | "query">;
  readonly #table: string;

  constructor(client: Pick<ClickHouse, "exec" | "query">, database: string) {
    this.#client = client;
    this.#table = `${database}.predictions`;
  }

  /** @throws EngineError SERVICE_UNAVAILABLE */
  async count(span: DatedSpan): Promise<number> {
    const params = new QueryParams();
    const query = `SELECT count() AS rows ${this.#scope(span, params)}`;
    const [found] = await selectRows<{ rows: string }>(this.#client, query, params.values);
    return Number(found?.rows ?? 0);
  }

  /** The first `rows`, of as many as there are at least, by prediction_date and prediction_id. @throws as readDatedValues. */
  read(span: DatedSpan, rows: number): AsyncGenerator<DatedValues> {
    const params = new QueryParams();
    const select = `SELECT predicted_value, prediction_date ${this.#scope(span, params)}
      ORDER BY prediction_date, prediction_id LIMIT ${params.bind(rows, "UInt64")}`;
    return readDatedValues(this.#client, select, params, rows);
  }

  #scope({ model, version, variant, fromMs, toMs }: DatedSpan, params: QueryParams): string {
    return `FROM ${this.#table} WHERE model_name = ${params.text(model)}
      AND model_version = ${params.text(version)} AND variant = ${params.text(variant)}
      AND prediction_date >= ${momentSql(params, fromMs)} AND prediction_date < ${momentSql(params, toMs)}
      AND isFinite(predicted_value)`;
  }
}

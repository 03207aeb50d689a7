/**
 * By how much labelled predictions of a series were wrong, in the order of their making: what streaming detectors are fed.
 *
 *     classes       0 where the predicted class is that of the label, else 1
 *     regression    |predicted value - label|
 *
 * Read up to a position of the streams, so that the same question gives the same errors for ever. Rows that metrics leave out
 * (usable-rows) are left out here too, and errors that no float32 holds.
 */
import type { LabelPositions } from "../engine/core/labelled-rows.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { type DatedSpan, type DatedValues, readDatedValues } from "./dated-values.ts";
import { momentSql, rangeScope, scopeUpTo, winnersSql } from "./label-matches.ts";
import { labelSql } from "./labelled-rows.ts";
import { QueryParams } from "./query-params.ts";

/** What may be asked of the errors as they are at a position. */
export interface PredictionErrors {
  /** @throws EngineError SERVICE_UNAVAILABLE */
  count(span: DatedSpan): Promise<number>;
  /** The first `rows`, of as many as there are at least, by prediction_date and prediction_id. @throws as readDatedValues. */
  read(span: DatedSpan, rows: number): AsyncGenerator<DatedValues>;
}

interface ErrorScope {
  readonly upTo: LabelPositions;
  readonly classes: readonly string[];
}

export class PredictionErrorStore {
  readonly #client: Pick<ClickHouse, "exec" | "query">;
  readonly #database: string;

  constructor(client: Pick<ClickHouse, "exec" | "query">, database: string) {
    this.#client = client;
    this.#database = database;
  }

  /** @param classes of the model's version; empty for a regression. */
  asOf(upTo: LabelPositions, classes: readonly string[]): PredictionErrors {
    const scope = { upTo, classes };
    return {
      count: async (span) => this.#count(span, scope),
      read: (span, rows) => this.#read(span, scope, rows),
    };
  }

  async #count(span: DatedSpan, scope: ErrorScope): Promise<number> {
    const params = new QueryParams();
    const query = `SELECT count() AS rows FROM (${this.#errors(span, scope, params)})`;
    const [found] = await selectRows<{ rows: string }>(this.#client, query, params.values);
    return Number(found?.rows ?? 0);
  }

  #read(span: DatedSpan, scope: ErrorScope, rows: number): AsyncGenerator<DatedValues> {
    const params = new QueryParams();
    const select = `SELECT error, prediction_date FROM (${this.#errors(span, scope, params)})
      ORDER BY prediction_date, prediction_id LIMIT ${params.bind(rows, "UInt64")}`;
    return readDatedValues(this.#client, select, params, rows);
  }

  #errors(span: DatedSpan, { upTo, classes }: ErrorScope, params: QueryParams): string {
    const { model, version, variant, fromMs, toMs } = span;
    const range = rangeScope(
      this.#database,
      params.text(model),
      momentSql(params, fromMs),
      momentSql(params, toMs),
    );
    const scope = scopeUpTo(range, upTo, params);
    return `
      SELECT toFloat32(${errorSql(classes, params)}) AS error, p.prediction_date AS prediction_date, p.prediction_id AS prediction_id
      FROM (
        SELECT prediction_id, prediction_date, predicted_value, predicted_class FROM ${this.#database}.predictions
        WHERE ${scope.predictions} AND ${scope.dates} AND isFinite(predicted_value)
          AND model_version = ${params.text(version)} AND variant = ${params.text(variant)}
      ) AS p INNER JOIN (${winnersSql(scope)}) AS l ON p.prediction_id = l.prediction_id
      WHERE isFinite(error)`;
  }
}

/** Not finite where the prediction or the label is none of the model's. */
function errorSql(classes: readonly string[], params: QueryParams): string {
  if (classes.length === 0) return "abs(p.predicted_value - l.label_value)";
  const names = params.texts(classes);
  const predicted = `indexOf(${names}, toString(p.predicted_class))`;
  const label = labelSql(classes, names);
  return `if(${predicted} = 0 OR isNaN(${label}), nan, toFloat64(${label} != toFloat64(${predicted} - 1)))`;
}

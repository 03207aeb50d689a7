/**
 * What performance is measured on: a version's predictions of a window, how many of them are labelled, their scores, and those that
 * another version answered too. All up to a position of the streams, so that the same question gives the same numbers for ever.
 */
import { EngineError, messageOf } from "../engine/core/errors.ts";
import type { LabelledQuestion, LabelledRows, LabelPositions } from "../engine/core/labelled-rows.ts";
import { RowBinaryReader } from "../engine/core/row-binary-reader.ts";
import { type ChangedHours, changedLabelHours } from "./changed-label-hours.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import {
  drawnSql,
  type MatchScope,
  matchesSql,
  momentSql,
  rangeScope,
  scopeUpTo,
  winnersSql,
} from "./label-matches.ts";
import { labelSql, readLabelledRows } from "./labelled-rows.ts";
import { QueryParams } from "./query-params.ts";

export interface VersionWindow {
  readonly model: string;
  readonly version: string;
  /** Of prediction_date, ms since 1970: [from, to). */
  readonly fromMs: number;
  readonly toMs: number;
  readonly upTo: LabelPositions;
}

export interface VariantRows {
  readonly variant: string;
  readonly rows: number;
  readonly labelled: number;
}

export interface DrawnRows extends VersionWindow {
  readonly variant: string;
  /** One request in so many. */
  readonly oneIn: number;
}

export interface PairQuestion extends DrawnRows {
  readonly otherVersion: string;
  /** Of both; empty for a regression. */
  readonly classes: readonly string[];
}

/** Labelled requests that both versions answered, the last time each. */
export interface PredictionPairs {
  /** predicted_value */
  readonly scores: Float32Array;
  readonly otherScores: Float32Array;
  /** Index into the classes, or the value. */
  readonly labels: Float64Array;
}

export class PerformanceRows {
  readonly #client: ClickHouse;
  readonly #database: string;

  constructor(client: ClickHouse, database: string) {
    this.#client = client;
    this.#database = database;
  }

  /** As changedLabelHours. */
  async changed(model: string, sinceMs: number, from: LabelPositions): Promise<ChangedHours> {
    return changedLabelHours(this.#client, this.#database, model, sinceMs, from);
  }

  /** As readLabelledRows. */
  async labelled(question: LabelledQuestion): Promise<LabelledRows> {
    return readLabelledRows(this.#client, this.#database, question);
  }

  /** The version's first prediction since a moment, ms since 1970; undefined when there is none. @throws EngineError SERVICE_UNAVAILABLE */
  async firstPredictionMs(model: string, version: string, sinceMs: number): Promise<number | undefined> {
    const params = new QueryParams();
    const [row] = await selectRows<{ first: string; rows: string }>(
      this.#client,
      `SELECT toUnixTimestamp64Milli(min(prediction_date)) AS first, count() AS rows FROM ${this.#database}.predictions
       WHERE model_name = ${params.text(model)} AND model_version = ${params.text(version)}
         AND prediction_date >= ${momentSql(params, sinceMs)}`,
      { ...params.values },
    );
    return row === undefined || Number(row.rows) === 0 ? undefined : Number(row.first);
  }

  /** Labels of the model that have ever come, corrections included. @throws EngineError SERVICE_UNAVAILABLE */
  async labelsTotal(model: string): Promise<number> {
    const [row] = await selectRows<{ total: string }>(
      this.#client,
      `SELECT count() AS total FROM ${this.#database}.labels WHERE model_name = {model:String}`,
      { model },
    );
    return Number(row?.total ?? 0);
  }

  /** By variant, those without predictions left out. @throws EngineError SERVICE_UNAVAILABLE */
  async count(window: VersionWindow): Promise<VariantRows[]> {
    const params = new QueryParams();
    const scope = scopeOf(this.#database, window, params);
    const rows = await selectRows<{ variant: string; rows: string; labelled: string }>(
      this.#client,
      `SELECT p.variant AS variant, count() AS rows, countIf(l.source > 0) AS labelled
       FROM (SELECT prediction_id, variant FROM ${predictionsSql(scope, window.version, params)}) AS p
       LEFT JOIN (SELECT prediction_id, max(source) AS source FROM (${matchesSql(scope)}) GROUP BY prediction_id) AS l
         ON p.prediction_id = l.prediction_id
       GROUP BY variant ORDER BY variant SETTINGS join_use_nulls = 0`,
      { ...params.values },
    );
    return rows.map((row) => ({
      variant: row.variant,
      rows: Number(row.rows),
      labelled: Number(row.labelled),
    }));
  }

  /** predicted_value of predictions with or without a label. @throws EngineError SERVICE_UNAVAILABLE */
  async scores(question: DrawnRows): Promise<Float32Array> {
    const params = new QueryParams();
    const scope = scopeOf(this.#database, question, params);
    const { version, variant, oneIn } = question;
    const query = `SELECT predicted_value FROM ${predictionsSql(scope, version, params)}
      AND variant = ${params.text(variant)} AND ${drawnSql(oneIn, params)} FORMAT RowBinary`;
    const bytes = Buffer.concat(await this.#read(query, params));
    const scores = new Float32Array(bytes.length / 4);
    for (let row = 0; row < scores.length; row++) scores[row] = bytes.readFloatLE(row * 4);
    return scores;
  }

  /** @throws EngineError SERVICE_UNAVAILABLE */
  async pairs(question: PairQuestion): Promise<PredictionPairs> {
    const params = new QueryParams();
    const query = pairsQuery(this.#database, question, params);
    const pairs: { own: number; other: number; label: number }[] = [];
    const reader = new RowBinaryReader();
    for (const chunk of await this.#read(query, params))
      reader.read(chunk, () => {
        const [own, other, label] = [reader.float32(), reader.float32(), reader.float64()];
        if ([own, other, label].every(Number.isFinite)) pairs.push({ own, other, label });
      });
    return {
      scores: Float32Array.from(pairs, ({ own }) => own),
      otherScores: Float32Array.from(pairs, ({ other }) => other),
      labels: Float64Array.from(pairs, ({ label }) => label),
    };
  }

  async #read(query: string, params: QueryParams): Promise<Buffer[]> {
    try {
      const { stream } = await this.#client.exec({ query, query_params: { ...params.values } });
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
      return chunks;
    } catch (error) {
      throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
    }
  }
}

function scopeOf(
  database: string,
  { model, fromMs, toMs, upTo }: VersionWindow,
  params: QueryParams,
): MatchScope {
  const range = rangeScope(database, params.text(model), momentSql(params, fromMs), momentSql(params, toMs));
  return scopeUpTo(range, upTo, params);
}

function predictionsSql(
  { database, predictions, dates }: MatchScope,
  version: string,
  params: QueryParams,
): string {
  return `${database}.predictions WHERE ${predictions} AND ${dates} AND model_version = ${params.text(version)}`;
}

/** The label is that of the version's own prediction. */
function pairsQuery(database: string, question: PairQuestion, params: QueryParams): string {
  const { version, otherVersion, variant, classes, oneIn } = question;
  const scope = scopeOf(database, question, params);
  const drawn = `request_id != '' AND ${drawnSql(oneIn, params)}`;
  const last = "(prediction_date, prediction_id)";
  return `
    SELECT p.score, o.score, ${labelSql(classes, params.texts(classes))} FROM (
      SELECT request_id, argMax(prediction_id, ${last}) AS last_id, argMax(predicted_value, ${last}) AS score
      FROM ${predictionsSql(scope, version, params)} AND variant = ${params.text(variant)} AND ${drawn} GROUP BY request_id
    ) AS p INNER JOIN (
      SELECT request_id, argMax(predicted_value, ${last}) AS score
      FROM ${predictionsSql(scope, otherVersion, params)} AND ${drawn} GROUP BY request_id
    ) AS o ON p.request_id = o.request_id
    INNER JOIN (${winnersSql(scope)}) AS l ON p.last_id = l.prediction_id
    ORDER BY p.request_id FORMAT RowBinary`;
}

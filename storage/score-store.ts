/**
 * Predicted values of a series out of `predictions`, in the order of their making: what streaming detectors are fed.
 *
 * Read as RowBinary while it comes, 12 bytes a row. Values that are not finite are left out.
 */
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { RowBinaryReader } from "../engine/core/row-binary-reader.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { QueryParams } from "./query-params.ts";

/** Predictions of prediction_date in [fromMs, toMs). */
export interface ScoreSpan {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Scores {
  readonly values: Float32Array;
  /** When the predictions were made, ms since 1970. */
  readonly madeMs: Float64Array;
}

const ROW_BYTES = 12;

export class ScoreStore {
  readonly #client: Pick<ClickHouse, "exec" | "query">;
  readonly #table: string;

  constructor(client: Pick<ClickHouse, "exec" | "query">, database: string) {
    this.#client = client;
    this.#table = `${database}.predictions`;
  }

  /** @throws EngineError SERVICE_UNAVAILABLE */
  async count(span: ScoreSpan): Promise<number> {
    const params = new QueryParams();
    const query = `SELECT count() AS rows ${this.#scope(span, params)}`;
    const [found] = await selectRows<{ rows: string }>(this.#client, query, params.values);
    return Number(found?.rows ?? 0);
  }

  /**
   * The first `rows`, of as many as there are at least, by prediction_date and prediction_id.
   * @throws EngineError SERVICE_UNAVAILABLE, also when fewer have come: what was read must not count then.
   */
  async *read(span: ScoreSpan, rows: number): AsyncGenerator<Scores> {
    const params = new QueryParams();
    const query = `SELECT predicted_value, prediction_date ${this.#scope(span, params)}
      ORDER BY prediction_date, prediction_id LIMIT ${params.bind(rows, "UInt64")} FORMAT RowBinary`;
    const reader = new RowBinaryReader();
    let read = 0;
    try {
      const { stream } = await this.#client.exec({ query, query_params: { ...params.values } });
      for await (const chunk of stream) {
        const scores = readScores(reader, chunk as Buffer);
        read += scores.values.length;
        yield scores;
      }
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
    }
    if (read !== rows || reader.restBytes > 0)
      throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse: the answer is cut off; try again later");
  }

  #scope({ model, version, variant, fromMs, toMs }: ScoreSpan, params: QueryParams): string {
    const momentOf = (ms: number): string => `fromUnixTimestamp64Milli(${params.bind(ms, "Int64")}, 'UTC')`;
    return `FROM ${this.#table} WHERE model_name = ${params.text(model)}
      AND model_version = ${params.text(version)} AND variant = ${params.text(variant)}
      AND prediction_date >= ${momentOf(fromMs)} AND prediction_date < ${momentOf(toMs)}
      AND isFinite(predicted_value)`;
  }
}

/** The rows that are whole with this chunk. */
function readScores(reader: RowBinaryReader, chunk: Buffer): Scores {
  const rows = Math.floor((reader.restBytes + chunk.length) / ROW_BYTES);
  const values = new Float32Array(rows);
  const madeMs = new Float64Array(rows);
  let row = 0;
  reader.read(chunk, () => {
    const value = reader.float32();
    madeMs[row] = reader.uint64();
    values[row++] = value;
  });
  return { values, madeMs };
}

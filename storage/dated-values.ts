/**
 * Values of predictions with when these were made, read as RowBinary while it comes: 12 bytes a row, a float32 and a
 * DateTime64(3). What streaming detectors are fed.
 */
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { RowBinaryReader } from "../engine/core/row-binary-reader.ts";
import type { ClickHouse } from "./clickhouse.ts";
import type { QueryParams } from "./query-params.ts";

/** Predictions of prediction_date in [fromMs, toMs). */
export interface DatedSpan {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface DatedValues {
  readonly values: Float32Array;
  /** When the predictions were made, ms since 1970. */
  readonly madeMs: Float64Array;
}

const ROW_BYTES = 12;

/**
 * What a query gives, which selects a Float32 and a DateTime64(3), in this order.
 * @param rows as many as it must give.
 * @throws EngineError SERVICE_UNAVAILABLE, also when fewer have come: what was read must not count then.
 */
export async function* readDatedValues(
  client: Pick<ClickHouse, "exec">,
  select: string,
  params: QueryParams,
  rows: number,
): AsyncGenerator<DatedValues> {
  const reader = new RowBinaryReader();
  let read = 0;
  try {
    const query = `${select} FORMAT RowBinary`;
    const { stream } = await client.exec({ query, query_params: { ...params.values } });
    for await (const chunk of stream) {
      const found = readRows(reader, chunk as Buffer);
      read += found.values.length;
      yield found;
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
  }
  if (read !== rows || reader.restBytes > 0)
    throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse: the answer is cut off; try again later");
}

/** The rows that are whole with this chunk. */
function readRows(reader: RowBinaryReader, chunk: Buffer): DatedValues {
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

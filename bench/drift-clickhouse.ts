/** A ClickHouse of its own for the benchmarks of drift, with the engine's tables and a million rows of 30 features. */
import type { ClickHouseClient } from "@clickhouse/client";
import { pino } from "pino";
import { LOG_COLUMNS } from "../engine/core/log-block.ts";
import type { WatchedVersion } from "../engine/monitor/drift/count-keeper.ts";
import { buildProfile } from "../engine/monitor/references/reference-builder.ts";
import { migrate } from "../storage/migrate.ts";
import { startTestClickhouse } from "../test/support/clickhouse.ts";

export const FEATURES = 30;
export const EPOCH = 1;
const DATABASE = "millrace";
const REFERENCE_ROWS = 100_000;

export interface DriftBench extends AsyncDisposable {
  readonly client: ClickHouseClient;
  readonly database: string;
}

export async function openDriftBench(): Promise<DriftBench> {
  const clickhouse = await startTestClickhouse();
  await migrate(clickhouse.client, DATABASE, pino({ level: "silent" }));
  return {
    client: clickhouse.client,
    database: DATABASE,
    [Symbol.asyncDispose]: () => clickhouse.remove(),
  };
}

const INPUTS = Array.from({ length: FEATURES }, (_, index) => ({
  name: `f${index}`,
  role: "input" as const,
  type: "number" as const,
}));

/** The expression of feature `index` of row `number`: normal, log-normal, uniform and mostly zero in turn. */
function valueOf(index: number): string {
  const normal = `randNormal(0, 1, number + ${index})`;
  switch (index % 4) {
    case 0:
      return normal;
    case 1:
      return `exp(${normal})`;
    case 2:
      return `randUniform(0, 1, ${index})`;
    default:
      return `if(rand(${index}) % 3 = 0, rand(${index + 100}) % 50, 0)`;
  }
}

/** `count` rows of the log from row `first` on, ten a message, made within the second `madeS`: RowBinary in the order of LOG_COLUMNS. */
export async function logRows(
  { client }: DriftBench,
  model: string,
  first: number,
  count: number,
  madeS: number,
): Promise<Buffer> {
  const features = Array.from({ length: FEATURES }, (_, index) => `toFloat32(${valueOf(index)})`).join(", ");
  const expressions: Record<(typeof LOG_COLUMNS)[number], string> = {
    log_epoch: `${EPOCH}::UInt64`,
    log_seq: `intDiv(number, 10)::UInt64`,
    logged_date: "now64(3, 'UTC')",
    source: "1::Int8",
    prediction_id: "generateUUIDv4()",
    request_id: "toString(number)",
    model_name: `'${model}'`,
    model_version: "'1.0.0'",
    variant: "''",
    entity_id: "concat('customer-', toString(number % 100000))",
    predicted_value: "toFloat32(randUniform(0, 1))",
    predicted_class: "if(number % 2 = 0, 'good', 'bad')",
    probabilities: "[toFloat32(0.5), toFloat32(0.5)]",
    features: `[${features}]`,
    categories: "[]::Array(String)",
    latency_ms: "toFloat32(1)",
    queue_ms: "toFloat32(1)",
    inference_ms: "toFloat32(1)",
    batch_rows: "1::UInt16",
    prediction_date: `fromUnixTimestamp64Milli((${madeS} * 1000 + intDiv((number - ${first}) * 1000, ${count}))::Int64, 'UTC')`,
    features_date: "toDateTime64(0, 3, 'UTC')",
    entities: "[]::Array(Tuple(String, String, UInt64))",
    feature_status: "map()::Map(String, String)",
  };
  const { stream } = await client.exec({
    query: `SELECT ${LOG_COLUMNS.map((name) => expressions[name]).join(", ")} FROM numbers(${first}, ${count}) ORDER BY number FORMAT RowBinary`,
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

/** A reference of the same distributions. */
export function watchedVersion(model: string, columns: ReadonlyMap<string, Float32Array>): WatchedVersion {
  const outputs = [
    { name: "predicted_value", role: "output" as const, type: "number" as const },
    { name: "predicted_class", role: "output" as const, type: "category" as const },
  ];
  const rows = columns.get("f0")?.length ?? REFERENCE_ROWS;
  const values = new Map<string, Float32Array | string[]>([
    ...columns,
    ["predicted_value", Float32Array.from({ length: rows }, (_, row) => row / rows)],
    ["predicted_class", Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? "good" : "bad"))],
  ]);
  return {
    model,
    version: "1.0.0",
    referenceId: "bench",
    profile: buildProfile([...INPUTS, ...outputs], values),
    texts: [],
  };
}

/** The features of some rows, by column. */
export async function featureColumns(
  { client }: DriftBench,
  rows: number,
): Promise<ReadonlyMap<string, Float32Array>> {
  const columns = new Map<string, Float32Array>();
  for (let index = 0; index < FEATURES; index++) {
    const { stream } = await client.exec({
      query: `SELECT toFloat32(${valueOf(index)}) FROM numbers(${rows}) FORMAT RowBinary`,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
    const bytes = Buffer.concat(chunks);
    const values = new Float32Array(rows);
    new Uint8Array(values.buffer).set(bytes);
    columns.set(`f${index}`, values);
  }
  return columns;
}

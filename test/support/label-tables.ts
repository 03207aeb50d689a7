/**
 * Predictions and labels put straight into the tables, for tests of what joins them.
 */
import type { ClickHouse } from "../../storage/clickhouse.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** All of a test's moments are told from here. */
export const START_MS = Date.UTC(2026, 2, 1);
const NO_ID = "00000000-0000-0000-0000-000000000000";

/** A prediction id that says its number. */
export function idOf(number: number): string {
  return `01900000-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

export interface TablePrediction {
  readonly number: number;
  /** From START_MS. */
  readonly atMs: number;
  readonly seq?: number;
  readonly model?: string;
  readonly version?: string;
  readonly variant?: string;
  readonly requestId?: string;
  readonly entityId?: string;
  readonly value?: number;
  readonly predicted?: string;
  readonly probabilities?: readonly number[];
  readonly numbers?: readonly number[];
  readonly categories?: readonly string[];
}

export interface TableLabel {
  readonly seq: number;
  readonly epoch?: number;
  readonly model?: string;
  readonly number?: number;
  readonly requestId?: string;
  readonly entityId?: string;
  /** From START_MS. */
  readonly timeMs?: number;
  readonly label: string | number | boolean;
  /** From START_MS; a week if not given. */
  readonly arrivalMs?: number;
}

export async function storePredictions(
  client: ClickHouse,
  database: string,
  predictions: readonly TablePrediction[],
): Promise<void> {
  await client.insert({
    table: `${database}.predictions`,
    format: "JSONEachRow",
    values: predictions.map((one) => ({
      log_epoch: 1,
      log_seq: one.seq ?? one.number,
      logged_date: START_MS + one.atMs,
      source: "http",
      prediction_id: idOf(one.number),
      request_id: one.requestId ?? idOf(one.number),
      model_name: one.model ?? "m",
      model_version: one.version ?? "1.0.0",
      variant: one.variant ?? "",
      entity_id: one.entityId ?? "",
      predicted_value: one.value ?? 0.5,
      predicted_class: one.predicted ?? "no",
      probabilities: one.probabilities ?? [0.5, 0.5],
      features: one.numbers ?? [],
      categories: one.categories ?? [],
      prediction_date: START_MS + one.atMs,
    })),
  });
}

export async function storeLabels(
  client: ClickHouse,
  database: string,
  labels: readonly TableLabel[],
): Promise<void> {
  await client.insert({
    table: `${database}.labels`,
    format: "JSONEachRow",
    values: labels.map(({ label, arrivalMs = 7 * DAY_MS, ...one }) => ({
      log_epoch: one.epoch ?? 1,
      log_seq: one.seq,
      model_name: one.model ?? "m",
      prediction_id: one.number === undefined ? NO_ID : idOf(one.number),
      request_id: one.requestId ?? "",
      entity_id: one.entityId ?? "",
      event_time: one.timeMs === undefined ? 0 : START_MS + one.timeMs,
      label_value: typeof label === "string" ? "nan" : Number(label),
      label_class: typeof label === "number" ? "" : String(label),
      label_time: START_MS + arrivalMs,
      arrival_time: START_MS + arrivalMs,
    })),
  });
}

/** Predictions of the sample model put straight into `predictions`, made at any time, for tests of what reads them there. */
import { randomUUID } from "node:crypto";
import type { ClickHouse } from "../../storage/clickhouse.ts";
import { PAYMENT } from "./card-fraud.ts";

export interface StoredPrediction {
  /** When it was made, ms since 1970. */
  readonly madeMs: number;
  readonly score: number;
  readonly variant?: string;
  /** Inputs that are other than PAYMENT's. */
  readonly inputs?: Partial<Record<keyof typeof PAYMENT, number | string | boolean>>;
}

/** Older than any log that the engine makes, so that the sink goes on as if they were not there. */
const LOG_EPOCH = 1;

export async function storePredictions(
  client: ClickHouse,
  predictions: readonly StoredPrediction[],
): Promise<void> {
  const values = predictions.map(({ madeMs, score, variant = "", inputs = {} }, at) => {
    const all = Object.values({ ...PAYMENT, ...inputs });
    return {
      log_epoch: LOG_EPOCH,
      log_seq: at + 1,
      logged_date: madeMs,
      source: "batch",
      prediction_id: randomUUID(),
      request_id: `stored-${at}`,
      model_name: "card-fraud",
      model_version: "1.0.0",
      variant,
      entity_id: "",
      predicted_value: score,
      predicted_class: score >= 0.25 ? "fraud" : "legitimate",
      probabilities: [1 - score, score],
      features: all.filter((value) => typeof value !== "string").map(Number),
      categories: all.filter((value) => typeof value === "string"),
      prediction_date: madeMs,
    };
  });
  await client.insert({ table: "millrace.predictions", values, format: "JSONEachRow" });
}

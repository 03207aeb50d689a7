/**
 * Requests for the sample model, and what an answer to them must look like.
 */
import assert from "node:assert/strict";
import type { Prediction } from "../../engine/core/prediction.ts";

/** A payment that the model takes as it is: nothing is looked up for it. */
export const PAYMENT = {
  amount: 42.5,
  hour: 14,
  merchant_category: "grocery",
  country: "DE",
  card_present: true,
  transactions_1h: 1,
  amount_avg_30d: 38.2,
  amount_ratio: 1.1,
  distance_km: 3.4,
  merchant_transactions_10m: 4,
  merchant_amount_avg_24h: 44.9,
} as const;

/** Another one, which is far more likely to be fraud. */
export const ODD_PAYMENT = {
  ...PAYMENT,
  amount: 2400,
  hour: 3,
  merchant_category: "gift_cards",
  card_present: false,
  transactions_1h: 9,
  amount_ratio: 62.8,
  distance_km: 7200,
} as const;

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const FIELDS = [
  "prediction_id",
  "request_id",
  "model_name",
  "model_version",
  "entity_id",
  "predicted_value",
  "predicted_class",
  "probabilities",
  "confidence",
  "latency_ms",
  "prediction_date",
];

/** Checks every field of a prediction of the sample model, and that there are no others. */
export function checkPrediction(value: unknown): Prediction {
  const prediction = value as Prediction;
  for (const field of Object.keys(prediction)) assert.ok(FIELDS.includes(field), `unknown field ${field}`);
  assert.match(prediction.prediction_id, UUID);
  assert.equal(prediction.model_name, "card-fraud");
  assert.match(prediction.model_version, /^\d+\.\d+\.\d+$/);
  const [legitimate = Number.NaN, fraud = Number.NaN] = prediction.probabilities ?? [];
  assert.equal(prediction.probabilities?.length, 2);
  assert.ok(Math.abs(legitimate + fraud - 1) < 1e-5, "the probabilities are those of one whole");
  assert.equal(prediction.predicted_value, fraud);
  assert.equal(prediction.predicted_class, fraud >= 0.25 ? "fraud" : "legitimate");
  assert.equal(prediction.confidence, prediction.predicted_class === "fraud" ? fraud : legitimate);
  assert.ok(prediction.latency_ms >= 0);
  assert.equal(new Date(prediction.prediction_date).toISOString(), prediction.prediction_date);
  return prediction;
}

/** An engine on a NATS server that takes smaller messages than a block of the prediction log may be. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine } from "../support/engine.ts";
import { startTestNats } from "../support/nats.ts";

/** In one batch, so that they come to the log at once. */
const ROWS = 4_000;

it("predicts and logs more rows at once than fit into one message", async () => {
  await using nats = await startTestNats({ payloadBytesMax: 256 * 1024 });
  const env = { NATS_URL: nats.url, MILLRACE_BATCH_ROWS_MAX: String(ROWS) };
  await using engine = await startTestEngine({ env });
  const instances = Array.from({ length: ROWS }, () => ({ features: PAYMENT, entity_id: "e".repeat(128) }));
  const response = await engine.post("/predict/batch", { instances });
  assert.equal(response.status, 200);
  const { predictions } = (await response.json()) as { predictions: { prediction_id?: string }[] };
  assert.equal(predictions.filter(({ prediction_id }) => prediction_id !== undefined).length, ROWS);
});

/** Models that were served payments and labelled with what they turned out to be: what training on an engine begins with. */
import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import { createCardFraudGenerator } from "../../engine/sample/card-fraud.ts";
import { openModelRegistry } from "../../storage/model-registry.ts";
import type { TestEngine } from "./engine.ts";
import { eventually } from "./eventually.ts";
import { readModelFolder } from "./model-folder.ts";
import { untilServed } from "./model-requests.ts";

const AT_ONCE = 1_000;
const STORED_MS = 60_000;

/** The sample's model in production under these names too. */
export async function serveCopies(engine: TestEngine, names: readonly string[]): Promise<void> {
  const { manifest, files } = readModelFolder("engine/sample/card-fraud");
  const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  const registry = await openModelRegistry(nats);
  for (const name of names) {
    await registry.push({ manifest: { ...manifest, name }, files });
    await registry.promote(name, manifest.version);
  }
  await nats.close();
  for (const name of names) await untilServed(engine, name, manifest.version);
}

/** The same payments through each model, and what they turned out to be; returns when all is stored. */
export async function serveAndLabel(
  engine: TestEngine,
  models: readonly string[],
  rows: number,
): Promise<void> {
  for (const model of models) {
    const generator = createCardFraudGenerator(7);
    for (let from = 0; from < rows; from += AT_ONCE) {
      const payments = Array.from({ length: Math.min(AT_ONCE, rows - from) }, () => generator.next());
      const instances = payments.map(({ transaction_id, card_id, features }) => ({
        request_id: transaction_id,
        entity_id: card_id,
        features,
      }));
      assert.equal((await engine.post("/predict/batch", { model, instances })).status, 200);
      const labels = payments.map(({ transaction_id, label }) => ({ request_id: transaction_id, label }));
      assert.equal((await engine.post("/labels", { model_name: model, labels })).status, 202);
    }
  }
  await eventually(
    "all labels are stored",
    async () => {
      const counts = "(SELECT count() FROM millrace.labels) AS labels, count() AS predictions";
      const [stored] = await engine.sql<{ labels: string; predictions: string }>(
        `SELECT ${counts} FROM millrace.predictions`,
      );
      const all = models.length * rows;
      return Number(stored?.labels) >= all && Number(stored?.predictions) >= all;
    },
    STORED_MS,
  );
}

/**
 * Predictions of the past in the log of a running engine: blocks by the engine's own writer, made with an older date.
 */
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Batch } from "../../engine/batch.ts";
import { Batcher } from "../../engine/batcher.ts";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import { PredictionLog } from "../../engine/prediction-log.ts";
import { ServedModel } from "../../engine/served-model.ts";
import { createTopology } from "../../streams/topology.ts";
import type { DatedRow } from "./drift-tables.ts";
import { testRow } from "./log-blocks.ts";

const BLOCK_BYTES_MAX = 256 * 1024;
const BATCH_ROWS = 100;

/** Of a model of two classes; resolves when the stream has them all. */
export async function publishPast(
  natsUrl: string,
  manifest: ModelManifest,
  rows: readonly DatedRow[],
): Promise<void> {
  const nats = await connect({ servers: natsUrl, noAsyncTraces: true });
  const client = jetstream(nats);
  const { logSubject } = createTopology("millrace");
  const log = new PredictionLog({
    engineId: `past-${manifest.name}`,
    blockBytesMax: BLOCK_BYTES_MAX,
    messageBytesMax: BLOCK_BYTES_MAX,
    publish: async (msgID, block) => {
      await client.publish(logSubject, block, { msgID });
    },
  });
  for (const batch of batchesOf(manifest, rows))
    await log.append(batch, (_, error) => {
      throw error;
    });
  await nats.close();
}

/** A batch has one date, so rows of one date go together. */
function* batchesOf(manifest: ModelManifest, rows: readonly DatedRow[]): Generator<Batch> {
  const served = new ServedModel(manifest, new Metrics());
  for (let first = 0; first < rows.length; ) {
    const dateMs = rows[first]?.dateMs ?? 0;
    const batcher = new Batcher(served, BATCH_ROWS + 1);
    const scores: number[] = [];
    while (rows[first]?.dateMs === dateMs && scores.length < BATCH_ROWS) {
      const { features, score } = rows[first++] as DatedRow;
      const error = batcher.add(testRow({ arrivedMs: 0 }), features);
      if (error !== undefined) throw error;
      scores.push(score);
    }
    const batch = batcher.take();
    if (!(batch instanceof Batch)) throw new Error("there are no rows");
    for (const [index, score] of scores.entries()) batch.outputs.set([1 - score, score], index * 2);
    batch.dateMs = dateMs;
    yield batch;
  }
}

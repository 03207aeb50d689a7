/** Blocks of the prediction log: none larger than a message may be, whatever the rows. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Batch } from "../../../engine/batch.ts";
import { Batcher } from "../../../engine/batcher.ts";
import { readBlock } from "../../../engine/core/log-block.ts";
import { Metrics } from "../../../engine/core/metrics.ts";
import { PredictionLog } from "../../../engine/prediction-log.ts";
import { ServedModel } from "../../../engine/served-model.ts";
import { FEATURES, testRow } from "../../support/log-blocks.ts";
import { mixedManifest } from "../../support/manifests.ts";

const MESSAGE_BYTES_MAX = 4_096;

/** A computed batch of rows whose entity ids have these lengths: the smallest bytes each takes in the log. */
function batchOf(lengths: readonly number[]): Batch {
  const batcher = new Batcher(new ServedModel(mixedManifest(), new Metrics()), lengths.length);
  for (const [index, length] of lengths.entries())
    batcher.add(testRow({ entityId: `<${index}>`.padEnd(length, "x") }), FEATURES);
  return batcher.take() as Batch;
}

/** What is published of a batch, and what is refused. */
async function logged(
  lengths: readonly number[],
): Promise<{ sizes: number[]; rows: string[]; refused: string[] }> {
  const blocks: Buffer[] = [];
  const log = new PredictionLog({
    engineId: "test",
    blockBytesMax: MESSAGE_BYTES_MAX,
    messageBytesMax: MESSAGE_BYTES_MAX,
    publish: async (_, block) => {
      blocks.push(Buffer.from(block));
    },
  });
  const refused: string[] = [];
  await log.append(batchOf(lengths), (index, { code }) => refused.push(`${index} ${code}`));
  await log.drain();
  const rows: string[] = [];
  for (const block of blocks)
    readBlock(block, (start, end) =>
      rows.push(/<\d+>/.exec(block.subarray(start, end).toString("latin1"))?.[0] ?? "?"),
    );
  return { sizes: blocks.map(({ length }) => length), rows, refused };
}

describe("the prediction log", () => {
  it("makes no block larger than a message may be, and has every row in one block", async () => {
    const lengths = Array.from({ length: 200 }, (_, index) => 5 + ((index * 769) % 3_500));
    const { sizes, rows, refused } = await logged(lengths);
    assert.deepEqual(
      rows,
      lengths.map((_, index) => `<${index}>`),
    );
    assert.ok(Math.max(...sizes) <= MESSAGE_BYTES_MAX, `the largest block has ${Math.max(...sizes)} bytes`);
    assert.ok(sizes.length > 10);
    assert.deepEqual(refused, []);
  });

  it("refuses a row that is larger than a message, and logs its neighbours", async () => {
    for (const lengths of [
      [10, MESSAGE_BYTES_MAX, 10],
      [MESSAGE_BYTES_MAX, 10, MESSAGE_BYTES_MAX],
      [MESSAGE_BYTES_MAX],
    ]) {
      const { rows, refused } = await logged(lengths);
      const indexes = [...lengths.keys()];
      assert.deepEqual(
        rows,
        indexes.filter((index) => lengths[index] === 10).map((index) => `<${index}>`),
      );
      assert.deepEqual(
        refused,
        indexes.filter((index) => lengths[index] !== 10).map((index) => `${index} PAYLOAD_TOO_LARGE`),
      );
    }
  });
});

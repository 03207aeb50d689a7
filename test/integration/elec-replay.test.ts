/**
 * Real input, from the stream to SQL: the electricity market of New South Wales, replayed in order.
 *
 * Every row of the file becomes a durable request; all predictions must reach ClickHouse once, equal those of the
 * model's exporter (scikit-learn), and have the same ROC AUC there, computed by one SQL query over a join with the
 * labels. The data set is not part of the project: its test looks for elec.csv in TEST_DATA_DIR or ../shared/data
 * beside the project, and is skipped where it is not; 200 rows of it, in the fixtures, go the same way everywhere.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { readModelFolder as readFolder } from "../../storage/model-folder.ts";
import { openModelRegistry } from "../../storage/model-registry.ts";
import {
  ELEC_FOLDER,
  elecGolden,
  type MarketRow,
  marketIsMissing,
  parseMarket,
  readMarket,
  readScores,
} from "../support/elec-market.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";

const PUBLISHING_MAX = 1_000;
const STORED_MS = 120_000;
const TOLERANCE = 1e-5;
/** Between ClickHouse's AUC of float32 scores and scikit-learn's of float64. */
const AUC_TOLERANCE = 1e-6;

const expected = readScores();

test("200 rows of the market go from the stream to SQL as scikit-learn scores them", async (t) => {
  const rows = parseMarket(readFileSync(join(ELEC_FOLDER, "sample.csv"), "utf8"));
  const { first_row, step } = elecGolden.sample;
  const scores = rows.map((_, index) => expected[first_row + index * step] as number);
  const auc = await replay(t, rows, scores);
  assert.ok(Math.abs(auc - aucOf(rows, scores)) < AUC_TOLERANCE, `AUC ${auc}, not ${aucOf(rows, scores)}`);
});

test("the whole market goes from the stream to SQL as scikit-learn scores it", {
  skip: marketIsMissing,
}, async (t) => {
  const rows = readMarket();
  const auc = await replay(t, rows, expected);
  t.diagnostic(
    `ROC AUC ${auc} in SQL, ${elecGolden.roc_auc} in scikit-learn: ${Math.abs(auc - elecGolden.roc_auc)} apart`,
  );
  assert.ok(Math.abs(auc - elecGolden.roc_auc) < AUC_TOLERANCE, `AUC ${auc}, not ${elecGolden.roc_auc}`);
});

/** Replays the rows in a new engine, compares what arrived with `scores`, and returns the AUC that SQL finds. */
async function replay(
  t: TestContext,
  rows: readonly MarketRow[],
  scores: ArrayLike<number>,
): Promise<number> {
  await using engine = await startTestEngine();
  await putIntoProduction(engine);
  const startedMs = performance.now();
  await publishAll(engine, rows);
  const publishedMs = performance.now() - startedMs;
  await eventually(
    "all rows are stored",
    async () => (await countRows(engine)).rows >= rows.length,
    STORED_MS,
  );
  const storedMs = performance.now() - startedMs;
  const counts = await countRows(engine);
  assert.deepEqual(counts, { rows: rows.length, requests: rows.length, ids: rows.length }, "each row once");
  const difference = await largestDifference(engine, scores);
  t.diagnostic(
    `${rows.length} rows: published in ${Math.round(publishedMs)} ms, all in ClickHouse after ${Math.round(storedMs)} ms, ` +
      `${Math.round((rows.length / storedMs) * 1000)} rows/s; largest difference from scikit-learn ${difference.toExponential(2)}`,
  );
  assert.ok(difference < TOLERANCE, `a prediction is ${difference} away from scikit-learn's`);
  return await aucInSql(engine, rows); // before the engine is stopped
}

async function putIntoProduction(engine: TestEngine): Promise<void> {
  const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  const { manifest, files } = await readFolder(ELEC_FOLDER);
  const registry = await openModelRegistry(nats);
  await registry.push({ manifest, files });
  await registry.promote(manifest.name, manifest.version);
  await nats.close();
  await eventually(
    "the model is served",
    async () => (await engine.get("/model/info?model=elec")).ok,
    20_000,
  );
}

/** In the order of the file, PUBLISHING_MAX not yet acknowledged at a time. */
async function publishAll(engine: TestEngine, rows: readonly MarketRow[]): Promise<void> {
  const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  const client = jetstream(nats);
  for (let first = 0; first < rows.length; first += PUBLISHING_MAX) {
    const part = rows.slice(first, first + PUBLISHING_MAX);
    await Promise.all(
      part.map(async ({ features }, index) => {
        const request_id = String(first + index);
        const body = JSON.stringify({ request_id, entity_id: "nsw", features });
        return client.publish("millrace.requests.elec", body, { msgID: `elec-${request_id}` });
      }),
    );
  }
  await nats.close();
}

async function countRows(engine: TestEngine): Promise<{ rows: number; requests: number; ids: number }> {
  const [counts] = await engine.sql<Record<"rows" | "requests" | "ids", string>>(
    `SELECT count() AS rows, uniqExact(request_id) AS requests, uniqExact(prediction_id) AS ids
     FROM millrace.predictions WHERE model_name = 'elec'`,
  );
  return { rows: Number(counts?.rows), requests: Number(counts?.requests), ids: Number(counts?.ids) };
}

async function largestDifference(engine: TestEngine, scores: ArrayLike<number>): Promise<number> {
  const found = await engine.sql<{ request_id: string; predicted_value: number }>(
    "SELECT request_id, predicted_value FROM millrace.predictions WHERE model_name = 'elec'",
  );
  let largest = 0;
  for (const { request_id, predicted_value } of found)
    largest = Math.max(largest, Math.abs(predicted_value - (scores[Number(request_id)] as number)));
  return largest;
}

/** One query: the predictions joined with the labels, which lie in a scratch table. */
async function aucInSql(engine: TestEngine, rows: readonly MarketRow[]): Promise<number> {
  const client = engine.clickhouse();
  await client.command({
    query:
      "CREATE TABLE millrace.elec_truth (request_id String, label UInt8) ENGINE = MergeTree ORDER BY request_id",
  });
  const values = rows.map(({ label }, index) => ({ request_id: String(index), label }));
  await client.insert({ table: "millrace.elec_truth", values, format: "JSONEachRow" });
  const [found] = await engine.sql<{ auc: number; rows: string }>(
    `SELECT arrayROCAUC(groupArray(predicted_value), groupArray(label)) AS auc, count() AS rows
     FROM millrace.predictions INNER JOIN millrace.elec_truth USING (request_id) WHERE model_name = 'elec'`,
  );
  assert.equal(Number(found?.rows), rows.length, "every prediction has its label");
  return Number(found?.auc);
}

/** By its definition: how often a positive scores higher than a negative; a tie counts half. */
function aucOf(rows: readonly MarketRow[], scores: readonly number[]): number {
  let wins = 0;
  let pairs = 0;
  for (const [index, { label }] of rows.entries()) {
    if (label !== 1) continue;
    for (const [other, { label: otherLabel }] of rows.entries()) {
      if (otherLabel !== 0) continue;
      const difference = (scores[index] as number) - (scores[other] as number);
      wins += difference > 0 ? 1 : difference === 0 ? 0.5 : 0;
      pairs++;
    }
  }
  return wins / pairs;
}

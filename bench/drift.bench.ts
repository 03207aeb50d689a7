/**
 * Drift: a look at a window of 10^8 predictions against one of 10^5, from counters; what keeping the counters adds to the
 * sink's work; and all measures from a million rows of 30 features, beside Evidently's and NannyML's own runs over the same
 * table.
 */
import { pino } from "pino";
import { CountKeeper } from "../engine/monitor/drift/count-keeper.ts";
import { measureRows } from "../engine/monitor/drift/measure-rows.ts";
import { BINS_DEFAULT } from "../engine/monitor/references/reference-profile.ts";
import { CountStore } from "../storage/count-store.ts";
import { PredictionStore } from "../storage/prediction-store.ts";
import {
  type DriftBench,
  EPOCH,
  FEATURES,
  featureColumns,
  logRows,
  openDriftBench,
  watchedVersion,
} from "./drift-clickhouse.ts";
import { runPeers } from "./drift-peers.ts";
import { measureWindows } from "./drift-window.ts";
import { type Report, round } from "./report.ts";

const REFERENCE_ROWS = 100_000;
const ROWS = 1_000_000;
/** An insert a second of 20,000 predictions of that second, for a minute. */
const SINK_BATCHES = 60;
const SINK_ROWS = 20_000;
/** The monitor's rounds are five seconds apart. */
const ROUND_BATCHES = 5;

type Row = Record<string, string | number>;

export async function benchDrift(): Promise<Report> {
  await using bench = await openDriftBench();
  const reference = await featureColumns(bench, REFERENCE_ROWS);
  const ratios: Record<string, number> = {};
  const rows: Row[] = [
    ...(await windows(bench, reference, ratios)),
    ...(await upkeep(bench, reference, ratios)),
    ...(await fromRows(bench, ratios)),
  ];
  return { title: "Drift", rows, ratios };
}

async function windows(
  bench: DriftBench,
  reference: ReadonlyMap<string, Float32Array>,
  ratios: Record<string, number>,
): Promise<Row[]> {
  const few = await measureWindows(bench, watchedVersion("few", reference), 1e5);
  const many = await measureWindows(bench, watchedVersion("many", reference), 1e8);
  ratios["window of 10^8 predictions / of 10^5, p50 (goal: near 1)"] = round(many.p50Ms / few.p50Ms);
  ratios["window of 10^8 predictions, p99 ms (goal < 100)"] = many.p99Ms;
  return [few, many].map(({ predictions, p50Ms, p99Ms }) => ({
    what: `drift of 32 columns, a month of ${predictions} predictions`,
    "p50 ms": p50Ms,
    "p99 ms": p99Ms,
  }));
}

/** The sink's inserts, and beside them counting the same rows, in rounds by the rows' own clock. */
async function upkeep(
  bench: DriftBench,
  reference: ReadonlyMap<string, Float32Array>,
  ratios: Record<string, number>,
): Promise<Row[]> {
  const { client, database } = bench;
  const store = new PredictionStore(client, database);
  let seq = 0;
  const keeper = new CountKeeper({
    table: new CountStore(client, database),
    sinkPosition: () => ({ epoch: EPOCH, seq: seq || 1 }),
    logger: pino({ level: "silent" }),
  });
  keeper.watch([watchedVersion("kept", reference)]);
  await keeper.settle();
  const startS = Math.floor(Date.now() / 60_000) * 60 - 30; // a minute ends halfway
  let insertMs = 0;
  let countMs = 0;
  for (let batch = -2; batch < SINK_BATCHES; batch++) {
    const bytes = await logRows(bench, "kept", (batch + 2) * SINK_ROWS, SINK_ROWS, startS + batch);
    const startedMs = performance.now();
    await store.insert(bytes, `bench:${batch}`);
    const insertedMs = performance.now();
    const afterSeq = seq || 1;
    seq = afterSeq + SINK_ROWS / 10;
    keeper.stored({ rows: bytes, epoch: EPOCH, afterSeq, seq });
    const countedMs = performance.now();
    const isRound = batch % ROUND_BATCHES === ROUND_BATCHES - 1;
    if (isRound) await keeper.settle((startS + batch + 1) * 1000);
    if (batch < 0) continue;
    insertMs += insertedMs - startedMs;
    countMs += performance.now() - insertedMs - (isRound ? 0 : performance.now() - countedMs);
  }
  ratios["counting / the sink's inserts (goal ≤ 0.05)"] = round(countMs / insertMs, 3);
  const perRow = (ms: number): number => round((ms * 1000) / (SINK_BATCHES * SINK_ROWS), 3);
  return [
    { what: "sink: insert of predictions with 30 features, µs a row", "p50 ms": perRow(insertMs) },
    { what: "counting them, inserts of counts included, µs a row", "p50 ms": perRow(countMs) },
  ];
}

async function fromRows(bench: DriftBench, ratios: Record<string, number>): Promise<Row[]> {
  const reference = await featureColumns(bench, ROWS);
  const current = await featureColumns(bench, ROWS);
  const columns = [...reference.keys()].map((name) => ({
    name,
    role: "input" as const,
    type: "number" as const,
  }));
  const startedMs = performance.now();
  measureRows(columns, reference, current, BINS_DEFAULT);
  const ownMs = performance.now() - startedMs;
  ratios["all measures from 1 M × 30 rows, s (goal ≤ 3)"] = round(ownMs / 1000);
  const rows: Row[] = [
    { what: `all measures, ${ROWS} × ${FEATURES} against as many, from rows`, "p50 ms": round(ownMs) },
  ];
  for (const { name, method, seconds, megabytes } of await runPeers(reference, current)) {
    ratios[`all measures: ours / ${name}'s run (lower is better)`] = round(ownMs / 1000 / seconds, 3);
    rows.push({
      what: `${name}'s ${method} on the same table, ${megabytes} MB at most`,
      "p50 ms": round(seconds * 1000),
    });
  }
  return rows;
}

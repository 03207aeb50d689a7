/**
 * POST /predict/batch by rows of a request, logged before the answer, against a tight loop of ONNX Runtime over the same batches in one
 * thread; and 1,000 rows with the log against the same without.
 */
import { runLoad } from "./load/run-load.ts";
import { failuresOf } from "./load/subject.ts";
import { startPeer } from "./peer.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";
import { inTurn, tightLoop } from "./tight-loop-rate.ts";

const SIZES = [1, 8, 64, 256, 1000] as const;
const LARGEST = 1000;
/** Rows under way: what 1,000-row requests over 4 connections hold, but at most so many connections. */
const ROWS_UNDER_WAY = 4000;
const CONNECTIONS_MAX = 64;

/** Rows per second by rows of a batch. */
type Rates = ReadonlyMap<number, number>;

export async function benchBatch(seconds: number): Promise<Report> {
  const withoutLog = await startPeer("engine-without-log.js");
  await using engine = await startBenchEngine();
  const tight = new Map<number, number>();
  const served = new Map<number, number>();
  let unlogged = Number.NaN;
  for (const size of SIZES) {
    const body = await batchBody(size);
    const measures = [
      async () => tightLoop(size, seconds / 2),
      async () => overHttp(engine.httpUrl, body, size, seconds),
      ...(size === LARGEST ? [async () => overHttp(withoutLog.url, body, size, seconds)] : []),
    ];
    const [loop, logged, bare] = await inTurn(measures);
    tight.set(size, loop ?? Number.NaN);
    served.set(size, logged ?? Number.NaN);
    if (bare !== undefined) unlogged = bare;
  }
  withoutLog.stop();
  return toReport(tight, served, unlogged);
}

async function batchBody(size: number): Promise<string> {
  const { model, features } = JSON.parse(await requestBody()) as { model: string; features: unknown };
  return JSON.stringify({ model, instances: Array.from({ length: size }, () => ({ features })) });
}

async function overHttp(url: string, body: string, size: number, seconds: number): Promise<number> {
  const connections = connectionsOf(size);
  const load = await runLoad({ url: `${url}/predict/batch`, bodies: [body], connections, seconds });
  if (failuresOf(load) > 0) throw new Error(`batches of ${size}: ${JSON.stringify(load.statuses)}`);
  return load.rate * size;
}

function connectionsOf(size: number): number {
  return Math.min(CONNECTIONS_MAX, Math.floor(ROWS_UNDER_WAY / size));
}

function toReport(tight: Rates, served: Rates, unlogged: number): Report {
  const largest = served.get(LARGEST) ?? Number.NaN;
  const ratio = (size: number): number =>
    round((served.get(size) ?? Number.NaN) / (tight.get(size) ?? Number.NaN), 3);
  return {
    title: "Batch requests of 30 features, 100 trees, logged before the answer",
    rows: SIZES.map((size) => ({
      "rows of a batch": size,
      connections: connectionsOf(size),
      "engine, rows/s": Math.round(served.get(size) ?? Number.NaN),
      "tight loop, rows/s": Math.round(tight.get(size) ?? Number.NaN),
      "engine / tight loop": ratio(size),
    })),
    ratios: {
      "rows/s with the log, 1,000 rows (goal ≥ 250,000)": Math.round(largest),
      "with the log / without, 1,000 rows (higher is better)": round(largest / unlogged),
      ...Object.fromEntries(
        SIZES.map((size) => [`engine / tight loop, batches of ${size} (higher is better)`, ratio(size)]),
      ),
    },
    charts: [
      {
        kind: "lines",
        title: "Throughput by batch size",
        x: "rows of a batch",
        y: "rows per second",
        isLogX: true,
        isLogY: true,
        lines: [
          { name: "tight loop of ONNX Runtime, one thread", points: [...tight] },
          { name: "engine over HTTP, logged", points: [...served] },
        ],
      },
    ],
  };
}

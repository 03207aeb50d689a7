/**
 * The prediction log's way into ClickHouse: whether the sink keeps up with the data plane at its maximum and what it takes of the cores; and how
 * fast it drains a backlog, against raw RowBinary inserts of the same rows into a table of the same structure, in the same ClickHouse.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { TestEngine } from "../test/support/engine.ts";
import { pidOf } from "../test/support/processes.ts";
import { engineCpu } from "./cpu.ts";
import { runLoad } from "./load/run-load.ts";
import { failuresOf } from "./load/subject.ts";
import { measureRawInsert } from "./raw-insert.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";
import { StoredLog } from "./stored-log.ts";

const CONNECTIONS = 64;
const WARM_UP_SECONDS = 2;
const LAG_EVERY_MS = 250;

export async function benchSink(seconds: number): Promise<Report> {
  await using engine = await startBenchEngine();
  await using log = await StoredLog.open(engine);
  await load(engine, WARM_UP_SECONDS);
  await log.untilStored();
  const beside = await measureBeside(engine, log, seconds);
  const backlog = await measureBacklog(engine, log, seconds);
  const raw = await measureRawInsert(engine, seconds);
  return toReport(beside, backlog, raw);
}

/** Rows that were answered, and how many a second. */
async function load(
  engine: TestEngine,
  seconds: number,
): Promise<{ readonly rows: number; readonly rate: number }> {
  const url = `${engine.httpUrl}/predict`;
  const result = await runLoad({ url, bodies: [await requestBody()], connections: CONNECTIONS, seconds });
  if (failuresOf(result) > 0) throw new Error(`predictions failed: ${JSON.stringify(result.statuses)}`);
  return { rows: result.latency.count, rate: result.rate };
}

interface Beside {
  readonly rate: number;
  readonly lagBlocksMax: number;
  /** From the last answer to its row in ClickHouse. */
  readonly behindSeconds: number;
  readonly controlPlaneCores: number;
  readonly clickhouseCores: number;
}

/** Cores are CPU time a row, until the last is stored, times the rows a second: starting the generator does not thin them. */
async function measureBeside(engine: TestEngine, log: StoredLog, seconds: number): Promise<Beside> {
  const before = engineCpu(engine.pid);
  let lagBlocksMax = 0;
  const watching = new AbortController();
  const watch = (async () => {
    while (!watching.signal.aborted) {
      lagBlocksMax = Math.max(lagBlocksMax, await log.lagBlocks());
      await delay(LAG_EVERY_MS);
    }
  })();
  const { rows, rate } = await load(engine, seconds);
  const endedMs = performance.now();
  await log.untilStored();
  const behindSeconds = (performance.now() - endedMs) / 1000;
  const after = engineCpu(engine.pid);
  watching.abort();
  await watch;
  const cores = (part: "controlPlane" | "clickhouse"): number =>
    ((after[part] - before[part]) / 1000 / rows) * rate;
  return {
    rate,
    lagBlocksMax,
    behindSeconds,
    controlPlaneCores: cores("controlPlane"),
    clickhouseCores: cores("clickhouse"),
  };
}

/** Rows per second of a sink that finds a backlog: the control plane is stopped while the log is filled. */
async function measureBacklog(engine: TestEngine, log: StoredLog, seconds: number): Promise<number> {
  const control = pidOf(engine, "control");
  if (control === undefined) throw new Error("there is no control plane");
  process.kill(control, "SIGSTOP");
  let rows = 0;
  try {
    ({ rows } = await load(engine, seconds));
  } finally {
    process.kill(control, "SIGCONT");
  }
  const startedMs = performance.now();
  await log.untilStored();
  return (rows * 1000) / (performance.now() - startedMs);
}

function toReport(beside: Beside, backlog: number, raw: number): Report {
  const { rate, controlPlaneCores, clickhouseCores } = beside;
  const cores = controlPlaneCores + clickhouseCores;
  return {
    title: "Prediction log to ClickHouse, rows of 30 features",
    rows: [
      { what: "raw RowBinary inserts", "rows/s": Math.round(raw) },
      { what: "sink, draining a backlog", "rows/s": Math.round(backlog) },
      {
        what: `data plane at its maximum, ${CONNECTIONS} connections`,
        "rows/s": Math.round(rate),
        "control plane's cores": round(controlPlaneCores),
        "ClickHouse's cores": round(clickhouseCores),
        "lag, blocks at most": beside.lagBlocksMax,
      },
    ],
    ratios: {
      "sink's cores at the data plane's maximum (goal ≤ 0.5)": round(cores),
      "s until all is stored, after it (goal ≤ 2)": round(beside.behindSeconds),
      "sink draining a backlog / raw inserts (higher is better)": round(backlog / raw),
      "data plane's maximum as a share of what the sink drains (goal ≤ 1)": round(rate / backlog),
    },
    charts: [
      {
        kind: "bars",
        title: "Rows per second",
        y: "rows per second",
        bars: [
          ["raw RowBinary inserts", Math.round(raw)],
          ["sink, draining a backlog", Math.round(backlog)],
          ["data plane at its maximum", Math.round(rate)],
        ],
      },
    ],
    raw: { ...beside, backlog, raw },
  };
}

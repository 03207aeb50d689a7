/**
 * POST /predict/batch with 1,000 rows of 30 features, logged before the answer; against the same without a log.
 */
import { median } from "simple-statistics";
import { runLoad } from "./load/run-load.ts";
import { failuresOf } from "./load/subject.ts";
import { startPeer } from "./peer.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const ROWS = 1000;
const CONNECTIONS = 4;
const ROUNDS = 3;

export async function benchBatch(seconds: number): Promise<Report> {
  const { model, features } = JSON.parse(await requestBody()) as { model: string; features: unknown };
  const body = JSON.stringify({ model, instances: Array.from({ length: ROWS }, () => ({ features })) });
  const withoutLog = await startPeer("engine-without-log.js");
  await using engine = await startBenchEngine();
  const rates = { "no log": [] as number[], "log before": [] as number[] };
  const urls = { "no log": withoutLog.url, "log before": engine.httpUrl };
  for (let turn = 0; turn <= ROUNDS; turn++) {
    for (const name of ["no log", "log before"] as const) {
      const load = await runLoad({
        url: `${urls[name]}/predict/batch`,
        bodies: [body],
        connections: CONNECTIONS,
        seconds,
      });
      if (turn > 0) rates[name].push(load.rate * ROWS);
      if (failuresOf(load) > 0) throw new Error(`${name}: ${JSON.stringify(load.statuses)}`);
    }
  }
  withoutLog.stop();
  const rows = Object.entries(rates).map(([subject, values]) => ({
    subject,
    "rows/s": Math.round(median(values)),
  }));
  return {
    title: `Batch request of ${ROWS} rows, ${CONNECTIONS} connections`,
    rows,
    ratios: {
      "rows/s with the log (goal ≥ 100,000)": Math.round(median(rates["log before"])),
      "with the log / without": round(median(rates["log before"]) / median(rates["no log"])),
    },
  };
}
